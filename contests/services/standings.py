"""Standings at every tick: ranked on the marks, shown on the board, pushed, and recorded once a market day."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db.models import QuerySet
from redis.exceptions import RedisError

from contests.adapters import board
from contests.domain.packing import pack
from contests.domain.scoring import LOOKING_BACK
from contests.domain.standings import Ints, standings_hash
from contests.domain.states import LIVE
from contests.models import Contest, Participant, ScoreState, StandingSnapshot
from contests.selectors.courses import course_before, course_none
from contests.selectors.standings import (
    Table,
    board_rows,
    people,
    people_forget,
    previous_ranks,
    rows_of,
    table_compute,
)
from core import push
from core.money import major_text
from marketdata.domain.types import MarketView, Tick, iso
from trading.selectors import equity_at
from trading.services.marking import marks_now

logger = logging.getLogger(__name__)

PUSHED_ROWS = 50
RECORDED_ROWS = 1000
EVERY_TICK_UP_TO = 1000
MOST_CONTESTS_KEPT = 64
_previous: dict[int, tuple[int, Ints]] = {}
# The last table of each contest that was shown as soon as the marks were known, with its tick.
_shown: dict[int, tuple[int, Table]] = {}


def standings_show(market: MarketView, tick: Tick) -> None:
    """Rank and show every contest of the market as soon as the marks of a tick are known (trading's `watch`)."""
    for contest in _live(market):
        _, ids, _ = people(contest)
        marks = marks_now(market.id, contest.currency, ids, tick.index)
        if marks is None:
            continue
        table = table_compute(contest, _ranks_before(contest.pk, tick.day_index), tick.day_index, marks)
        show(contest, table, tick)
        if len(_shown) > MOST_CONTESTS_KEPT:
            _shown.clear()
        _shown[contest.pk] = (tick.index, table)


def standings_tick(market: MarketView, tick: Tick) -> None:
    """The tick listener: what was not shown yet is, and a day's close is recorded. Idempotent per tick."""
    for contest in _live(market):
        if tick.is_kept or tick.is_session_close or not _is_large(contest.pk):
            standings_refresh(contest, tick)


def _live(market: MarketView) -> QuerySet[Contest]:
    return Contest.objects.filter(market_id=market.id, status__in=[str(status) for status in LIVE])


def _is_large(contest_id: int) -> bool:
    """Whether ranks that must be read from the database are computed once a minute instead of at every tick."""
    rows = Participant.objects.filter(contest_id=contest_id)
    return len(rows.values_list("pk")[: EVERY_TICK_UP_TO + 1]) > EVERY_TICK_UP_TO


def standings_refresh(contest: Contest, tick: Tick) -> Table:
    """Rank one contest at a tick and show it, unless that is done; record it at a day's close."""
    at, table = _shown.pop(contest.pk, (None, None))
    if table is None or at != tick.index:
        table = table_compute(contest, _ranks_before(contest.pk, tick.day_index), tick.day_index)
        show(contest, table, tick)
    if tick.is_session_close or tick.is_last:
        snapshot_record(contest, table, day_index=tick.day_index, tick=tick)
        course_record(contest, tick)
    return table


def _ranks_before(contest_id: int, day_index: int) -> Ints:
    kept = _previous.get(contest_id)
    if kept is None or kept[0] != day_index:
        if len(_previous) > MOST_CONTESTS_KEPT:
            _previous.clear()
        kept = (day_index, previous_ranks(contest_id, day_index))
        _previous[contest_id] = kept
    return kept[1]


def _amount(currency: str) -> Callable[[int], str]:
    return lambda minor: major_text(minor, currency)


def show(contest: Contest, table: Table, tick: Tick) -> None:
    """Put standings on the board and push the top. Best effort: readers compute them when the board is gone."""
    known, _, _ = people(contest)
    rows = rows_of(table.columns[:, :PUSHED_ROWS], known, contest)
    top = board_rows(rows, _amount(contest.currency))
    meta = {"tick": tick.index, "at": iso(tick.at), "day": tick.day_index, "total": table.total, "ranked": table.ranked}
    try:
        board.board_write(contest.pk, meta=meta, columns=table.columns)
    except RedisError:
        logger.warning("standings of contest %s not shown", contest.pk, exc_info=True)
    push.publish(f"contest:{contest.pk}", "standings", {**meta, "rows": top})


def table_hash(contest: Contest, table: Table) -> str:
    """The hash of standings by name: the same for two runs that ended equal to the minor unit."""
    known, _, _ = people(contest)
    rows = [
        (place, known[account].name, value, cash, trades)
        for account, place, _, value, cash, trades, _ in table.columns.T.tolist()
        if account in known
    ]
    return standings_hash(rows)


def snapshot_record(contest: Contest, table: Table, *, day_index: int, tick: Tick, is_final: bool = False) -> str:
    """Record the top for good; a second record of the same day is left out. Returns the hash of what is recorded."""
    top = Table(table.columns[:, :RECORDED_ROWS], table.ranked)
    digest = table_hash(contest, top)
    kept = top.columns.T.tolist()
    row = StandingSnapshot(
        contest=contest,
        day_index=day_index,
        tick=tick.index,
        market_at=tick.at,
        is_final=is_final,
        total=table.total,
        packed=pack(table.columns[[0, 1, 3]]),
        rows=[[place, account, value, cash, trades] for account, place, _, value, cash, trades, _ in kept],
        hash=digest,
    )
    StandingSnapshot.objects.bulk_create([row], ignore_conflicts=True)
    return digest


def course_record(contest: Contest, tick: Tick) -> None:
    """Keep what a score that looks back needs of this close, of everyone; a second record of a day is left out."""
    if contest.scoring not in LOOKING_BACK:
        return
    before = course_before(contest, tick.day_index) or course_none(contest)
    course = before.closed(equity_at(contest.group_id, tick.index), contest.initial_balance_minor)
    row = ScoreState(contest=contest, day_index=tick.day_index, tick=tick.index, columns=course.pack())
    ScoreState.objects.bulk_create([row], ignore_conflicts=True)


def forget_process_state() -> None:
    """Drop what a crash would drop (tests, where ids come back after a rollback)."""
    _previous.clear()
    _shown.clear()
    people_forget()
