"""Reads of prices at the tick in force. Nothing here can see a later one."""

import numpy as np
from numpy.typing import NDArray
from redis.exceptions import RedisError

from marketdata.adapters import board
from marketdata.domain.metrics import WindowMetrics, window_metrics
from marketdata.domain.types import BarView, ListingView, MarketClock, Quote
from marketdata.selectors.facts import market_facts
from marketdata.selectors.history import listing_map, listings_of, listings_seen, market_slice, symbol_unknown
from marketdata.selectors.live_markets import live_bars, live_closes
from marketdata.selectors.markets import clock_of, market_clock, market_row, quotes_of

MAX_BARS = 1000


def listings(market_id: int) -> list[ListingView]:
    """A market's listings in display order."""
    return list(listing_map(market_id).values())


def rebuild(market_id: int, *, refill: bool = True) -> tuple[dict[str, Quote], MarketClock]:
    """Quotes and clock recomputed from the database, put on the board if it has none."""
    market = market_row(market_id)
    clock, quotes = clock_of(market), quotes_of(market)
    if refill:
        try:
            board.board_refill(clock, quotes)
        except RedisError:
            return quotes, clock
    return quotes, clock


def _renamed(market_id: int, symbol: str) -> str | None:
    """The symbol that a former one has become."""
    known = listings_of(market_id)
    return known.former[symbol].symbol if symbol not in known.current and symbol in known.former else None


def _picked(market_id: int, quotes: dict[str, Quote], symbol: str) -> Quote | None:
    return quotes.get(symbol) or quotes.get(_renamed(market_id, symbol) or "")


def quote_and_clock(market_id: int, symbol: str) -> tuple[Quote | None, MarketClock]:
    """One quote and the clock it belongs to, in one round trip to Redis; from the database when the board is gone.

    A symbol that the listing had before is taken too (a second round trip).
    """
    try:
        quote, clock = board.board_one(market_id, symbol)
        if clock is not None:
            listings_seen(market_id, clock.listings_version)
            if quote is None and (now := _renamed(market_id, symbol)):
                quote, clock = board.board_one(market_id, now)
    except RedisError:
        quotes, rebuilt = rebuild(market_id, refill=False)
        return _picked(market_id, quotes, symbol), rebuilt
    if clock is None:
        quotes, clock = rebuild(market_id)
        quote = _picked(market_id, quotes, symbol)
    return quote, clock


def quote_get(market_id: int, symbol: str) -> Quote | None:
    """The quote in force, or None before the first tick and for a symbol that is not listed or trades no more."""
    return quote_and_clock(market_id, symbol)[0]


def quotes_and_clock(market_id: int) -> tuple[dict[str, Quote], MarketClock]:
    """All quotes in force, in display order, and their clock."""
    try:
        quotes, clock = board.board_all(market_id)
    except RedisError:
        return rebuild(market_id, refill=False)
    if clock is None:
        return rebuild(market_id)
    listings_seen(market_id, clock.listings_version)
    return {symbol: quotes[symbol] for symbol in listing_map(market_id) if symbol in quotes}, clock


def quotes_all(market_id: int) -> dict[str, Quote]:
    """All quotes in force, in display order."""
    return quotes_and_clock(market_id)[0]


def bars(market_id: int, symbol: str, limit: int = 250, *, adjusted: bool = True) -> list[BarView]:
    """The last sessions up to the tick in force: warm-up, completed ones, and the forming one as printed so far.

    `adjusted`: splits undone, in the shares that the market's prices count in now; else as traded on each day. A
    symbol that the listing had before is taken too. Raises NotFound.
    """
    if not market_facts(market_id).is_replay:
        return live_bars(market_row(market_id), symbol, max(0, min(limit, MAX_BARS)), adjusted=adjusted)
    table = market_slice(market_id)
    try:
        return table.bars(symbol, market_clock(market_id).tick, max(0, min(limit, MAX_BARS)), adjusted=adjusted)
    except KeyError as error:
        raise symbol_unknown(symbol) from error


def closes_matrix(market_id: int, lookback: int) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """(symbols, [sessions, symbols]) of what trades: completed closes and the current last, in today's shares.

    NaN where an instrument had no bar yet.
    """
    if not market_facts(market_id).is_replay:
        return live_closes(market_row(market_id), max(1, lookback))
    table, tick = market_slice(market_id), market_clock(market_id).tick
    return table.symbols(tick), table.closes(tick, max(1, lookback))


def metrics(market_id: int, days: int) -> list[WindowMetrics]:
    """Change, volatility and trend of every symbol over the last `days` sessions up to the tick in force."""
    return window_metrics(*closes_matrix(market_id, days + 1))
