"""What is at stake in a contest and what became of it: pool, prizes, winners, proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from contests.domain.stakes import Stakes
from contests.models import Award, Contest, Participant
from core.errors import NotFound
from payments.domain import chart
from payments.selectors.books import balance_of


@dataclass(frozen=True, slots=True)
class AwardView:
    """A prize that was won."""

    place: int
    name: str
    account_id: int
    amount_minor: int
    currency: str
    badge: str


@dataclass(frozen=True, slots=True)
class ResultView:
    """`pool_minor`: what is in the pool now. `settles_at`: when prizes are owed; None before the end."""

    pool_minor: int
    awards: tuple[AwardView, ...]
    settles_at: datetime | None
    settled_at: datetime | None
    proof: dict[str, Any]


def result_of(contest_id: int) -> ResultView:
    """A contest's stakes as they stand. Raises NotFound."""
    contest = Contest.objects.filter(pk=contest_id).first()
    if contest is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    stakes = Stakes.from_json(contest.stakes)
    pool = -balance_of(chart.prize_pool(f"contest-{contest.pk}"), stakes.currency) if stakes else 0
    rows = Award.objects.filter(contest=contest).select_related("participant").order_by("place")[:200]
    due = None
    if stakes and contest.ended_at is not None:
        due = contest.ended_at + timedelta(hours=stakes.dispute_hours)
    return ResultView(
        pool_minor=pool,
        awards=tuple(
            AwardView(
                row.place, row.participant.display_name, row.participant.account_id, row.amount_minor, row.currency,
                row.badge,
            )
            for row in rows
        ),
        settles_at=due,
        settled_at=contest.settled_at,
        proof=dict(contest.proof),
    )  # fmt: skip


def may_leave(contest_id: int, user_id: int) -> bool:
    """Whether a person may leave a contest now: they are in it, and it has not started."""
    rows = Participant.objects.filter(contest_id=contest_id, user_id=user_id, status="active")
    return rows.filter(contest__status="scheduled").exists()
