"""What agents do when a contest is announced: take their seats."""

from ai_strategies.services.seats import seats_join_in_tx
from core.outbox import EventView, subscribe


@subscribe("contests.contest_scheduled", "ai_strategies.seats")
def _seats(event: EventView) -> None:
    seats_join_in_tx(int(event.payload["contest_id"]))
