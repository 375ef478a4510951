"""Marks every account of a market at every tick, and begins the day's count.

The accounts lie in memory as columns (trading.services.book), so that a mark is arithmetic on arrays; only what has
changed is written. Writing takes most of the time by far, so who only shows the marks is called before it (`watch`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from weakref import WeakKeyDictionary

import numpy as np
from django.db import connection, transaction

from marketdata.domain.types import MarketView, Tick
from trading.domain.book import Book
from trading.domain.marking import Ints
from trading.domain.views import GroupMarks
from trading.services.book import MarketBook, book_of, forget
from trading.services.pauses import held_prices, resumed_holders

logger = logging.getLogger(__name__)
Watcher = Callable[[MarketView, Tick], None]

# Above this many accounts the equity curve keeps one point a day instead of one a tick (a minute, in live markets).
EVERY_TICK_UP_TO = 2_000
_PURGE = "DELETE FROM trading_bookchange WHERE created_at < now() - interval '2 hours'"

# A session's first mark keeps what the account stood at before it: the day's opening equity.
_MARKS = """
INSERT INTO trading_accountmark AS k
    (account_id, equity_minor, cash_minor, tick, market_at, day_index, day_equity_minor)
SELECT m.id, m.equity, m.cash, %s, %s, %s, m.equity
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS m(id, equity, cash)
ON CONFLICT (account_id) DO UPDATE SET equity_minor = excluded.equity_minor, cash_minor = excluded.cash_minor,
    tick = excluded.tick, market_at = excluded.market_at, day_index = excluded.day_index,
    day_equity_minor = CASE WHEN k.day_index = excluded.day_index THEN k.day_equity_minor ELSE k.equity_minor END
"""
_POINTS = """
INSERT INTO trading_equitypoint (account_id, tick, equity_minor, cash_minor, market_at)
SELECT m.id, %s, m.equity, m.cash, %s FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS m(id, equity, cash)
ON CONFLICT (account_id, tick) DO NOTHING
"""
# Not where a phase has begun anew since the look: its peak is not the old one's.
_PEAKS = """
UPDATE trading_rulelines l SET peak = v.peak
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS v(id, peak, phase)
WHERE l.account_id = v.id AND l.phase = v.phase AND l.peak < v.peak
"""
_FILLS = "SELECT id, fills_count FROM trading_account WHERE id = ANY(%s::bigint[])"
# An account that the book lacks: closed, or opened since it was looked at.
_ELSEWHERE = """
SELECT a.id, coalesce(m.equity_minor, a.cash_minor), coalesce(m.cash_minor, a.cash_minor), a.fills_count
FROM trading_account a LEFT JOIN trading_accountmark m ON m.account_id = a.id WHERE a.id = ANY(%s::bigint[])
"""
_watchers: dict[str, Watcher] = {}
# Fills by slot, for as long as a book lives.
_fills: WeakKeyDictionary[Book, Ints] = WeakKeyDictionary()
# Of a book the accounts that were asked for last, as they were given, and their slots.
_asked: WeakKeyDictionary[Book, tuple[Ints, Ints]] = WeakKeyDictionary()
# The prices of the last mark of markets that do not run: their books are not kept.
_closing: dict[int, dict[int, Decimal]] = {}
_CLOSING_KEPT = 64
_NOBODY: Ints = np.zeros(0, dtype=np.int64)


def watch(name: str, watcher: Watcher) -> None:
    """Call `watcher` at each tick once every mark is known (`marks_now`) and before they are stored; by name, once.

    For what is shown and can be shown again: what it raises is logged, and the marks are stored all the same.
    """
    _watchers[name] = watcher


def mark_tick(market: MarketView, tick: Tick) -> int:
    """Mark all open accounts of the market at the tick's last prices; returns how many. Idempotent per tick.

    Written are the marks that changed, at a session's first tick all of them; the peaks that rules trail; and points of
    the equity curves. The book then holds whom the rules' sweep nominated (trading.services.rules).
    """
    book = book_of(market.id)
    try:
        book.look(market, tick)
        book.mark(tick, held_prices(market.id, tick.index))
        book.nominate(tick, resumed_holders(market.id, tick.index))
        _fills_read(book)
        _tell(market, tick)
        _store(book, tick)
    except BaseException:
        # What is in memory may be ahead of what is stored.
        forget(market.id)
        raise
    accounts = book.accounts
    if tick.is_session_close:
        _purge()
    if market.status != "running":
        _closing[market.id] = book.lasts
        while len(_closing) > _CLOSING_KEPT:
            _closing.pop(next(iter(_closing)))
        forget(market.id)
    return accounts


def _tell(market: MarketView, tick: Tick) -> None:
    for name, watcher in _watchers.items():
        try:
            watcher(market, tick)
        except Exception:
            logger.exception("%s failed at tick %s of market %s", name, tick.index, market.id)


def _fills_read(book: MarketBook) -> None:
    """How often they have traded, of the accounts that this look has read (their slots are dirty until stored)."""
    for side in book.sides.values():
        slots = np.fromiter(side.dirty, dtype=np.int64, count=len(side.dirty))
        counts = _fills.get(side.book)
        if counts is None or len(counts) < side.book.size:
            room = np.zeros(2 * side.book.size, dtype=np.int64)
            room[: 0 if counts is None else len(counts)] = 0 if counts is None else counts
            counts = _fills[side.book] = room
        if len(slots):
            slots = slots[np.argsort(side.book.account_ids[slots])]
            found = _rows(_FILLS, side.book.account_ids[slots], 2)
            known = np.searchsorted(side.book.account_ids[slots], found[:, 0])
            counts[slots[known]] = found[:, 1]


def _rows(statement: str, account_ids: Ints, width: int) -> Ints:
    """Whole numbers by account, in any order."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [_array(account_ids)])
        return np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, width)


def marks_now(market_id: int, currency: str, account_ids: Ints, tick: int) -> GroupMarks | None:
    """Marks at a tick of these accounts (ascending, all of this currency), from memory.

    None when this process has not marked that tick. Accounts that the book lacks are read from the database, those that
    nobody knows are left out. The fills are those of when the accounts were last read.
    """
    book = book_of(market_id)
    side = book.sides.get(currency)
    counts = None if side is None else _fills.get(side.book)
    if side is None or counts is None or book.tick != tick or len(side.marked) != side.book.size:
        return None
    slots = _slots(side.book, account_ids)
    there = slots >= 0
    if bool(there.all()):
        return GroupMarks(account_ids, side.marked[slots], side.book.cash[slots], counts[slots])
    held = slots[there]
    table = np.stack([account_ids[there], side.marked[held], side.book.cash[held], counts[held]])
    table = np.concatenate([table, _rows(_ELSEWHERE, account_ids[~there], 4).T], axis=1)
    return GroupMarks(*table[:, np.argsort(table[0])])


def _slots(book: Book, account_ids: Ints) -> Ints:
    """The slot of each account, -1 where it has none. Remembered for who asks for the same accounts at every tick."""
    ids, (asked, slots) = book.account_ids, _asked.get(book, (None, _NOBODY))
    if asked is account_ids and bool((slots < len(ids)).all()) and np.array_equal(ids[slots], account_ids):
        return slots
    if not len(ids):
        return np.full(len(account_ids), -1, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    slots = order[np.minimum(np.searchsorted(ids, account_ids, sorter=order), len(ids) - 1)]
    _asked[book] = (account_ids, slots)
    return np.where(ids[slots] == account_ids, slots, -1)


def _store(book: MarketBook, tick: Tick) -> None:
    points = (tick.is_kept and book.accounts <= EVERY_TICK_UP_TO) or tick.is_session_close or tick.is_last
    new_day = book.day != tick.day_index
    changed = book.changes(everything=new_day)
    whole = changed if new_day or not points else book.changes(everything=True)
    peaks = book.peaks_take()
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        if len(changed[0]):
            cursor.execute(_MARKS, [tick.index, tick.at, tick.day_index, *map(_array, changed)])
        if points and len(whole[0]):
            cursor.execute(_POINTS, [tick.index, tick.at, *map(_array, whole)])
        if len(peaks[0]):
            cursor.execute(_PEAKS, list(map(_array, peaks)))
    book.stored(tick.day_index)


def _array(column: Ints) -> str:
    """Integers as PostgreSQL writes an array: a quarter of what the driver takes for a long list."""
    return "{" + ",".join(map(str, column.tolist())) + "}"


def _purge() -> None:
    """What told of changes long ago has been read by every process, or will not be (book.STALE_SECONDS)."""
    with connection.cursor() as cursor:
        cursor.execute(_PURGE)


def marked_prices(market_id: int) -> dict[int, Decimal]:
    """The last price by listing id that this process's latest mark of a market went by; empty without one."""
    return dict(book_of(market_id).lasts or _closing.get(market_id, {}))
