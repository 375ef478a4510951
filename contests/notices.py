"""What people are told of their contests. Imported by the handlers."""

from contests.services.telling import broadcast_tell_in_tx, participants_tell_in_tx
from core.outbox import EventView, subscribe


def _tell(event: EventView, verb: str) -> None:
    participants_tell_in_tx(
        contest_id=int(event.payload["contest_id"]), verb=verb, reason=str(event.payload.get("reason", ""))
    )


@subscribe("contests.contest_started", "contests.tell_started")
def _started(event: EventView) -> None:
    _tell(event, "started")


@subscribe("contests.contest_ended", "contests.tell_ended")
def _ended(event: EventView) -> None:
    _tell(event, "ended")


@subscribe("contests.contest_cancelled", "contests.tell_cancelled")
def _cancelled(event: EventView) -> None:
    _tell(event, "cancelled")


@subscribe("contests.people_untold", "contests.tell_more")
def _more(event: EventView) -> None:
    participants_tell_in_tx(
        contest_id=int(event.payload["contest_id"]),
        verb=str(event.payload["verb"]),
        reason=str(event.payload["reason"]),
        after_id=int(event.payload["after_id"]),
    )


@subscribe("contests.contest_message", "contests.tell_message")
def _message(event: EventView) -> None:
    broadcast_tell_in_tx(
        contest_id=int(event.payload["contest_id"]),
        broadcast_id=int(event.payload["broadcast_id"]),
        after_id=int(event.payload.get("after_id", 0)),
    )
