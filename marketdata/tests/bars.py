"""Bars shorter than a day, and sessions, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from marketdata.adapters.bars_copy import bars_copy
from marketdata.models import CalendarRange, Exchange, ExchangeHoliday, ExchangeSession, Instrument, SessionPhase

MICRO = 1_000_000


def seconds(*parts: int) -> int:
    """A time in UTC as seconds since 1970."""
    return int(datetime(*parts, tzinfo=UTC).timestamp())


def minute_bars(
    instrument: Instrument, first: int, closes: Sequence[float], *, minutes: int = 1, volume: int = 10
) -> None:
    """Bars one after the other: each opens at the close before, with a high and a low one unit around."""
    rows, before = [], closes[0]
    for index, close in enumerate(closes):
        high, low = max(before, close) + 1, min(before, close) - 1
        at = (first + index * minutes * 60) * MICRO
        prices = (round(value * MICRO) for value in (before, high, low, close))
        rows.append((instrument.pk, minutes, at, *prices, volume, 1))
        before = close
    bars_copy(rows)


def exchange(code: str = "XT", zone: str = "America/New_York", opens: str = "09:30", closes: str = "16:00") -> Exchange:
    """An exchange with a regular day and no sessions yet."""
    row = Exchange.objects.create(code=code, name=f"Exchange {code}", country="US", zone=zone, currency="USD")
    SessionPhase.objects.create(
        exchange=row,
        kind="continuous",
        starts=time.fromisoformat(opens),
        ends=time.fromisoformat(closes),
        valid_from=date(1990, 1, 1),
        source="test",
    )
    return row


def sessions(
    row: Exchange, first: date, days: int, *, early: Sequence[date] = (), holidays: Sequence[date] = ()
) -> None:
    """Sessions of the weekdays from a day on; early closes at 13:00; the range is known."""
    zone, phase = ZoneInfo(row.zone), SessionPhase.objects.get(exchange=row)
    for day in (first + timedelta(days=offset) for offset in range(days)):
        if day in holidays:
            ExchangeHoliday.objects.create(exchange=row, date=day, name="Holiday", source="test")
        elif day.weekday() < 5:
            ExchangeSession.objects.create(
                exchange=row,
                date=day,
                kind="early_close" if day in early else "regular",
                opens_at=datetime.combine(day, phase.starts, tzinfo=zone),
                closes_at=datetime.combine(day, time(13) if day in early else phase.ends, tzinfo=zone),
                source="test",
            )
    CalendarRange.objects.create(exchange=row, first=first, last=first + timedelta(days=days), source="test")
