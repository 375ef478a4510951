"""What the firm does when something has happened below it."""

from core.outbox import EventView, subscribe
from propfirm.services.lifecycle import verdict_apply_in_tx


@subscribe("trading.verdict", "propfirm.verdict")
def _verdict(event: EventView) -> None:
    verdict_apply_in_tx(event.payload)
