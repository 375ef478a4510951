"""The simulated exchange's instruments and their history, as its provider draws them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from django.conf import settings

from marketdata.adapters.bars_copy import bars_copy
from marketdata.domain.candles import rolled
from marketdata.domain.simulated import DAY_SAMPLE, SimulatedExchange
from marketdata.domain.simulated_jumps import DAY_UNITS, UNITS
from marketdata.domain.simulated_noise import Ints
from marketdata.domain.simulated_universe import universe
from marketdata.models import DailyBar, Instrument, IntradayBar
from marketdata.services.history import Provenance, SeriesInput, series_store

EXCHANGE = "SIMX"
LICENCE = "Project licence (generated, no market data)"
MOMENTS_AT_ONCE = 2_000_000  # of companies together: what is drawn at a time needs some hundred megabytes at most


def simulated_instruments_ensure(*, count: int) -> list[Instrument]:
    """The first `count` companies of the universe as instruments; those that are there are left as they are."""
    companies = universe(count)
    known = set(Instrument.objects.filter(exchange=EXCHANGE).values_list("symbol", flat=True))
    Instrument.objects.bulk_create(
        (
            Instrument(
                symbol=company.symbol,
                name=company.name,
                exchange=EXCHANGE,
                currency="USD",
                sector=company.sector,
                tick_size=Decimal("0.01"),
                is_simulated=True,
            )
            for company in companies
            if company.symbol not in known
        ),
        batch_size=1_000,
    )
    rows = {row.symbol: row for row in Instrument.objects.filter(exchange=EXCHANGE)}
    return [rows[company.symbol] for company in companies]


def simulated_history_ensure(*, days: int, minutes_days: int, now: datetime | None = None) -> int:
    """Daily bars of the last `days` days before today and minutes of the last `minutes_days` days; how many were new.

    Only what is missing is drawn: days after each company's last one, minutes where it has none at all.
    """
    now = now or datetime.now(tz=UTC)
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = list(Instrument.objects.filter(exchange=EXCHANGE, is_simulated=True, is_active=True).order_by("id"))
    places = {company.symbol: company.index for company in universe(settings.SIMULATED_SYMBOLS)}
    rows = [row for row in rows if row.symbol in places]
    exchange = SimulatedExchange(
        settings.SIMULATED_SEED, settings.SIMULATED_SYMBOLS, settings.SIMULATED_QUOTES_PER_SECOND
    )
    return _days(exchange, rows, places, today, days) + _minutes(exchange, rows, places, now, minutes_days)


def _days(
    exchange: SimulatedExchange, rows: list[Instrument], places: dict[str, int], today: datetime, days: int
) -> int:
    lasts: dict[int, date] = {}
    bars = DailyBar.objects.filter(instrument__in=rows).order_by("instrument_id", "-date").distinct("instrument_id")
    for ident, last in bars.values_list("instrument_id", "date"):
        lasts[ident] = last
    yesterday = (today - timedelta(days=1)).date()
    behind = [row for row in rows if lasts.get(row.pk, date.min) < yesterday]
    if not behind or days <= 0:
        return 0
    oldest = (today - timedelta(days=days)).date()
    first = max(min(lasts.get(row.pk, oldest) for row in behind), oldest)
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    count = (today - start).days
    series = []
    for part in _parts(behind, count * (DAY_UNITS >> DAY_SAMPLE)):
        table = exchange.day_bars(_indices(part, places), start, count)
        series += [SeriesInput(row, _copy_text(bars, start)) for row, bars in zip(part, table.tolist(), strict=True)]
    made = series_store(
        series=series,
        provenance=Provenance(
            "SIMULATED: drawn by Trading Arena's simulated exchange", LICENCE, settings.SIMULATED_SEED
        ),
    )
    return sum(item.changed for item in made)


def _copy_text(bars: list[list[int]], start: datetime) -> str:
    lines = []
    for number, (opened, high, low, close, volume) in enumerate(bars):
        day = (start + timedelta(days=number)).date()
        prices = "\t".join(f"{price // 100}.{price % 100:02d}" for price in (opened, high, low, close))
        lines.append(f"\t{day}\t{prices}\t{volume}\n")
    return "".join(lines)


def _minutes(
    exchange: SimulatedExchange, rows: list[Instrument], places: dict[str, int], now: datetime, days: int
) -> int:
    if days <= 0:
        return 0
    known = set(IntradayBar.objects.filter(instrument__in=rows).values_list("instrument_id", flat=True).distinct())
    missing = [row for row in rows if row.pk not in known]
    if not missing:
        return 0
    minute = now.replace(second=0, microsecond=0)
    count = days * 1_440
    made = 0
    for part in _parts(missing, count * 60 * UNITS // exchange.step):
        times, table = exchange.minute_bars(_indices(part, places), minute - timedelta(minutes=count), count)
        whens, bars = times.tolist(), []
        for row, drawn in zip(part, table.tolist(), strict=True):
            own = [(row.pk, 1, at, *values) for at, values in zip(whens, drawn, strict=True) if values[5]]
            bars += own
            for minutes in (5, 15, 60):
                bars += rolled(own, minutes)
        made += bars_copy(bars)
    return made


def _parts(rows: list[Instrument], moments: int) -> Iterator[list[Instrument]]:
    """So many instruments at a time as memory allows when each needs so many moments drawn."""
    size = max(MOMENTS_AT_ONCE // moments, 1)
    for begin in range(0, len(rows), size):
        yield rows[begin : begin + size]


def _indices(rows: list[Instrument], places: dict[str, int]) -> Ints:
    return np.array([places[row.symbol] for row in rows], dtype=np.int64)
