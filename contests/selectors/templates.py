"""The reads about templates, and what the replay arena shows of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q

from contests.domain.states import CLOSED, LIVE, ContestStatus
from contests.domain.templates import Facts, facts_of
from contests.models import Contest, ContestTemplate, Participant
from core.errors import NotFound
from marketdata.domain.replay import PRINTS

MOST_TEMPLATES, MOST_WATCHED, MOST_FINISHED = 50, 12, 6
ARENA_A_DAY = 3
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A template as others see it. `document` holds its history's dates, so it is for operators only."""

    id: int
    slug: str
    name: str
    blurb: str
    document: dict[str, Any]
    cadence: str
    zone: str
    next_at: datetime | None
    is_arena: bool
    is_active: bool
    facts: Facts

    @property
    def market(self) -> dict[str, Any]:
        """The definition of its market."""
        return dict(self.document["market"])

    @property
    def minutes(self) -> int:
        """About how many minutes of wall time a run takes; 0 where nobody has counted its days."""
        market = self.market
        ticks = self.facts.days * int(market.get("prints", PRINTS))
        return round(ticks * Decimal(str(market.get("seconds_per_tick", 5))) / 60)


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of an arena template, as the arena lists it. `place` and `of`: where the viewer came, once it is over.

    `invite_code` is there for who has started it.
    """

    slug: str
    name: str
    status: str
    template_id: int
    starts_at: datetime | None
    participants: int
    joined: bool = False
    place: int | None = None
    of: int = 0
    value_minor: int | None = None
    initial_minor: int = 0
    currency: str = "USD"
    invite_code: str = ""

    @property
    def is_live(self) -> bool:
        """Running or paused."""
        return self.status in LIVE


@dataclass(frozen=True, slots=True)
class ArenaView:
    """What the arena shows: templates, the public run of each that comes next, what runs, and the viewer's own."""

    templates: tuple[TemplateView, ...]
    upcoming: dict[int, RunView]
    running: tuple[RunView, ...]
    mine: RunView | None
    finished: tuple[RunView, ...]
    starts_left: int


def template_view(row: ContestTemplate) -> TemplateView:
    """A row as others see it."""
    return TemplateView(
        id=row.pk, slug=row.slug, name=row.name, blurb=row.blurb, document=dict(row.document), cadence=row.cadence,
        zone=row.zone, next_at=row.next_at, is_arena=row.is_arena, is_active=row.is_active,
        facts=facts_of(row.document),
    )  # fmt: skip


def template_get(slug: str) -> TemplateView:
    """A template by its slug. Raises NotFound."""
    row = ContestTemplate.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound("template_not_found", "There is no such template.", {"slug": slug[:60]})
    return template_view(row)


def templates_list(*, arena: bool | None = None) -> list[TemplateView]:
    """The templates in use, by name; the arena's, the others, or all; the first fifty."""
    rows = ContestTemplate.objects.filter(is_active=True)
    if arena is not None:
        rows = rows.filter(is_arena=arena)
    return [template_view(row) for row in rows[:MOST_TEMPLATES]]


def arena_view(*, user_id: int | None, at: datetime) -> ArenaView:
    """The replay arena as somebody sees it at a moment; a visitor has nothing of their own there."""
    found = tuple(templates_list(arena=True))
    public = _runs(user_id).filter(visibility=Contest.Visibility.PUBLIC, template_id__in=[one.id for one in found])
    coming = list(public.filter(status=ContestStatus.SCHEDULED, starts_at__gt=at).order_by("starts_at")[:100])
    upcoming: dict[int, RunView] = {}
    for row in coming:
        upcoming.setdefault(row.template_id or 0, _run(row))
    live = [str(status) for status in LIVE]
    running = tuple(_run(row) for row in public.filter(status__in=live).order_by("-started_at")[:MOST_WATCHED])
    if user_id is None:
        return ArenaView(found, upcoming, running, None, (), 0)
    own = arena_runs_of(user_id).exclude(status__in=[str(status) for status in CLOSED]).first()
    used = arena_runs_of(user_id).filter(created_at__gt=at - A_DAY).count()
    return ArenaView(
        found, upcoming, running, None if own is None else replace(_run(own), invite_code=own.invite_code),
        _finished(user_id), max(ARENA_A_DAY - used, 0),
    )  # fmt: skip


def arena_runs_of(user_id: int) -> Any:
    """The private runs of the arena that a person has started, newest first, as rows."""
    rows = _runs(user_id).filter(visibility=Contest.Visibility.PRIVATE, created_by_id=user_id)
    return rows.filter(template__is_arena=True).order_by("-id")


def _runs(user_id: int | None) -> Any:
    taking = Q(participants__status=Participant.Status.ACTIVE)
    return Contest.objects.annotate(
        joined=Count("participants", filter=taking),
        mine=Count("participants", filter=taking & Q(participants__user_id=user_id or 0)),
    )


def _run(row: Any) -> RunView:
    return RunView(
        row.slug, row.name, row.status, row.template_id or 0, row.starts_at, row.joined, joined=bool(row.mine)
    )


def _finished(user_id: int) -> tuple[RunView, ...]:
    """How the viewer's newest runs of the arena came out, public ones too."""
    rows = (
        Participant.objects.filter(
            user_id=user_id, status=Participant.Status.ACTIVE, contest__template__is_arena=True,
            contest__status__in=(ContestStatus.ENDED, ContestStatus.SETTLED),
        )
        .select_related("contest")
        .annotate(of=Count("contest__participants", filter=Q(contest__participants__final_rank__isnull=False)))
        .order_by("-contest_id")[:MOST_FINISHED]
    )  # fmt: skip
    return tuple(
        RunView(
            slug=row.contest.slug, name=row.contest.name, status=row.contest.status,
            template_id=row.contest.template_id or 0, starts_at=row.contest.starts_at, participants=0, joined=True,
            place=row.final_rank, of=getattr(row, "of", 0), value_minor=row.final_value_minor,
            initial_minor=row.contest.initial_balance_minor, currency=row.contest.currency,
        )
        for row in rows
    )  # fmt: skip
