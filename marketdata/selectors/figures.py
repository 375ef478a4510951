"""Figures of the last sessions: of one instrument, and of everything that a market lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
from django.core.cache import cache
from redis.exceptions import RedisError

from marketdata.adapters.bars_binary import table_read
from marketdata.domain.candles_query import CLOSE, COLUMNS, DAY, OPEN, TIME, VOLUME, undo_splits
from marketdata.domain.feed import MICRO
from marketdata.domain.metrics import YEAR_SESSIONS, RangeMetrics, WindowMetrics, range_metrics, window_metrics
from marketdata.domain.replay import Basis, IntArray
from marketdata.domain.slices import Slice
from marketdata.domain.splits import round_rows
from marketdata.domain.types import ListingView
from marketdata.models import CorporateAction, Instrument
from marketdata.selectors.candles import candles
from marketdata.selectors.facts import market_facts
from marketdata.selectors.history import listing_map, market_slice
from marketdata.selectors.markets import market_clock
from marketdata.selectors.prices import live_of
from marketdata.selectors.quotes import metrics

KEPT_SECONDS, LIVE_SECONDS = 60, 5
_MICRO_SIZE = Decimal(1).scaleb(-6)
_DAYS = f"""
SELECT wanted.id, (bar.date - DATE '1970-01-01')::bigint * {DAY}, (open * {MICRO})::bigint, (high * {MICRO})::bigint,
       (low * {MICRO})::bigint, (close * {MICRO})::bigint, volume
FROM unnest(%s::bigint[]) AS wanted(id)
CROSS JOIN LATERAL (SELECT * FROM marketdata_dailybar WHERE instrument_id = wanted.id ORDER BY date DESC LIMIT %s) bar
ORDER BY wanted.id, bar.date
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class SymbolMetrics:
    """Change, volatility and trend of a symbol, and what its bars say beyond their closes."""

    symbol: str
    days: int
    change_pct: float | None
    volatility_pct: float | None
    trend: str | None
    ranges: RangeMetrics


def instrument_metrics(instrument_id: int, days: int) -> SymbolMetrics:
    """Figures of an instrument over its last `days` sessions that may be seen, in today's shares. Raises NotFound."""
    found = candles(instrument_id, "1D", countback=max(days + 1, YEAR_SESSIONS + 1))
    symbol = Instrument.objects.values_list("symbol", flat=True).get(pk=instrument_id)
    table = found.table
    closes = (table[-days - 1 :, CLOSE] / MICRO).reshape(-1, 1).astype(np.float64)
    window = window_metrics((symbol,), closes)[0] if len(table) else WindowMetrics(symbol, 0, None, None, None)
    ranges = range_metrics(
        table[:, OPEN : CLOSE + 1], table[:, VOLUME], days, size=_MICRO_SIZE, is_forming=found.is_forming
    )
    return _joined(window, ranges)


def market_metrics(market_id: int, days: int) -> list[SymbolMetrics]:
    """Figures of every symbol of a market over the last `days` sessions up to the tick in force.

    Kept by tick; those of a live market for a few seconds.
    """
    is_replay = market_facts(market_id).is_replay
    tick = market_clock(market_id).tick if is_replay else -1
    key = f"md:metrics:{market_id}:{tick}:{days}"
    try:
        kept: list[SymbolMetrics] | None = cache.get(key)
    except RedisError:
        kept = None
    if kept is not None:
        return kept
    windows = metrics(market_id, days)
    ranges = _replay_ranges(market_slice(market_id), tick, days) if is_replay else _live_ranges(market_id, days)
    found = [_joined(window, ranges.get(window.symbol, RangeMetrics())) for window in windows]
    try:
        cache.set(key, found, KEPT_SECONDS if is_replay else LIVE_SECONDS)
    except RedisError:
        return found
    return found


def _joined(window: WindowMetrics, ranges: RangeMetrics) -> SymbolMetrics:
    return SymbolMetrics(window.symbol, window.days, window.change_pct, window.volatility_pct, window.trend, ranges)


def _replay_ranges(table: Slice, tick: int, days: int) -> dict[str, RangeMetrics]:
    """Of a replay: its own sessions up to the tick, the forming one from its prints so far."""
    completed, today, forming = table.completed_rows(tick), table.begun(tick), table.is_forming(tick)
    rows = slice(max(completed - max(days, YEAR_SESSIONS + 1), 0), completed)
    names, found = table.names(tick), {}
    for column in table.trading(tick):
        ohlc, volume = table.ohlc[rows, column], table.volume[rows, column]
        ratios = table.columns[column].ratios
        if table.basis == Basis.TRADED and ratios is not None and len(ohlc):
            factors = [ratio / ratios[today] for ratio in ratios[rows]]
            ohlc, volume = round_rows(ohlc, factors), round_rows(volume, [1 / factor for factor in factors])
        known = ohlc[:, 0] > 0
        ohlc, volume = ohlc[known], volume[known]
        if forming:
            prints = table.last[tick - table.phase(tick) : tick + 1, column]
            bar = [[prints[0], prints.max(), prints.min(), prints[-1]]]
            ohlc, volume = np.concatenate((ohlc, np.array(bar, dtype=np.int64))), np.append(volume, 0)
        size = table.tick_sizes[column]
        found[names[column]] = range_metrics(ohlc, volume, days, size=size, is_forming=forming)
    return found


def _live_ranges(market_id: int, days: int) -> dict[str, RangeMetrics]:
    """Of a live market: stored days and the feed's forming one, all instruments in three questions."""
    views = list(listing_map(market_id).values())
    tables = _daily_tables(views, max(days + 1, YEAR_SESSIONS + 1))
    live = live_of([view.instrument_id for view in views])
    found = {}
    for view in views:
        table, quote, forming = tables[view.instrument_id], live.get(view.instrument_id), False
        if quote is not None and quote.open and quote.last:
            at = int(datetime.combine(quote.session, datetime.min.time(), tzinfo=UTC).timestamp())
            forming = not len(table) or int(table[-1, TIME]) < at
            if forming:
                row = [at, quote.open, max(quote.high, quote.last), min(quote.low or quote.last, quote.last)]
                table = np.concatenate((table, np.array([[*row, quote.last, quote.volume]], dtype=np.int64)))
        found[view.symbol] = range_metrics(
            table[:, OPEN : CLOSE + 1], table[:, VOLUME], days, size=_MICRO_SIZE, is_forming=forming
        )
    return found


def _daily_tables(views: Sequence[ListingView], rows: int) -> dict[int, IntArray]:
    """The last daily bars of many instruments, in today's shares."""
    ids = [view.instrument_id for view in views]
    every = table_read(_DAYS, [ids, rows], COLUMNS + 1)
    actions = CorporateAction.objects.filter(
        instrument_id__in=ids, kind=CorporateAction.Kind.SPLIT, value__gt=0, ex_date__lte=datetime.now(tz=UTC).date()
    )
    splits: dict[int, list[tuple[int, Fraction]]] = {ident: [] for ident in ids}
    for ident, day, value in actions.values_list("instrument_id", "ex_date", "value"):
        splits[ident].append((int(datetime.combine(day, datetime.min.time(), tzinfo=UTC).timestamp()), Fraction(value)))
    return {ident: undo_splits(every[every[:, 0] == ident][:, 1:], splits[ident]) for ident in ids}
