"""How a contest that is over went: everyone's equity over its course, their places at each close, and their trades."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection

from contests.domain.packing import unpack
from contests.models import Participant, StandingSnapshot
from contests.selectors.contests import ContestView
from contests.selectors.standings import standings_page
from core.errors import Conflict
from trading.domain.views import FillView
from trading.selectors.curves import curve_moments, curves_at
from trading.selectors.fills import fills

TOP, MOST_LINES, MOST_POINTS, MOST_CLOSES = 20, 50, 400, 400
# Of a snapshot with more rows than it lists, everyone's place lies packed; unpacking is work, so some closes only.
MOST_UNPACKED = 40
MOST_TRADES, MOST_NAMES = 500, 10
_ACTIVE = Participant.Status.ACTIVE

# The closes of a contest, evenly thinned; of the last day the final standings.
_CLOSES = """
SELECT id, day_index, tick, market_at FROM (
    SELECT d.*, row_number() OVER (ORDER BY day_index) - 1 AS place, count(*) OVER () AS total FROM (
        SELECT DISTINCT ON (day_index) id, day_index, tick, market_at FROM contests_standingsnapshot
        WHERE contest_id = %(contest)s ORDER BY day_index, is_final DESC) AS d) AS p
WHERE place IN (0, total - 1)
    OR place * %(steps)s / greatest(total - 1, 1) > (place - 1) * %(steps)s / greatest(total - 1, 1)
ORDER BY day_index
"""
_PLACES = """
SELECT s.id, (e.value->>1)::bigint, (e.value->>0)::int FROM contests_standingsnapshot s
CROSS JOIN LATERAL jsonb_array_elements(s.rows) AS e
WHERE s.id = ANY(%s::bigint[]) AND (e.value->>1)::bigint = ANY(%s::bigint[])
"""


@dataclass(frozen=True, slots=True)
class Close:
    """A market day's close whose standings were recorded."""

    day: int
    tick: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One participant's course. `values`: equity in minor units at each moment; `places`: rank at each close.

    None: not there yet, not ranked, or not recorded.
    """

    account_id: int
    name: str
    kind: str
    final_rank: int | None
    trades: int
    values: tuple[int | None, ...]
    places: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """A contest's course. `moments`: (tick, market time), `days` the market day of each.

    `is_everyone`: whether each participant has a line. `traded`: whose trades are given, None: nobody's.
    """

    moments: tuple[tuple[int, datetime], ...]
    days: tuple[int, ...]
    closes: tuple[Close, ...]
    lines: tuple[Line, ...]
    participants: int
    traded: int | None
    trades: tuple[FillView, ...]

    @property
    def is_everyone(self) -> bool:
        """Whether each participant has a line."""
        return len(self.lines) == self.participants


@dataclass(frozen=True, slots=True)
class Named:
    """A participant by name."""

    account_id: int
    name: str
    kind: str
    final_rank: int | None


def timeline_of(
    contest: ContestView,
    *,
    viewer_account: int | None = None,
    accounts: Sequence[int] = (),
    trades_of: int | None = None,
) -> Timeline:
    """The course of a contest that is over: the first twenty, the viewer, and who was asked for, 50 lines in all.

    `trades_of`: whose trades to give; of a participant's more than 500 the newest. Raises Conflict `contest_not_over`.
    """
    if not contest.is_over:
        details = {"status": contest.status}
        raise Conflict("contest_not_over", "A contest can be watched again once it is over.", details)
    people, total = _people(contest.id, viewer_account, accounts)
    closes = _closes(contest.id)
    moments = _moments(contest.id)
    ids = [person.account_id for person in people]
    values = curves_at(ids, [tick for tick, _ in moments])
    places = _places(contest.id, closes, ids)
    traded = trades_of if trades_of in ids else None
    found = fills(traded, limit=MOST_TRADES) if traded is not None else []
    ends = [close.tick for _, close in closes]
    return Timeline(
        moments=tuple(moments),
        days=tuple(_day_of(tick, closes, ends) for tick, _ in moments),
        closes=tuple(close for _, close in closes),
        lines=tuple(
            Line(one.account_id, one.display_name, one.kind, one.final_rank, one.final_trades or 0,
                 tuple(values[one.account_id]), tuple(places[one.account_id]))
            for one in people
        ),
        participants=total,
        traded=traded,
        trades=tuple(reversed(found)),
    )  # fmt: skip


def names_find(contest_id: int, text: str) -> list[Named]:
    """The first ten participants whose name holds this text, the best first; none for a text of nothing."""
    text = " ".join(text[:40].split())
    if not text:
        return []
    rows = Participant.objects.filter(contest_id=contest_id, status=_ACTIVE, display_name__icontains=text)
    found = rows.order_by("final_rank", "id")[:MOST_NAMES]
    return [Named(row.account_id, row.display_name, row.kind, row.final_rank) for row in found]


def _people(contest_id: int, viewer: int | None, accounts: Sequence[int]) -> tuple[list[Participant], int]:
    """Whose lines are drawn, in the order of the final standings; and how many participants there are."""
    page = standings_page(contest_id, size=TOP, sparklines=False)
    wanted = [row.account_id for row in page.rows]
    wanted += [account for account in (viewer, *accounts) if account is not None and account not in wanted]
    ids = list(dict.fromkeys(wanted))[:MOST_LINES]
    rows = Participant.objects.filter(contest_id=contest_id, status=_ACTIVE, account_id__in=ids)
    order = {account: place for place, account in enumerate(ids)}
    # Who was asked for stands after the first twenty, by place.
    last = len(page.rows)
    return sorted(rows, key=lambda row: (min(order[row.account_id], last), row.final_rank or 2**31)), page.total


def _moments(contest_id: int) -> list[tuple[int, datetime]]:
    """The moments of the curves: those of whoever joined first, who has seen most of it."""
    first = Participant.objects.filter(contest_id=contest_id, status=_ACTIVE).order_by("joined_at", "id").first()
    return [] if first is None else curve_moments(first.account_id, MOST_POINTS)


def _closes(contest_id: int) -> list[tuple[int, Close]]:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSES, {"contest": contest_id, "steps": MOST_CLOSES - 1})
        return [(ident, Close(day, tick, at)) for ident, day, tick, at in cursor.fetchall()]


def _day_of(tick: int, closes: Sequence[tuple[int, Close]], ends: Sequence[int]) -> int:
    """The market day of a tick: that of the first close at or after it."""
    at = bisect_left(ends, tick)
    return closes[at][1].day if at < len(closes) else closes[-1][1].day if closes else 0


def _places(contest_id: int, closes: Sequence[tuple[int, Close]], ids: Sequence[int]) -> dict[int, list[int | None]]:
    """Each account's rank at each close."""
    column = {ident: at for at, (ident, _) in enumerate(closes)}
    found: dict[int, list[int | None]] = {account: [None] * len(closes) for account in ids}
    seen: set[tuple[int, int]] = set()
    with connection.cursor() as cursor:
        cursor.execute(_PLACES, [list(column), list(ids)])
        for ident, account, place in cursor.fetchall():
            found[account][column[ident]] = place or None
            seen.add((ident, account))
    missing = [ident for ident in column if any((ident, account) not in seen for account in ids)]
    step = -(-len(missing) // MOST_UNPACKED) or 1
    rows = StandingSnapshot.objects.filter(contest_id=contest_id, pk__in=missing[::-step], packed__isnull=False)
    for ident, packed in rows.values_list("pk", "packed").iterator(chunk_size=4):
        assert packed is not None
        accounts, ranks = unpack(bytes(packed))[:2]
        for at in np.flatnonzero(np.isin(accounts, ids)).tolist():
            found[int(accounts[at])][column[ident]] = int(ranks[at]) or None
    return found
