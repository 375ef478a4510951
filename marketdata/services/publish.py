"""Showing a market: its quotes and clock on the board, its ticks on the push channel."""

import logging

from redis.exceptions import RedisError

from core.push import publish
from marketdata.adapters.board import board_write
from marketdata.domain.types import MarketClock, Quote, Tick, iso, plain
from marketdata.models import Market
from marketdata.selectors import clock_of, market_row, market_state, quotes_of

logger = logging.getLogger(__name__)

RACES = 5


def channel(market_id: int) -> str:
    """The push channel of a market."""
    return f"market:{market_id}"


def quote_row(quote: Quote) -> list[str]:
    """What the `tick` event carries for a symbol: last, bid, ask, change in percent from the previous close."""
    return [plain(quote.last), plain(quote.bid), plain(quote.ask), plain(quote.change_pct)]


def tick_payload(clock: MarketClock, tick: Tick) -> dict[str, object]:
    """The `tick` event. `halted` and `actions` are there when there are any."""
    halted = [symbol for symbol, quote in tick.quotes.items() if quote.halted]
    more: dict[str, object] = {"halted": halted} if halted else {}
    if tick.actions:
        more["actions"] = [action.to_json() for action in tick.actions]
    return {
        "tick": tick.index,
        "at": iso(tick.at),
        "day": tick.day_index,
        "days": clock.days_total,
        "phase": tick.phase,
        "close": tick.is_session_close,
        "quotes": {symbol: quote_row(quote) for symbol, quote in tick.quotes.items()},
        **more,
    }


def board_show(market: Market, quotes: dict[str, Quote]) -> None:
    """Put a market's state on the board, and again if the row has moved on meanwhile.

    Whoever changes the row shows it afterwards, and looks at the row once more after showing: so of two that race
    (a tick and a pause, a halt), the last to write has seen both changes.
    """
    for _ in range(RACES):
        board_write(clock_of(market), quotes)
        if market_state(market.pk) == (market.tick, market.status, market.listings_version):
            return
        market = market_row(market.pk)
        quotes = quotes_of(market)


def tick_publish(*, market: Market, tick: Tick) -> None:
    """Put a tick on the board and push it. Raises RedisError when the board cannot be written."""
    board_show(market, tick.quotes)
    publish(channel(market.pk), "tick", tick_payload(clock_of(market), tick))


def status_publish(*, market: Market) -> None:
    """Show a changed status on the board and on the channel. Best effort: the row is the truth."""
    try:
        board_show(market, quotes_of(market))
    except RedisError:
        logger.warning("board of market %s not updated", market.pk, exc_info=True)
    publish(channel(market.pk), "status", {"status": market.status, "tick": market.tick})
