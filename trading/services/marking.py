"""Marks every account of a market at every tick, and begins the day's count.

The accounts lie in memory as columns (trading.services.book), so that a mark is arithmetic on arrays; only what has
changed is written.
"""

from __future__ import annotations

from django.db import connection, transaction

from marketdata.domain.types import MarketView, Tick
from trading.domain.marking import Ints
from trading.services.book import MarketBook, book_of, forget

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


def mark_tick(market: MarketView, tick: Tick) -> int:
    """Mark all open accounts of the market at the tick's last prices; returns how many. Idempotent per tick.

    Written are the marks that changed, at a session's first tick all of them; the peaks that rules trail; and points of
    the equity curves. The book then holds whom the rules' sweep nominated (trading.services.rules).
    """
    book = book_of(market.id)
    try:
        book.look(market, tick)
        book.mark(tick)
        book.nominate(tick)
        _store(book, tick)
    except BaseException:
        # What is in memory may be ahead of what is stored.
        forget(market.id)
        raise
    accounts = book.accounts
    if tick.is_session_close:
        _purge()
    if market.status != "running":
        forget(market.id)
    return accounts


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
