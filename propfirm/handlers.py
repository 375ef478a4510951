"""What the firm does when something has happened below it."""

from core.outbox import EventView, subscribe
from propfirm.services.lifecycle import verdict_apply_in_tx
from propfirm.services.payouts import payout_paid_in_tx


@subscribe("trading.verdict", "propfirm.verdict")
def _verdict(event: EventView) -> None:
    verdict_apply_in_tx(event.payload)


@subscribe("payments.payout", "propfirm.payout")
def _payout(event: EventView) -> None:
    payout_paid_in_tx(event.payload)
