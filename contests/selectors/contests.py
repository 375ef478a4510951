"""The reads about contests and who takes part. Other apps get frozen values, never rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Q, QuerySet, When

from contests.domain.admission import EVERYONE, Admission
from contests.domain.sharing import CLOSED_BOOKS, Sharing
from contests.domain.stakes import NOTHING, Stakes
from contests.domain.states import JOINABLE, LIVE, OVER
from contests.models import Contest, Participant, TeamMember
from contests.selectors.access import takes_part
from core.errors import NotFound
from trading.domain.types import Actor


@dataclass(frozen=True, slots=True)
class ContestView:
    """A contest as others see it. The invite code is never part of it."""

    id: int
    slug: str
    series: str
    run_number: int
    name: str
    description: str
    visibility: str
    status: str
    market_id: int
    market_slug: str
    group_id: int
    currency: str
    initial_balance_minor: int
    capacity: int
    participants: int
    starts_at: datetime | None
    ends_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    allowed_symbols: tuple[str, ...]
    constraints: dict[str, Any]
    agents: tuple[str, ...]
    agent_interval_minutes: int
    is_featured: bool
    auto_renew: bool
    is_simulated: bool
    is_masked: bool
    source_label: str
    definition_hash: str
    final_hash: str
    stakes: Stakes = NOTHING
    settled_at: datetime | None = None
    admission: Admission = EVERYONE
    scoring: str = "value"
    sharing: Sharing = CLOSED_BOOKS
    sponsors: tuple[dict[str, str], ...] = ()

    @property
    def takes_entries(self) -> bool:
        """Whether somebody who is admitted may enter now."""
        return self.status in JOINABLE and (self.admission.late_entry or self.status == "scheduled")

    @property
    def is_full(self) -> bool:
        """Whether every place is taken; places that are being paid for are not counted."""
        return self.participants >= self.capacity

    @property
    def is_over(self) -> bool:
        """Whether its standings are final."""
        return self.status in OVER

    @property
    def is_live(self) -> bool:
        """Running or paused."""
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class ParticipantView:
    """A user's place in a contest."""

    contest_id: int
    contest_slug: str
    contest_name: str
    contest_status: str
    user_id: int
    account_id: int
    kind: str
    display_name: str
    joined_at: datetime
    final_rank: int | None
    final_value_minor: int | None
    id: int = 0
    status: str = "active"
    resets: int = 0


def _contests() -> QuerySet[Contest]:
    return Contest.objects.select_related("market").annotate(
        joined=Count("participants", filter=Q(participants__status="active"))
    )


def view_of(row: Contest) -> ContestView:
    """A row as others see it."""
    joined = getattr(row, "joined", None)
    return ContestView(
        id=row.pk,
        slug=row.slug,
        series=row.series,
        run_number=row.run_number,
        name=row.name,
        description=row.description,
        visibility=row.visibility,
        status=row.status,
        market_id=row.market_id,
        market_slug=row.market.slug,
        group_id=row.group_id,
        currency=row.currency,
        initial_balance_minor=row.initial_balance_minor,
        capacity=row.capacity,
        participants=row.participants.filter(status="active").count() if joined is None else joined,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        allowed_symbols=tuple(row.allowed_symbols),
        constraints=dict(row.constraints),
        agents=tuple(row.agents),
        agent_interval_minutes=row.agent_interval_minutes,
        is_featured=row.is_featured,
        auto_renew=row.auto_renew,
        is_simulated=row.market.is_simulated,
        is_masked=bool(row.market.definition.get("mask", False)),
        source_label=row.market.source_label,
        definition_hash=row.definition_hash,
        final_hash=row.final_hash,
        stakes=Stakes.from_json(row.stakes),
        settled_at=row.settled_at,
        admission=Admission.from_json(row.admission),
        scoring=row.scoring,
        sharing=Sharing.from_json(row.sharing),
        sponsors=tuple(row.sponsors),
    )


def contest_by_id(contest_id: int) -> ContestView:
    """A contest by id, whatever its visibility, for callers inside the house. Raises NotFound."""
    row = _contests().filter(pk=contest_id).first()
    if row is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    return view_of(row)


def contest_by_slug(slug: str) -> ContestView | None:
    """A contest by slug, whatever its visibility, for callers inside the house."""
    row = _contests().filter(slug=slug).first()
    return None if row is None else view_of(row)


def series_exists(series: str) -> bool:
    """Whether a series has had any run."""
    return Contest.objects.filter(series=series).exists()


def contest_get(slug: str, viewer: Actor | None = None, invite_code: str = "") -> ContestView:
    """A contest by slug. Drafts are for operators; private ones also for participants and who has the code."""
    row = _contests().filter(slug=slug).first()
    if row is None or not _may_see(row, viewer, invite_code):
        raise NotFound("contest_not_found", "There is no such contest.")
    return view_of(row)


def _may_see(row: Contest, viewer: Actor | None, invite_code: str) -> bool:
    if viewer is not None and viewer.is_staff:
        return True
    if row.status == "draft":
        return False
    if row.visibility == Contest.Visibility.PUBLIC or (invite_code and invite_code == row.invite_code):
        return True
    if viewer is None or viewer.user_id is None:
        return False
    return takes_part(row.pk, viewer.user_id)


def contests_query(viewer: Actor | None, statuses: Sequence[str] = ()) -> QuerySet[Contest]:
    """The contests that the viewer may list: public ones and those joined; all for an operator. Newest first."""
    rows = _contests().order_by("-id")
    if statuses:
        rows = rows.filter(status__in=statuses)
    if viewer is not None and viewer.is_staff:
        return rows
    seen = Q(visibility=Contest.Visibility.PUBLIC)
    if viewer is not None and viewer.user_id is not None:
        seen |= Q(pk__in=Participant.objects.filter(user_id=viewer.user_id).values("contest_id"))
        seen |= Q(pk__in=TeamMember.objects.filter(user_id=viewer.user_id, left_at=None).values("contest_id"))
    return rows.filter(seen).exclude(status="draft")


def running_first(rows: QuerySet[Contest]) -> QuerySet[Contest]:
    """The same contests as a visitor wants them: what runs, the featured one first, then what comes, then the rest."""
    rank = Case(When(status__in=("active", "paused"), then=0), When(status="scheduled", then=1), default=2)
    return rows.order_by(rank, "-is_featured", "-id")


def contests_list(viewer: Actor | None = None, statuses: Sequence[str] = (), limit: int = 100) -> list[ContestView]:
    """The newest contests that the viewer may list."""
    return [view_of(row) for row in contests_query(viewer, statuses)[:limit]]


def contests_on_market(market_id: int, statuses: Sequence[str]) -> list[ContestView]:
    """The contests that play on a market, in id order."""
    return [view_of(row) for row in _contests().filter(market_id=market_id, status__in=statuses).order_by("id")]


def featured() -> ContestView | None:
    """The contest of the front page: a featured one that runs, else one that will, else the last that ran."""
    rows = _contests().filter(is_featured=True, visibility=Contest.Visibility.PUBLIC)
    for statuses in (["active", "paused"], ["scheduled"], ["ended", "settled"]):
        row = rows.filter(status__in=statuses).order_by("-id").first()
        if row is not None:
            return view_of(row)
    return None


def _participants(user_id: int) -> QuerySet[Participant]:
    """The places of a user: their own, and those of the teams that they are in."""
    teams = TeamMember.objects.filter(user_id=user_id, left_at=None).values("team__participant_id")
    rows = Participant.objects.select_related("contest").filter(Q(user_id=user_id) | Q(pk__in=teams))
    return rows.exclude(status="withdrawn").order_by("-id")


def _participant_view(row: Participant) -> ParticipantView:
    return ParticipantView(
        contest_id=row.contest_id,
        contest_slug=row.contest.slug,
        contest_name=row.contest.name,
        contest_status=row.contest.status,
        user_id=row.user_id,
        account_id=row.account_id,
        kind=row.kind,
        display_name=row.display_name,
        joined_at=row.joined_at,
        final_rank=row.final_rank,
        final_value_minor=row.final_value_minor,
        id=row.pk,
        status=row.status,
        resets=row.resets,
    )


def participant_get(contest_id: int, user_id: int | None) -> ParticipantView | None:
    """The user's place in the contest, or their team's, if it has joined; one that was taken out of it too."""
    row = _participants(user_id).filter(contest_id=contest_id).first() if user_id is not None else None
    return None if row is None else _participant_view(row)


def participants_of_user(user_id: int, limit: int = 100) -> list[ParticipantView]:
    """The contests that a user has joined, newest first."""
    return [_participant_view(row) for row in _participants(user_id)[:limit]]
