"""Tasks of webhooks."""

from celery import shared_task
from django.utils import timezone

from payments.services import webhooks


@shared_task
def webhook_process(delivery_id: int) -> None:
    """Process one delivery."""
    webhooks.webhook_process(delivery_id)


@shared_task
def webhooks_process_due() -> None:
    """Process what waits: what failed before, and what no task was made for."""
    webhooks.webhooks_process_due()


@shared_task
def webhooks_purge() -> None:
    """Forget what is older than the retention."""
    webhooks.webhooks_purge(now=timezone.now())
