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


def pool_account(contest_id: int) -> str:
    """The ledger account of a contest's prize pool."""
    return chart.prize_pool(f"contest-{contest_id}")


def pool_minor(contest_id: int, currency: str) -> int:
    """What is in a contest's pool, in minor units."""
    return -balance_of(pool_account(contest_id), currency)


def settles_at(contest: Contest) -> datetime | None:
    """When the prizes of a contest go out; None before its end and without anything at stake."""
    if not contest.stakes or contest.ended_at is None:
        return None
    return contest.ended_at + timedelta(hours=Stakes.from_json(contest.stakes).dispute_hours)


def people_ranked(contest: Contest) -> list[Participant]:
    """Who may win, the best first: places count among people."""
    rows = contest.participants.filter(kind="person", status=Participant.Status.ACTIVE, final_rank__isnull=False)
    return list(rows.order_by("final_rank"))


def result_of(contest_id: int) -> ResultView:
    """A contest's stakes as they stand. Raises NotFound."""
    contest = Contest.objects.filter(pk=contest_id).first()
    if contest is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    stakes = Stakes.from_json(contest.stakes)
    rows = Award.objects.filter(contest=contest).select_related("participant").order_by("place")[:200]
    return ResultView(
        pool_minor=pool_minor(contest.pk, stakes.currency) if stakes else 0,
        awards=tuple(
            AwardView(
                row.place, row.participant.display_name, row.participant.account_id, row.amount_minor, row.currency,
                row.badge,
            )
            for row in (rows if stakes else ())
        ),
        settles_at=settles_at(contest),
        settled_at=contest.settled_at,
        proof=dict(contest.proof),
    )  # fmt: skip
