"""Tasks of the sandbox."""

from celery import shared_task
from django.conf import settings

from payments.services import sandbox


@shared_task
def sandbox_tick() -> None:
    """Let the sandbox's time pass, where it is allowed."""
    if settings.SANDBOX_PAYMENTS:
        sandbox.sandbox_tick()
