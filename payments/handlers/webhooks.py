"""Webhooks that have just been stored are processed at once; the sweep takes what is left over."""

from core.outbox import EventView, subscribe
from payments.services.webhooks import TOPIC
from payments.tasks import webhooks


@subscribe(TOPIC, "payments.webhooks")
def webhook_received(event: EventView) -> None:
    """Process it in the worker."""
    webhooks.webhook_process.delay(int(event.payload["delivery_id"]))
