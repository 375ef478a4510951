"""How much of a history may be seen: nobody sees here the future of a contest that plays it.

An instrument that the feed follows has a present, and with it a history that is everybody's: it is not cut. Whoever
plays its past should mask it.
"""

from __future__ import annotations

from datetime import date

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

SECONDS = 5
_KEY = "md:horizon"
# Of every replay that has not ended: the session in force, or its first session when it has not begun or is masked
# (its dates say nothing, but its prices could be found in the history).
_SQL = """
SELECT listing.instrument_id, min(CASE
    WHEN market.tick < 0 OR market.tick_at IS NULL OR coalesce((market.definition->>'mask')::boolean, false)
    THEN (market.definition->>'start')::date
    ELSE (market.tick_at AT TIME ZONE 'America/New_York')::date END)
FROM marketdata_listing listing
JOIN marketdata_market market ON market.id = listing.market_id
WHERE market.kind = 'replay' AND market.status <> 'ended'
    AND NOT EXISTS (SELECT FROM marketdata_latestquote q
        WHERE q.instrument_id = listing.instrument_id AND q.at > now() - interval '7 days')
GROUP BY 1
"""


def horizons() -> dict[int, date]:
    """By instrument: the first day of which nothing may be seen. Instruments without a limit are left out.

    Asked of the database every five seconds at most. What is kept is never later than what holds: a market only moves
    forward, except that one that is made now over earlier sessions hides them from then on.
    """
    try:
        kept: dict[int, date] | None = cache.get(_KEY)
        if kept is None:
            kept = horizons_read()
            cache.set(_KEY, kept, SECONDS)
    except RedisError:
        return horizons_read()
    return kept


def horizons_read() -> dict[int, date]:
    """The same, asked now."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL)
        return dict(cursor.fetchall())


def horizon(instrument_id: int) -> date | None:
    """The first day of which nothing of an instrument may be seen; None without a limit."""
    return horizons().get(instrument_id)
