"""The feed's board in Redis: the latest quote of every instrument, and how the feed is doing.

One hash, a field an instrument; a field is one compact row, so writing a few thousand of them is one round trip. The
board is a cache: `LatestQuote` has what is needed when it is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import orjson

from core.redis import ask, client
from marketdata.domain.feed import LiveQuote

KEY = "md:live"
META = "md:live:meta"
WATCHED = "md:watched"
TTL = 7 * 86_400
META_TTL = 60


def live_write(quotes: Iterable[LiveQuote]) -> int:
    """Put quotes on the board in one round trip; how many."""
    fields: list[Any] = []
    for quote in quotes:
        fields += (quote.instrument_id, orjson.dumps(quote.to_row()))
    if not fields:
        return 0
    ask(client(), [("HSET", KEY, *fields), ("EXPIRE", KEY, TTL)])
    return len(fields) // 2


def live_many(ids: Sequence[int]) -> dict[int, LiveQuote]:
    """The latest quotes of these instruments, by id; those that the board does not have are left out."""
    if not ids:
        return {}
    rows = ask(client(), [("HMGET", KEY, *ids)])[0]
    return {ident: _quote(row) for ident, row in zip(ids, rows, strict=True) if row}


def live_all() -> dict[int, LiveQuote]:
    """Every quote on the board, by instrument."""
    flat = ask(client(), [("HGETALL", KEY)])[0]
    pairs = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return {int(key): _quote(row) for key, row in pairs}


def live_drop() -> None:
    """Forget the board (tests, drills)."""
    client().delete(KEY, META)


def _quote(row: bytes | str) -> LiveQuote:
    return LiveQuote.from_row(orjson.loads(row))


def meta_write(meta: Mapping[str, Any]) -> None:
    """Say how the feed is doing; the word holds for a minute."""
    client().set(META, orjson.dumps(dict(meta)), ex=META_TTL)


def live_meta() -> dict[str, Any] | None:
    """What the feed last said of itself; None when it has said nothing for a minute."""
    raw = cast(Any, client().get(META))
    return dict(orjson.loads(raw)) if raw else None


def watched(now: float) -> set[int]:
    """The instruments that somebody watches (`config.stream` keeps the list); what has run out is removed."""
    replies = ask(client(), [("ZREMRANGEBYSCORE", WATCHED, "-inf", now), ("ZRANGE", WATCHED, 0, -1)])
    return {int(member) for member in replies[1]}
