"""Sending what people are told."""

from celery import shared_task

from accounts.services.deliveries import deliveries_send
from accounts.services.digests import digests_send


@shared_task(soft_time_limit=50, time_limit=60)
def deliveries() -> None:
    """Send what is due."""
    deliveries_send()


@shared_task(soft_time_limit=50, time_limit=60)
def digests() -> None:
    """Send the digests that are due."""
    digests_send()
