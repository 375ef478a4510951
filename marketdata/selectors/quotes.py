"""Reads of prices at the tick in force. Nothing here can see a later one."""

import numpy as np
from numpy.typing import NDArray
from redis.exceptions import RedisError

from core.errors import NotFound
from marketdata.adapters import board
from marketdata.domain.metrics import WindowMetrics, window_metrics
from marketdata.domain.types import BarView, ListingView, MarketClock, Quote
from marketdata.selectors.history import listing_map, market_slice
from marketdata.selectors.markets import clock_of, market_clock, market_row

MAX_BARS = 1000


def listing_get(market_id: int, symbol: str) -> ListingView | None:
    """A listing by symbol; kept by the process, since a market's listings never change."""
    return listing_map(market_id).get(symbol)


def listings(market_id: int) -> list[ListingView]:
    """A market's listings in display order."""
    return list(listing_map(market_id).values())


def rebuild(market_id: int, *, refill: bool = True) -> tuple[dict[str, Quote], MarketClock]:
    """Quotes and clock recomputed from the database, put on the board if it has none."""
    market = market_row(market_id)
    clock = clock_of(market)
    quotes = market_slice(market_id).tick(market.tick, market.source_label).quotes if market.tick >= 0 else {}
    if refill:
        try:
            board.board_refill(clock, quotes)
        except RedisError:
            return quotes, clock
    return quotes, clock


def quote_and_clock(market_id: int, symbol: str) -> tuple[Quote | None, MarketClock]:
    """One quote and the clock it belongs to, in one round trip to Redis; from the database when the board is gone."""
    try:
        quote, clock = board.board_one(market_id, symbol)
    except RedisError:
        quotes, rebuilt = rebuild(market_id, refill=False)
        return quotes.get(symbol), rebuilt
    if clock is None:
        quotes, clock = rebuild(market_id)
        quote = quotes.get(symbol)
    return quote, clock


def quote_get(market_id: int, symbol: str) -> Quote | None:
    """The quote in force, or None before the first tick and for a symbol that is not listed."""
    try:
        quote, is_there = board.board_quote(market_id, symbol)
    except RedisError:
        return rebuild(market_id, refill=False)[0].get(symbol)
    return quote if is_there else rebuild(market_id)[0].get(symbol)


def quotes_and_clock(market_id: int) -> tuple[dict[str, Quote], MarketClock]:
    """All quotes in force, in display order, and their clock."""
    try:
        quotes, clock = board.board_all(market_id)
    except RedisError:
        return rebuild(market_id, refill=False)
    if clock is None:
        return rebuild(market_id)
    return {symbol: quotes[symbol] for symbol in listing_map(market_id) if symbol in quotes}, clock


def quotes_all(market_id: int) -> dict[str, Quote]:
    """All quotes in force, in display order."""
    return quotes_and_clock(market_id)[0]


def bars(market_id: int, symbol: str, limit: int = 250) -> list[BarView]:
    """The last sessions up to the tick in force: warm-up, completed ones, and the forming one as printed so far."""
    table = market_slice(market_id)
    if symbol not in table.columns:
        raise NotFound("unknown_symbol", "There is no such symbol in this market.", {"symbol": symbol[:16]})
    return table.bars(symbol, market_clock(market_id).tick, max(0, min(limit, MAX_BARS)))


def closes_matrix(market_id: int, lookback: int) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """(symbols, [sessions, symbols]): completed closes and the current last. NaN where an instrument had no bar yet."""
    table = market_slice(market_id)
    return table.symbols, table.closes(market_clock(market_id).tick, max(1, lookback))


def metrics(market_id: int, days: int) -> list[WindowMetrics]:
    """Change, volatility and trend of every symbol over the last `days` sessions up to the tick in force."""
    return window_metrics(*closes_matrix(market_id, days + 1))
