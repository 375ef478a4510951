"""What the feed leaves in the database: minutes and coarser bars, last quotes, anomalies, events, back-filled gaps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from django.db import connection, transaction

from marketdata.adapters.bars_copy import bars_copy, bars_roll
from marketdata.domain.candles import Row, is_whole
from marketdata.domain.feed import FeedBar, LiveQuote, at_of
from marketdata.domain.providers import Provider, ProviderError
from marketdata.models import DailyBar, FeedEvent
from marketdata.services.feed.engine import Followed

logger = logging.getLogger(__name__)

BACKFILL_MOST = timedelta(days=2)
CHUNK = 20_000

_QUOTES = """
INSERT INTO marketdata_latestquote (instrument_id, document, at, provider, stored_at)
SELECT q.id, q.document::jsonb, q.at, q.provider, now()
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[], %s::text[]) AS q(id, document, at, provider)
ON CONFLICT (instrument_id) DO UPDATE SET document = excluded.document, at = excluded.at,
    provider = excluded.provider, stored_at = excluded.stored_at
"""
_ANOMALIES = """
INSERT INTO marketdata_feedanomaly AS a (provider, kind, symbol, date, count, sample, first_at, last_at)
SELECT q.provider, q.kind, q.symbol, %s, q.count, q.sample::jsonb, now(), now()
FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[], %s::text[]) AS q(provider, kind, symbol, count, sample)
ON CONFLICT (date, provider, kind, symbol) DO UPDATE SET count = a.count + excluded.count, last_at = excluded.last_at
"""
_LAST_MINUTES = """
SELECT instrument_id, max(at) FROM marketdata_intradaybar
WHERE instrument_id = ANY(%s) AND minutes = 1 AND at >= %s GROUP BY 1
"""
# The minute before the first hole, else the last one.
_FIRST_HOLES = """
SELECT instrument_id, coalesce(min(before) FILTER (WHERE at - before > interval '1 minute'), max(at)) FROM (
    SELECT instrument_id, at, lag(at) OVER (PARTITION BY instrument_id ORDER BY at) AS before
    FROM marketdata_intradaybar WHERE instrument_id = ANY(%s) AND minutes = 1 AND at >= %s
) AS stored GROUP BY 1
"""
_TOTALS = """
SELECT instrument_id, CASE WHEN min(at) < %s + interval '1 minute' THEN (array_agg(open ORDER BY at))[1] ELSE 0 END,
    max(high), min(low), sum(volume)::bigint
FROM marketdata_intradaybar WHERE instrument_id = ANY(%s) AND minutes = 1 AND at >= %s AND at < %s GROUP BY 1
"""
FINAL = frozenset({ProviderError.NOT_FOUND, ProviderError.UNSUPPORTED, ProviderError.NOT_ENTITLED})


@dataclass(frozen=True, slots=True)
class Filled:
    """What a provider gave of gaps: symbols and bars, how many were new or differ; instruments (by id) for which it
    failed, and those that it does not offer.
    """

    symbols: int
    bars: int
    changed: int
    failed: frozenset[int]
    refused: frozenset[int]


def minutes_store(rows: Sequence[Row]) -> int:
    """Store minutes by COPY and roll the coarser bars that they belong to; how many minutes are new or differ."""
    if not rows:
        return 0
    changed = 0
    for begin in range(0, len(rows), CHUNK):
        changed += bars_copy(rows[begin : begin + CHUNK])
    times = [row[2] for row in rows]
    with transaction.atomic():
        bars_roll(sorted({row[0] for row in rows}), minutes=1, first=at_of(min(times)), last=at_of(max(times)))
    return changed


def quotes_store(quotes: Iterable[LiveQuote]) -> int:
    """Keep the latest quotes for when Redis is lost; how many."""
    found = [quote for quote in quotes if quote.at]
    if found:
        columns: list[list[Any]] = [
            [quote.instrument_id for quote in found],
            [orjson.dumps(quote.to_row()).decode() for quote in found],
            [at_of(quote.at) for quote in found],
            [quote.provider for quote in found],
        ]
        with connection.cursor() as cursor:
            cursor.execute(_QUOTES, columns)
    return len(found)


def anomalies_store(found: Sequence[tuple[str, str, str, int, Mapping[str, Any]]], now: datetime) -> None:
    """Add to the day's counts of what was not taken: (provider, kind, symbol, how often, example)."""
    if not found:
        return
    columns: list[list[Any]] = [
        [provider[:24] for provider, *_ in found],
        [str(kind)[:24] for _, kind, _, _, _ in found],
        [symbol[:32] for _, _, symbol, _, _ in found],
        [count for _, _, _, count, _ in found],
        [orjson.dumps(dict(sample)).decode() for *_, sample in found],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_ANOMALIES, [now.date(), *columns])


def event_store(kind: str, provider: str, message: str, details: Mapping[str, Any]) -> None:
    """Something that an operator should be able to read later."""
    FeedEvent.objects.create(kind=kind, provider=provider[:24], message=message[:300], details=dict(details))


def closes_of(instruments: Sequence[Followed], before: date, since: date | None = None) -> dict[str, int]:
    """The last stored close before a day of each instrument, in millionths; none older than `since`."""
    symbols = {item.id: item.symbol for item in instruments}
    rows = DailyBar.objects.filter(instrument_id__in=list(symbols), date__lt=before)
    since = since or before - timedelta(days=15)
    rows = rows.filter(date__gte=since).order_by("instrument_id", "-date")
    found = rows.distinct("instrument_id").values_list("instrument_id", "close")
    return {symbols[ident]: int(close * 1_000_000) for ident, close in found}


def last_minutes(instruments: Sequence[Followed], now: datetime, *, holes: bool = False) -> dict[int, datetime]:
    """The last stored minute of each instrument within the time that is back-filled; with `holes` the one before the
    first hole.
    """
    with connection.cursor() as cursor:
        statement = _FIRST_HOLES if holes else _LAST_MINUTES
        cursor.execute(statement, [[item.id for item in instruments], now - BACKFILL_MOST])
        return dict(cursor.fetchall())


def session_totals(ids: Sequence[int], first: datetime, until: datetime) -> dict[int, tuple[int, int, int, int]]:
    """(open, high, low, volume) of each instrument's stored minutes from `first` to before `until`; an open of 0 where
    the first minute is not stored.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [first, list(ids), first, until])
        return {ident: (opened, high, low, volume) for ident, opened, high, low, volume in cursor.fetchall()}


def gaps_fill(
    provider: Provider, instruments: Sequence[Followed], since: Mapping[int, datetime], until: datetime
) -> Filled:
    """Ask for the minutes from `since` (of each instrument) to `until` and store them.

    Once a provider is out of reach or out of budget it is not asked for the rest.
    """
    wanted = [item for item in instruments if item.id in since and since[item.id] < until]
    failed: set[int] = set()
    refused: set[int] = set()
    rows: list[Row] = []
    bars = changed = 0
    for number, item in enumerate(wanted):
        try:
            for page in provider.bars(item.symbol, minutes=1, start=since[item.id], end=until):
                rows += [_row(item.id, bar) for bar in page if is_whole(bar)]
        except ProviderError as error:
            logger.warning("minutes of %s were not back-filled: %s", item.symbol, error.message)
            (refused if error.code in FINAL else failed).add(item.id)
            if error.code in (ProviderError.RATE_LIMITED, ProviderError.UNAVAILABLE, ProviderError.UNAUTHORIZED):
                failed |= {other.id for other in wanted[number:]}
                break
        if len(rows) >= CHUNK:
            bars, changed, rows = bars + len(rows), changed + minutes_store(rows), []
    bars, changed = bars + len(rows), changed + minutes_store(rows)
    return Filled(len(wanted) - len(failed | refused), bars, changed, frozenset(failed), frozenset(refused))


def _row(ident: int, bar: FeedBar) -> Row:
    return (ident, 1, bar.at, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
