"""What contests do when something has happened below them, or to themselves."""

from contests import notices  # noqa: F401  what people are told
from contests.services.lifecycle import market_ended_in_tx, renew_after_in_tx
from core.outbox import EventView, subscribe


@subscribe("marketdata.market_ended", "contests.close")
def _close(event: EventView) -> None:
    market_ended_in_tx(int(event.payload["market_id"]))


@subscribe("contests.contest_ended", "contests.renew")
def _renew(event: EventView) -> None:
    renew_after_in_tx(int(event.payload["contest_id"]))
