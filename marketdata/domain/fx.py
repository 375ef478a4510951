"""Exchange rates between currencies, by day. Pure."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from core.errors import Invalid
from marketdata.domain.rows import bad_rows, iso_date, number, rows_read, with_header

RATE_COLUMNS = ("date", "base", "quote", "rate")
RATE_PLACES = Decimal("0.0000000001")
LARGEST_RATE = Decimal(10**9)
STALE_AFTER = timedelta(days=7)  # a market may not start where the last rate is older than this
_CURRENCY = re.compile("[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of `base` costs in `quote` on a day."""

    base: str
    quote: str
    date: date
    rate: Decimal


def csv_rates(text: str, *, today: date) -> list[Rate]:
    """Rates from CSV with a header of date,base,quote,rate. Raises Invalid `bad_rows`, `bad_header` or `no_rows`."""

    def read(row: list[str]) -> Rate:
        day, base, quote = iso_date(row[0]), row[1].strip().upper(), row[2].strip().upper()
        if day > today:
            raise ValueError(f"{day} is in the future")
        if not _CURRENCY.fullmatch(base) or not _CURRENCY.fullmatch(quote) or base == quote:
            raise ValueError("base and quote are two different currencies of three letters")
        rate = number(row[3], "rate").quantize(RATE_PLACES, rounding=ROUND_HALF_EVEN)
        if not 0 < rate < LARGEST_RATE:
            raise ValueError("the rate is not above zero, or too large")
        return Rate(base, quote, day, rate)

    rows = rows_read(with_header(text, RATE_COLUMNS), read)
    if not rows:
        raise Invalid("no_rows", "There are no rates in the file.")
    seen: dict[tuple[str, str, date], int] = {}
    for line, rate in rows:
        first = seen.setdefault((rate.base, rate.quote, rate.date), line)
        if first != line:
            raise bad_rows([(line, f"{rate.base}/{rate.quote} of {rate.date} is there already, in row {first}")])
    return [rate for _, rate in rows]


@dataclass(frozen=True, slots=True)
class RateTable:
    """The stored rates of one pair in order of date, as (date, units of quote for one of base)."""

    dates: tuple[date, ...]
    rates: tuple[Decimal, ...]

    def latest(self, on: date) -> tuple[date, Decimal] | None:
        """The last rate of `on` or before."""
        place = bisect_right(self.dates, on)
        return (self.dates[place - 1], self.rates[place - 1]) if place else None


def rate_on(direct: RateTable, inverse: RateTable, on: date) -> Decimal | None:
    """The later of the pair's last rate and the inverse's, the pair's own when both are of one day.

    The inverse of a rate is rounded half-even to ten places.
    """
    found, turned = direct.latest(on), inverse.latest(on)
    if turned is not None and (found is None or turned[0] > found[0]):
        with localcontext() as context:
            context.prec = 40
            return (1 / turned[1]).quantize(RATE_PLACES, rounding=ROUND_HALF_EVEN)
    return found[1] if found else None


def missing_range(known: Sequence[date], sessions: Sequence[date]) -> tuple[date, date] | None:
    """The first run of sessions without a rate of their day or of the seven days before; `known` is in order."""
    run: list[date] = []
    for session in sessions:
        place = bisect_right(known, session)
        if place and session - known[place - 1] <= STALE_AFTER:
            if run:
                break
        else:
            run.append(session)
    return (run[0], run[-1]) if run else None
