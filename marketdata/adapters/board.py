"""The quote board in Redis: one hash a market, a field a symbol, and the clock beside them.

One hash means one atomic command for a whole tick, and quote and clock read together always belong together. The board
is a cache: whatever is missing is recomputed from the database.
"""

import json
from collections.abc import Awaitable, Mapping
from functools import lru_cache
from typing import Any, cast

from redis.client import Pipeline
from redis.exceptions import WatchError

from core.redis import ask, client
from marketdata.domain.types import MarketClock, Quote, dumps

CLOCK = "@"
# A board that nobody writes any more goes; who reads it gets it rebuilt.
BOARD_TTL = 86_400


def key(market_id: int) -> str:
    """The board's key."""
    return f"md:board:{market_id}"


def _sync(value: Awaitable[Any] | Any) -> Any:
    """The client is synchronous; its type says either."""
    return cast(Any, value)


def _fields(clock: MarketClock, quotes: Mapping[str, Quote]) -> dict[str, str]:
    fields = {symbol: dumps(quote.to_json()) for symbol, quote in quotes.items()}
    fields[CLOCK] = dumps(clock.to_json())
    return fields


def board_write(clock: MarketClock, quotes: Mapping[str, Quote]) -> None:
    """Put a tick on the board in one transaction: clock and quotes, in place of all that was there."""
    pipe = client().pipeline()
    _put(pipe, clock, quotes)
    pipe.execute()


def _put(pipe: Pipeline, clock: MarketClock, quotes: Mapping[str, Quote]) -> None:
    pipe.delete(key(clock.market_id))
    pipe.hset(key(clock.market_id), mapping=cast(Any, _fields(clock, quotes)))
    pipe.expire(key(clock.market_id), BOARD_TTL)


def board_refill(clock: MarketClock, quotes: Mapping[str, Quote]) -> None:
    """Fill a board that is not there. A board that has appeared in the meantime is newer and stays."""
    name = key(clock.market_id)
    with client().pipeline() as pipe:
        pipe.watch(name)  # type: ignore[no-untyped-call]
        if pipe.exists(name):
            return
        pipe.multi()
        _put(pipe, clock, quotes)
        try:
            pipe.execute()
        except WatchError:
            return


def board_drop(market_id: int) -> None:
    """Forget a board; it is rebuilt on the next read."""
    client().delete(key(market_id))


def board_clock(market_id: int) -> MarketClock | None:
    """The clock, if the board is there."""
    raw = _sync(client().hget(key(market_id), CLOCK))
    return MarketClock.from_json(json.loads(raw)) if raw else None


def board_one(market_id: int, symbol: str) -> tuple[Quote | None, MarketClock | None]:
    """One quote and the clock it belongs to, in one round trip."""
    quote, clock = ask(client(), [("HMGET", key(market_id), symbol, CLOCK)])[0]
    return (_quote(quote) if quote and symbol != CLOCK else None, _clock(clock) if clock else None)


# A quote is in force for many orders: what was read once is not read again while it stays the same.
@lru_cache(maxsize=4096)
def _quote(raw: bytes | str) -> Quote:
    return Quote.from_json(json.loads(raw))


@lru_cache(maxsize=256)
def _clock(raw: bytes | str) -> MarketClock:
    return MarketClock.from_json(json.loads(raw))


def board_all(market_id: int) -> tuple[dict[str, Quote], MarketClock | None]:
    """All quotes and their clock, in one round trip."""
    fields = _sync(client().hgetall(key(market_id)))
    clock = fields.pop(CLOCK, None)
    quotes = {symbol: _quote(raw) for symbol, raw in fields.items()}
    return quotes, MarketClock.from_json(json.loads(clock)) if clock else None
