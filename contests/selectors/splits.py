"""Parts and movements of standings: people, agents, friends, a country; who moved most; one's ranks over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from django.db.models import Avg, Count, Max

from contests.domain.packing import unpack
from contests.domain.standings import Ints
from contests.domain.states import OVER
from contests.models import Contest, Participant, StandingSnapshot
from contests.selectors.follows import followed_ids
from contests.selectors.standings import standings_page
from core.errors import Invalid
from trading.domain.types import Actor

ONLY = r"^(people|agents|friends|country:[A-Za-z]{2})$"
MOVERS = 5


@dataclass(frozen=True, slots=True)
class Mover:
    """Who has moved since the close of the market day before. `by` is positive upwards."""

    account_id: int
    name: str
    kind: str
    rank: int
    by: int


@dataclass(frozen=True, slots=True)
class RankPoint:
    """A rank at the close of a market day; None while unranked."""

    day_index: int
    market_at: datetime
    rank: int | None
    value_minor: int
    total: int


@dataclass(frozen=True, slots=True)
class Side:
    """People or agents as a whole. Returns in hundredths of a percent."""

    kind: str
    count: int
    mean_bps: int
    best_bps: int

    @property
    def mean_pct(self) -> Decimal:
        """The mean return in percent."""
        return Decimal(self.mean_bps) / 100

    @property
    def best_pct(self) -> Decimal:
        """The best return in percent."""
        return Decimal(self.best_bps) / 100


def only_accounts(contest_id: int, only: str, viewer: Actor | None) -> Ints | None:
    """The accounts of a part of the standings; None for all. Raises Invalid `unknown_part`, `sign_in_first`."""
    if not only:
        return None
    rows = Participant.objects.filter(contest_id=contest_id, status="active")
    name, _, detail = only.partition(":")
    if name in ("people", "agents"):
        rows = rows.filter(kind="person" if name == "people" else "agent")
    elif name == "friends":
        if viewer is None or viewer.user_id is None:
            raise Invalid("sign_in_first", "Sign in to see those whom you follow.", {"field": "only"})
        rows = rows.filter(user_id__in=[viewer.user_id, *followed_ids(viewer.user_id)])
    elif name == "country":
        # Where people live shows of those only who have a public page.
        rows = rows.filter(user__profile__country=detail.upper(), user__profile__is_public=True)
    else:
        raise Invalid("unknown_part", "There is no such part of the standings.", {"field": "only"})
    return np.array(sorted(rows.values_list("account_id", flat=True)), dtype=np.int64)


def countries(contest_id: int) -> list[tuple[str, int]]:
    """The countries of those in a contest who have a public page, the most frequent first, at most 50."""
    rows = Participant.objects.filter(contest_id=contest_id, status="active", user__profile__is_public=True)
    found = rows.exclude(user__profile__country="").values_list("user__profile__country").annotate(n=Count("pk"))
    return list(found.order_by("-n", "user__profile__country")[:50])


def sides(contest_id: int, initial_minor: int) -> list[Side]:
    """Agents against people, each as a whole: those who are ranked."""
    rows = Participant.objects.filter(contest_id=contest_id, status="active", account__fills_count__gt=0)
    value = "final_value_minor" if Contest.objects.get(pk=contest_id).status in OVER else "account__mark__equity_minor"
    found = rows.values("kind").annotate(count=Count("pk"), mean=Avg(value), best=Max(value)).order_by("-kind")

    def bps(minor: object) -> int:
        return round((float(str(minor or initial_minor)) - initial_minor) * 10_000 / initial_minor)

    return [Side(row["kind"], row["count"], bps(row["mean"]), bps(row["best"])) for row in found]


def movers(contest_id: int, size: int = MOVERS) -> tuple[list[Mover], list[Mover]]:
    """Who has climbed most and fallen most since the last close, of the first 200 and those who were among them."""
    moved = [
        Mover(row.account_id, row.name, row.kind, row.rank, row.previous_rank - row.rank)
        for row in standings_page(contest_id, size=200, sparklines=False).rows
        if row.rank and row.previous_rank
    ]
    up = sorted((item for item in moved if item.by > 0), key=lambda item: (-item.by, item.rank))
    down = sorted((item for item in moved if item.by < 0), key=lambda item: (item.by, item.rank))
    return up[:size], down[:size]


def rank_history(contest_id: int, account_id: int) -> list[RankPoint]:
    """The rank of an account at each recorded close, the oldest first."""
    snapshots = StandingSnapshot.objects.filter(contest_id=contest_id).order_by("tick", "is_final")
    found: dict[int, RankPoint] = {}
    for shot in snapshots[:200]:
        place, value = _place_in(shot.rows, bytes(shot.packed) if shot.packed else b"", account_id)
        if value is not None:
            found[shot.day_index] = RankPoint(shot.day_index, shot.market_at, place or None, value, shot.total)
    return [found[day] for day in sorted(found)]


def _place_in(rows: Sequence[Sequence[int]], packed: bytes, account_id: int) -> tuple[int, int | None]:
    """(rank, value) of an account in a snapshot: of its top, else of everyone; no value when it is not in it."""
    for row in rows:
        if row[1] == account_id:
            return row[0], row[2]
    if packed:
        columns = unpack(packed)
        at = np.flatnonzero(columns[0] == account_id)
        if len(at):
            return int(columns[1][at[0]]), int(columns[2][at[0]])
    return 0, None
