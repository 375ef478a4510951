"""Reading standings: from the board when it is there, computed from the marks when it is not, frozen once ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any

import numpy as np
from django.db.models import F
from redis.exceptions import RedisError

from contests.adapters import board
from contests.domain.packing import unpack
from contests.domain.scoring import score_text
from contests.domain.standings import Field, Ints, rank, return_text
from contests.domain.states import OVER
from contests.models import Contest, Participant, StandingSnapshot
from contests.selectors.courses import courses_forget, scores_of
from core.errors import NotFound
from marketdata import selectors as market_selectors
from trading import selectors as trading_selectors
from trading.domain.views import GroupMarks

SPARK_POINTS = 60
# From so many people on, the board is shown as it is.
TRUSTED_FROM = 1_000
NO_RANKS: Ints = np.zeros((2, 0), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class StandingRow:
    """One participant in the standings. `rank` is None for who has not traded; amounts are integer minor units."""

    rank: int | None
    previous_rank: int | None
    account_id: int
    user_id: int
    name: str
    kind: str
    value_minor: int
    cash_minor: int
    return_pct: str
    trades: int
    joined_at: datetime
    sparkline: tuple[int, ...] = ()
    score: str = ""


@dataclass(frozen=True, slots=True)
class StandingsPage:
    """A stretch of the standings. `tick` is the tick they are marked at, -1 before the first."""

    rows: list[StandingRow]
    total: int
    ranked: int
    tick: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Table:
    """Whole standings, best first. `columns`: account, rank, previous rank, value, cash, trades, score."""

    columns: Ints
    ranked: int

    @property
    def total(self) -> int:
        """Participants, ranked or not."""
        return int(self.columns.shape[1])


@dataclass(frozen=True, slots=True)
class Person:
    """The lasting part of a participant."""

    account_id: int
    user_id: int
    name: str
    kind: str
    joined_at: datetime


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Who takes part in a contest, as far as this process has read: up to participant id `last`."""

    last: int
    known: dict[int, Person]
    ids: Ints
    joined: Ints
    since: float  # when it was read from the start, on the process's own clock
    version: int


MOST_CONTESTS_KEPT = 64
# Names change: whoever leaves the platform is called otherwise from then on.
PEOPLE_KEPT_SECONDS = 600.0
_PERSON = ("account_id", "user_id", "display_name", "kind", "joined_at")
_people: dict[int, _Crowd] = {}


def people(contest: Contest) -> tuple[dict[int, Person], Ints, Ints]:
    """Participants by account, and (account ids ascending, joining times in microseconds).

    The process keeps them and reads only who has joined since: joins are serialised by the contest's lock, so a newer
    participant has a higher id. It reads them all again every ten minutes, and when the contest has another version of
    its people.
    """
    contest_id = contest.pk
    now = monotonic()
    kept = _people.get(contest_id)
    if kept is None or now - kept.since > PEOPLE_KEPT_SECONDS or kept.version != contest.people_version:
        nobody = np.array([], dtype=np.int64)
        kept = _Crowd(0, {}, nobody, nobody, now, contest.people_version)
    rows = Participant.objects.filter(contest_id=contest_id, id__gt=kept.last).order_by("id")
    found = list(rows.values_list("id", *_PERSON))
    if found:
        fresh = [Person(*row[1:]) for row in found]
        ids = np.array([person.account_id for person in fresh], dtype=np.int64)
        joined = np.array([round(person.joined_at.timestamp() * 1_000_000) for person in fresh], dtype=np.int64)
        ids, joined = np.concatenate([kept.ids, ids]), np.concatenate([kept.joined, joined])
        order = np.argsort(ids)
        known = kept.known | {person.account_id: person for person in fresh}
        kept = _Crowd(found[-1][0], known, ids[order], joined[order], kept.since, kept.version)
        if len(_people) > MOST_CONTESTS_KEPT:
            _people.clear()
        _people[contest_id] = kept
    return kept.known, kept.ids, kept.joined


def people_forget() -> None:
    """Empty what the process keeps (tests, where ids come back after a rollback)."""
    courses_forget()
    _people.clear()


def least_trades(contest: Contest) -> int:
    """How many trades it takes to be ranked."""
    return int(contest.constraints.get("min_trades") or 1)


def table_compute(
    contest: Contest, previous: Ints = NO_RANKS, day_index: int | None = None, marks: GroupMarks | None = None
) -> Table:
    """Rank the contest's participants on their latest marks.

    `previous`: earlier ranks, [2, n]: account ascending, rank. `day_index`: the market day of the marks, whose own
    close is not yet looked back on. `marks`: those of the accounts in ascending order, where the process knows them;
    else they are read.
    """
    contest_id, group_id = contest.pk, contest.group_id
    _, ids, joined = people(contest)
    marks = marks or trading_selectors.group_marks(group_id)
    gone = list(
        Participant.objects.filter(contest_id=contest_id).exclude(status="active").values_list("account_id", flat=True)
    )
    if gone or not np.array_equal(ids, marks.account_ids):
        marks, joined = _of_these(marks, ids[~np.isin(ids, gone)], joined[~np.isin(ids, gone)])
    field = Field(
        account_id=marks.account_ids,
        value_minor=marks.equity,
        cash_minor=marks.cash,
        joined_us=joined,
        trades=marks.fills.astype(np.int64),
        score=scores_of(contest, marks.account_ids, marks.equity, day_index),
    )
    ranking = rank(field, least_trades(contest))
    order = ranking.order
    before = _ranks_of(previous, field.account_id)
    found = (field.account_id, ranking.rank, before, field.value_minor, field.cash_minor, field.trades, field.scored)
    columns = np.empty((len(found), len(order)), dtype=np.int64)
    for into, column in zip(columns, found, strict=True):
        np.take(column, order, out=into)
    return Table(columns=columns, ranked=ranking.ranked)


def _of_these(marks: GroupMarks, ids: Ints, joined: Ints) -> tuple[GroupMarks, Ints]:
    """The marks of these accounts with their joining times; all ascending. Who has no mark is left out."""
    places = np.searchsorted(ids, marks.account_ids)
    known = places < len(ids)
    known[known] = ids[places[known]] == marks.account_ids[known]
    found = GroupMarks(marks.account_ids[known], marks.equity[known], marks.cash[known], marks.fills[known])
    return found, joined[places[known]]


def _ranks_of(ranks: Ints, account_ids: Ints) -> Ints:
    """The rank of each account, 0 where it has none."""
    if not ranks.shape[1]:
        return np.zeros(len(account_ids), dtype=np.int64)
    at = np.minimum(np.searchsorted(ranks[0], account_ids), ranks.shape[1] - 1)
    return np.where(ranks[0][at] == account_ids, ranks[1][at], 0)


def previous_ranks(contest_id: int, day_index: int) -> Ints:
    """Ranks at the close of the last recorded market day before `day_index`, [2, n]: account ascending, rank."""
    rows = StandingSnapshot.objects.filter(contest_id=contest_id, is_final=False, day_index__lt=day_index)
    found = rows.order_by("-day_index").values_list("packed", "rows").first()
    if found is None:
        return NO_RANKS
    packed, top = found
    pairs = np.array([(row[1], row[0]) for row in top], dtype=np.int64).reshape(-1, 2).T
    if packed is not None:
        pairs = unpack(bytes(packed))[:2]
    return pairs[:, np.argsort(pairs[0])]


def rows_of(columns: Ints, known: Mapping[int, Person], contest: Contest) -> list[StandingRow]:
    """Columns as rows with names."""
    rows = []
    for account, place, before, value, cash, trades, score in columns.T.tolist():
        person = known.get(account)
        if person is not None:
            rows.append(
                StandingRow(
                    rank=place or None,
                    previous_rank=before or None,
                    account_id=account,
                    user_id=person.user_id,
                    name=person.name,
                    kind=person.kind,
                    value_minor=value,
                    cash_minor=cash,
                    return_pct=return_text(value, contest.initial_balance_minor),
                    trades=trades,
                    joined_at=person.joined_at,
                    score=score_text(contest.scoring, score),
                )
            )
    return rows


def _contest(contest_id: int) -> Contest:
    row = Contest.objects.select_related("market").filter(pk=contest_id).first()
    if row is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    return row


def _from_board(contest: Contest, start: int, stop: int, around: int | None) -> StandingsPage | None:
    """The rows as they are shown; None when nothing is, or not everyone."""
    try:
        shown = board.board_slice(contest.pk, start=start, count=stop - start, around=around)
    except RedisError:
        return None
    if shown is None or not _knows_all(contest.pk, int(shown.meta["total"])):
        return None
    meta = shown.meta
    rows = rows_of(shown.columns, _named(contest.pk, shown.columns[0].tolist()), contest)
    return StandingsPage(rows, int(meta["total"]), int(meta["ranked"]), int(meta["tick"]), is_final=False)


def _knows_all(contest_id: int, total: int) -> bool:
    """Whether a board of so many people is to be shown.

    Of a few, when nobody has joined or left since. Of many, always: who has joined is there at the next tick, and if
    everyone ranked them all until then, there would be no next tick.
    """
    if total > TRUSTED_FROM:
        return True
    return Participant.objects.filter(contest_id=contest_id, status="active").count() == total


def _whole(contest: Contest) -> tuple[Ints, int, int]:
    """Columns, ranked and tick of everyone before the end: from the board while it knows them, else computed."""
    try:
        shown = board.board_read(contest.pk, head_only=False)
    except RedisError:
        shown = None
    if shown is not None and _knows_all(contest.pk, int(shown[0]["total"])):
        meta, columns = shown
        return columns, int(meta["ranked"]), int(meta["tick"])
    tick = contest.market.tick
    day = market_selectors.timeline(contest.market_id).day_of(tick)
    table = table_compute(contest, previous_ranks(contest.pk, day), day)
    return table.columns, table.ranked, tick


def _live(contest: Contest, start: int, stop: int, around: int | None, only: Ints | None) -> StandingsPage:
    """Rows of a contest that has not ended."""
    page = _from_board(contest, start, stop, around) if only is None else None
    if page is not None:
        return page
    columns, ranked, tick = _whole(contest)
    if only is not None:
        columns = columns[:, np.isin(columns[0], only)]
        ranked = int((columns[1] > 0).sum())
    if around is not None:
        at = np.flatnonzero(columns[0] == around)
        size = stop - start
        start = max(int(at[0]) - size // 2, 0) if len(at) else 0
        stop = start + size
    picked = columns[:, start:stop]
    rows = rows_of(picked, _named(contest.pk, picked[0].tolist()), contest)
    return StandingsPage(rows, columns.shape[1], ranked, tick, is_final=False)


def _named(contest_id: int, account_ids: Sequence[int]) -> dict[int, Person]:
    rows = Participant.objects.filter(contest_id=contest_id, account_id__in=account_ids)
    return {row[0]: Person(*row) for row in rows.values_list(*_PERSON)}


def _final(contest: Contest, start: int, stop: int, around: int | None, only: Ints | None) -> StandingsPage:
    """Rows as they were frozen at the end."""
    order = (
        F("final_rank").asc(nulls_last=True),
        F("final_score").desc(nulls_last=True),
        "-final_value_minor",
        "-final_cash_minor",
        "joined_at",
        "account_id",
    )
    rows = Participant.objects.filter(contest=contest, status="active").order_by(*order)
    if only is not None:
        rows = rows.filter(account_id__in=only.tolist())
    if around is not None:
        ids = list(rows.values_list("account_id", flat=True))
        size = stop - start
        start = max(ids.index(around) - size // 2, 0) if around in ids else 0
        stop = start + size
    out = [
        StandingRow(
            rank=row.final_rank,
            previous_rank=row.final_rank,
            account_id=row.account_id,
            user_id=row.user_id,
            name=row.display_name,
            kind=row.kind,
            value_minor=row.final_value_minor or 0,
            cash_minor=row.final_cash_minor or 0,
            return_pct=return_text(row.final_value_minor or 0, contest.initial_balance_minor),
            trades=row.final_trades or 0,
            joined_at=row.joined_at,
            score=score_text(contest.scoring, row.final_score or 0),
        )
        for row in rows[start:stop]
    ]
    ranked = rows.filter(final_rank__isnull=False).count()
    return StandingsPage(out, rows.count(), ranked, contest.market.tick, is_final=True)


def standings_page(
    contest_id: int,
    *,
    start: int = 0,
    size: int = 50,
    around_account: int | None = None,
    sparklines: bool = True,
    only: Ints | None = None,
) -> StandingsPage:
    """Rows `start`..`start+size`, or `size` rows with `around_account` in their middle.

    `only`: of these accounts, with the ranks that they have among all; `total` and `ranked` count them alone.
    """
    contest = _contest(contest_id)
    stop = start + max(1, min(size, 200))
    read = _final if contest.status in OVER else _live
    page = read(contest, start, stop, around_account, only)
    return replace(page, rows=_with_sparklines(page.rows)) if sparklines else page


def standings_first(contest_id: int, most: int) -> list[StandingRow]:
    """The first rows, however many, without sparklines: for a file."""
    contest = _contest(contest_id)
    read = _final if contest.status in OVER else _live
    return read(contest, 0, most, None, None).rows


def _with_sparklines(rows: Sequence[StandingRow]) -> list[StandingRow]:
    lines = trading_selectors.sparklines([row.account_id for row in rows], SPARK_POINTS)
    return [replace(row, sparkline=tuple(lines.get(row.account_id, ()))) for row in rows]


def standings(contest_id: int, top: int = 50, around_account: int | None = None) -> list[StandingRow]:
    """The first `top` rows, or `top` rows around an account."""
    return standings_page(contest_id, size=top, around_account=around_account).rows


def board_rows(rows: Sequence[StandingRow], amount: Any) -> list[dict[str, Any]]:
    """Rows as the push event and the board carry them; `amount` writes minor units as text."""
    return [
        {
            "rank": row.rank,
            "prev": row.previous_rank,
            "account_id": row.account_id,
            "name": row.name,
            "kind": row.kind,
            "value": amount(row.value_minor),
            "return_pct": row.return_pct,
            "cash": amount(row.cash_minor),
            "trades": row.trades,
            **({"score": row.score} if row.score else {}),
        }
        for row in rows
    ]
