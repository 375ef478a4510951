"""One step of a contest's state machine: row, audit entry, event and push together, under the contest's lock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from contests.domain.states import may_move
from contests.models import Contest
from core import push
from core.errors import Conflict
from core.services import audit, outbox
from trading.domain.types import Actor

SYSTEM = Actor(user_id=None, label="system")
# target status -> the topic that tells of it
TOPICS = {"scheduled": "scheduled", "active": "started", "paused": "paused", "ended": "ended",
          "settled": "settled", "cancelled": "cancelled"}  # fmt: skip


def now() -> datetime:
    """Wall time by the database's clock, the same for every worker: contests open and close by it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)


def move_in_tx(contest: Contest, target: str, *, actor: Actor, reason: str = "", topic: str | None = None) -> None:
    """Move a locked contest to `target`; raises Conflict when its state does not allow that."""
    before = contest.status
    if not may_move(before, target):
        details = {"status": before, "contest": contest.slug}
        raise Conflict("contest_state", f"A contest that is {before} cannot become {target}.", details)
    contest.status = target
    contest.save(update_fields=["status"])
    audit.record(
        actor=actor,
        action=f"contest.{topic or TOPICS[target]}",
        subject_type="contest",
        subject_id=contest.pk,
        before={"status": before},
        after={"status": target},
        reason=reason,
    )
    tell(contest, topic or TOPICS[target], reason=reason)
    status_push(contest)


def tell(contest: Contest, verb: str, **payload: Any) -> None:
    """Write the event `contests.contest_{verb}` in the caller's transaction."""
    outbox.emit(
        topic=f"contests.contest_{verb}",
        aggregate=f"contest:{contest.pk}",
        payload={"contest_id": contest.pk, "slug": contest.slug, "status": contest.status, **payload},
    )


def status_push(contest: Contest) -> None:
    """Show the contest's status to who watches it, once the transaction commits."""
    push.publish(f"contest:{contest.pk}", "status", {"slug": contest.slug, "status": contest.status})
