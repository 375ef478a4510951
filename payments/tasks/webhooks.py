"""Tasks of webhooks."""

import logging

from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from payments.services import webhooks

logger = logging.getLogger(__name__)


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


def webhook_hand_over(delivery_id: int) -> None:
    """Have a delivery processed at once; without a queue the next sweep does it."""
    try:
        webhook_process.delay(delivery_id)
    except (OperationalError, OSError):
        logger.warning("webhook %s waits for the next sweep: the queue does not answer", delivery_id)
