"""Instruments and small markets for tests, here and on the floors above."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import factory

from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.types import MarketView, Tick
from marketdata.models import BarSeries, CorporateAction, DailyBar, Instrument
from marketdata.services.markets import market_create_replay, market_start
from marketdata.services.ticks import tick_advance

MONDAY = date(2024, 1, 8)
Ohlc = tuple[Any, Any, Any, Any]
_numbers = count(1)

# Two symbols over five sessions; prices a reader can do sums with.
DEFAULT_BARS: dict[str, list[Ohlc]] = {
    "AAA": [(100, 104, 98, 102), (102, 106, 101, 105), (105, 107, 99, 100), (100, 103, 97, 101), (101, 110, 100, 108)],
    "BBB": [(50, 51, 49, 50), (50, 52, 48, 49), (49, 50, 45, 46), (46, 47, 44, 45), (45, 49, 45, 48)],
}


class InstrumentFactory(factory.django.DjangoModelFactory):
    """An instrument in dollars, cent ticks, whole shares."""

    class Meta:
        model = Instrument

    symbol = factory.Sequence(lambda n: f"T{n}")
    name = factory.LazyAttribute(lambda o: f"Test {o.symbol}")
    exchange = "TEST"
    currency = "USD"
    tick_size = Decimal("0.01")
    lot_size = Decimal("1")


def weekdays(start: date, number: int) -> list[date]:
    """The first `number` weekdays from `start`."""
    days = (start + timedelta(days=offset) for offset in count())
    return [next(day for day in days if day.weekday() < 5) for _ in range(number)]


def bars_create(
    instrument: Instrument,
    bars: Sequence[Ohlc],
    *,
    start: date = MONDAY,
    dates: Sequence[date] | None = None,
    volume: int = 1_000_000,
    splits: Iterable[tuple[date, Any]] = (),
) -> list[date]:
    """Give an instrument its history."""
    days = list(dates) if dates is not None else weekdays(start, len(bars))
    DailyBar.objects.bulk_create(
        DailyBar(
            instrument=instrument,
            date=day,
            **dict(zip(("open", "high", "low", "close"), map(_price, bar), strict=True)),
            volume=volume,
        )
        for day, bar in zip(days, bars, strict=True)
    )
    CorporateAction.objects.bulk_create(
        CorporateAction(instrument=instrument, kind="split", ex_date=ex_date, value=Decimal(str(value)))
        for ex_date, value in splits
    )
    BarSeries.objects.create(
        instrument=instrument,
        source="Test bars",
        licence="none",
        first_date=days[0],
        last_date=days[-1],
        bars=len(days),
        checksum="0" * 64,
    )
    return days


def actions_create(instrument: Instrument, actions: Iterable[tuple], *, start: date = MONDAY) -> None:
    """Give an instrument corporate actions: (kind, number of the weekday from `start`, value[, new symbol])."""
    for kind, day, value, *new_symbol in actions:
        CorporateAction.objects.create(
            instrument=instrument,
            kind=kind,
            ex_date=weekdays(start, day + 1)[-1],
            value=Decimal(str(value)),
            new_symbol=new_symbol[0] if new_symbol else "",
        )


def _price(value: Any) -> Decimal:
    return Decimal(str(value))


def replay_market(
    bars: Mapping[str, Sequence[Ohlc]] | None = None,
    *,
    slug: str | None = None,
    warmup: int = 0,
    running: bool = True,
    ticks: int = 0,
    volume: int = 1_000_000,
    actor: object | None = None,
    instrument: Mapping[str, Any] | None = None,
    actions: Mapping[str, Sequence[tuple]] | None = None,
    venue: Mapping[str, Any] | None = None,
    **definition: Any,
) -> MarketView:
    """A small deterministic replay market, running unless told otherwise, advanced by `ticks` ticks.

    `bars` maps symbols to (open, high, low, close) rows of consecutive weekdays, all of the same length; the first
    `warmup` rows are warm-up history. Other keywords go into the definition: spread_bps, mask, seed, basis...
    `actions` maps symbols to (kind, number of the day, value[, new symbol]), of a day counted from the first bar.
    An instrument that is already there is reused with the history it has.
    """
    bars = bars or DEFAULT_BARS
    for symbol, rows in bars.items():
        known = Instrument.objects.filter(symbol=symbol).first()
        if known is None:
            known = InstrumentFactory(symbol=symbol, **(instrument or {}))
            bars_create(known, rows, volume=volume)
            actions_create(known, (actions or {}).get(symbol, ()))
    days = weekdays(MONDAY, max(len(rows) for rows in bars.values()))
    market = market_create_replay(
        actor=actor,
        slug=slug or f"market-{next(_numbers)}",
        name="Test market",
        venue=venue,
        definition=ReplayDefinition.from_json(
            {"start": days[warmup], "end": days[-1], "symbols": list(bars), "warmup_days": warmup, **definition}
        ),
    )
    if running:
        market = market_start(actor=actor, market_id=market.id)
    for _ in range(ticks):
        tick_advance(market_id=market.id)
    return market


def advance(market_id: int, ticks: int = 1) -> Tick | None:
    """Advance a market; the last tick."""
    tick = None
    for _ in range(ticks):
        tick = tick_advance(market_id=market_id)
    return tick
