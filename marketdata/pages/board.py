"""Every instrument as one row: its last price with its source and age, what it moved, and its recent closes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from marketdata.domain.feed import LiveQuote, at_of, price_of
from marketdata.domain.quote_event import quote_price
from marketdata.models import Instrument
from marketdata.pages.sources import source_name
from marketdata.pages.words import compact, signed
from marketdata.selectors.horizon import horizons
from marketdata.selectors.live import live_quotes
from marketdata.selectors.prices import is_live_public

MAX_ROWS = 5_000
SPARK_DAYS = 60
BASE_SECONDS = 5
STALE_SECONDS = 60
_KEY = "md:pages:base"


@dataclass(frozen=True, slots=True)
class Row:
    """An instrument with its price. `at` is the vendor's time of a live price; a closing price has `date` only."""

    id: int
    symbol: str
    name: str
    exchange: str
    sector: str
    currency: str
    kind: str
    tick_size: Decimal
    is_simulated: bool
    last: Decimal | None = None
    previous: Decimal | None = None
    volume: int = 0
    date: date | None = None
    at: datetime | None = None
    source: str = ""
    bid: Decimal | None = None
    ask: Decimal | None = None
    halted: bool = False
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None

    @property
    def is_live(self) -> bool:
        """Whether the price is one of the feed's, rather than a day's close."""
        return self.at is not None

    @property
    def change(self) -> Decimal | None:
        """From the close before, in money."""
        return None if self.last is None or not self.previous else self.last - self.previous

    @property
    def change_words(self) -> str:
        """The same with its sign and the instrument's places."""
        return "\N{EN DASH}" if self.change is None else signed(self.change, self.decimals)

    @property
    def change_pct(self) -> Decimal | None:
        """From the close before, in percent with two places."""
        if self.last is None or not self.previous:
            return None
        return ((self.last - self.previous) * 100 / self.previous).quantize(Decimal("0.01"))

    @property
    def turnover(self) -> Decimal:
        """About what was traded, in money."""
        return (self.last or Decimal(0)) * self.volume

    @property
    def turnover_words(self) -> str:
        """The same in few characters."""
        return compact(self.turnover)

    @property
    def source_words(self) -> str:
        """Where the price comes from, in a word or two."""
        if self.source:
            return source_name(self.source, short=True)
        return "" if self.last is None else "Generated close" if self.is_simulated else "Last close"

    @property
    def decimals(self) -> int:
        """How many places its prices are written with."""
        return max(2, -int(self.tick_size.normalize().as_tuple().exponent))

    def is_stale(self, now: datetime) -> bool:
        """Whether a live price is older than it should be."""
        return self.at is not None and (now - self.at).total_seconds() > STALE_SECONDS


# The last two closes that may be seen; the one before is put into the shares of the last one.
_BASE = """
SELECT i.id, i.symbol, i.name, i.exchange, i.sector, i.currency, i.kind, i.tick_size, i.is_simulated,
       last.close, prev.close, coalesce(last.volume, 0), last.date, splits.ratios
FROM marketdata_instrument i
LEFT JOIN unnest(%s::bigint[], %s::date[]) AS hidden(id, day) ON hidden.id = i.id
LEFT JOIN LATERAL (
    SELECT b.date, b.close, b.volume FROM marketdata_dailybar b
    WHERE b.instrument_id = i.id AND b.date < coalesce(hidden.day, 'infinity')
    ORDER BY b.date DESC LIMIT 1) last ON true
LEFT JOIN LATERAL (
    SELECT b.date, b.close FROM marketdata_dailybar b
    WHERE b.instrument_id = i.id AND b.date < last.date
    ORDER BY b.date DESC LIMIT 1) prev ON true
LEFT JOIN LATERAL (
    SELECT array_agg(a.value) AS ratios FROM marketdata_corporateaction a
    WHERE a.instrument_id = i.id AND a.kind = 'split' AND a.ex_date > prev.date AND a.ex_date <= last.date
) splits ON true
WHERE i.is_active
ORDER BY i.symbol
LIMIT %s
"""

_CLOSES = """
SELECT wanted.id, b.date, b.close
FROM unnest(%s::bigint[], %s::date[]) AS wanted(id, day)
CROSS JOIN LATERAL (
    SELECT date, close FROM marketdata_dailybar
    WHERE instrument_id = wanted.id AND date < coalesce(wanted.day, 'infinity')
    ORDER BY date DESC LIMIT %s) b
ORDER BY wanted.id, b.date
"""


def base_rows() -> list[Row]:
    """Every active instrument with its last close that may be seen, by symbol; kept for a few seconds."""
    try:
        found: list[Row] | None = cache.get(_KEY)
        if found is None:
            found = _read_base()
            cache.set(_KEY, found, BASE_SECONDS)
    except RedisError:
        return _read_base()
    return found


def _read_base() -> list[Row]:
    hidden = horizons()
    with connection.cursor() as cursor:
        cursor.execute(_BASE, [list(hidden), list(hidden.values()), MAX_ROWS])
        return [_base_row(values) for values in cursor.fetchall()]


def _base_row(values: tuple[Any, ...]) -> Row:
    *facts, last, previous, volume, day, ratios = values
    for ratio in ratios or ():
        previous = previous / ratio if previous is not None and ratio else previous
    return Row(*[*facts, last, previous, volume, day])


def with_live(rows: Sequence[Row]) -> list[Row]:
    """The same rows with the feed's latest where it has one that is no older than the last close."""
    found = public_quotes(rows)
    return [_merged(row, found.get(row.id)) for row in rows]


def public_quotes(rows: Sequence[Row]) -> dict[int, LiveQuote]:
    """The feed's latest of those whose live prices anyone may see."""
    asked = watchable(rows)
    return live_quotes(asked) if asked else {}


def watchable(rows: Sequence[Row]) -> list[int]:
    """The instruments whose live prices anyone may see, each once.

    Not those whose future a replay hides, and not those of an exchange that lets nobody show them.
    """
    hidden, today = horizons(), datetime.now(tz=UTC).date()
    public = {exchange for exchange in {row.exchange for row in rows} if is_live_public(exchange, today)}
    return list(dict.fromkeys(row.id for row in rows if row.exchange in public and row.id not in hidden))


def _merged(row: Row, quote: LiveQuote | None) -> Row:
    if quote is None or not quote_price(quote) or (row.date is not None and quote.session < row.date):
        return row
    before = price_of(quote.previous_close) if quote.previous_close else None
    if before is None and row.date is not None and row.date < quote.session:
        before = row.last
    return replace(
        row,
        last=price_of(quote_price(quote)),
        previous=before,
        volume=quote.volume,
        date=quote.session,
        at=at_of(quote.at),
        source=quote.provider,
        bid=price_of(quote.bid) if quote.bid else None,
        ask=price_of(quote.ask) if quote.ask else None,
        halted=quote.halted,
        open=price_of(quote.open) if quote.open else None,
        high=price_of(quote.high) if quote.high else None,
        low=price_of(quote.low) if quote.low else None,
    )


def board_rows() -> list[Row]:
    """Every active instrument as it stands now."""
    return with_live(base_rows())


def rows_of(ids: Sequence[int]) -> list[Row]:
    """These instruments as they stand now, in the order asked for, those that trade no more too."""
    known = {row.id: row for row in base_rows()}
    gone = [each for each in ids if each not in known]
    if gone:
        known |= {row.id: row for row in map(bare_row, Instrument.objects.filter(pk__in=gone))}
    return with_live([known[each] for each in ids if each in known])


def bare_row(found: Instrument) -> Row:
    """An instrument without a price."""
    names = ("symbol", "name", "exchange", "sector", "currency", "kind", "tick_size", "is_simulated")
    return Row(found.pk, *(getattr(found, name) for name in names))


def closes_of(ids: Sequence[int], days: int = SPARK_DAYS) -> dict[int, list[float]]:
    """The last closes that may be seen, oldest first, in today's shares: for lines, not for money."""
    if not ids:
        return {}
    hidden = horizons()
    with connection.cursor() as cursor:
        cursor.execute(_CLOSES, [list(ids), [hidden.get(each) for each in ids], days])
        bars = cursor.fetchall()
        cursor.execute(
            "SELECT instrument_id, ex_date, value FROM marketdata_corporateaction"
            " WHERE kind = 'split' AND instrument_id = ANY(%s) ORDER BY ex_date",
            [list(ids)],
        )
        splits = cursor.fetchall()
    found: dict[int, list[float]] = {}
    for instrument_id, day, close in bars:
        found.setdefault(instrument_id, []).append(float(_in_shares_now(instrument_id, day, close, splits, hidden)))
    return found


def _in_shares_now(
    instrument_id: int, day: date, close: Decimal, splits: Sequence[tuple[int, date, Decimal]], hidden: dict[int, date]
) -> Decimal:
    """A close divided by the splits that came after its day and may be seen."""
    limit = hidden.get(instrument_id, date.max)
    for owner, ex_date, ratio in splits:
        if owner == instrument_id and day < ex_date < limit and ratio:
            close = close / ratio
    return close
