"""Stored history of real instruments played as if it were now (USE_HISTORICAL_AS_REALTIME, DATA_SOURCE=replay).

Each instrument's last stored days are shifted by whole weeks to today, so weekdays and hours stay; a minute bar is
played as four prints (open, the nearer extreme, the other, close) at its 0th, 15th, 30th and 45th second. Where only
days are stored, a day is played as four prints between 14:30 and 21:00 UTC. Quotes name the provider `replay`: nothing
passes for live.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from threading import Event
from typing import Any

from django.db import connection

from marketdata.domain.feed import MICRO, FeedBar, LiveQuote, Print, micro_of
from marketdata.domain.providers import (
    Capabilities,
    InstrumentInfo,
    NewsItem,
    ProviderError,
    StreamSink,
    VendorStatus,
)
from marketdata.domain.types import Action

NAME = "replay"
WEEK = timedelta(weeks=1)
QUARTER_US = 15 * MICRO
DAYS_KEPT = 10
TICK_SECONDS = 0.5

_MINUTES = """
SELECT (extract(epoch FROM at) * 1000000)::bigint, open, high, low, close, volume FROM marketdata_intradaybar
WHERE instrument_id = %s AND minutes = 1 AND at >= %s AND at < %s ORDER BY at
"""
_INSTRUMENTS = """
SELECT id, symbol, name, exchange, currency, kind, sector, tick_size FROM marketdata_instrument
WHERE NOT is_simulated AND is_active AND symbol = ANY(%s) ORDER BY symbol
"""
_FOUND = """
SELECT id, symbol, name, exchange, currency, kind, sector, tick_size FROM marketdata_instrument
WHERE NOT is_simulated AND is_active AND starts_with(symbol, %s) ORDER BY symbol LIMIT %s
"""
_DAYS = """
SELECT date, open, high, low, close, volume FROM marketdata_dailybar
WHERE instrument_id = %s ORDER BY date DESC LIMIT %s
"""
_ACTIONS = """
SELECT a.kind, a.ex_date, a.value, a.new_symbol FROM marketdata_corporateaction a
JOIN marketdata_instrument i ON i.id = a.instrument_id WHERE i.symbol = %s AND a.ex_date BETWEEN %s AND %s
"""
_LAST = "SELECT max(at) FROM marketdata_intradaybar WHERE instrument_id = %s AND minutes = 1"


@dataclass(frozen=True, slots=True)
class _Row:
    """A stored instrument."""

    id: int
    symbol: str
    info: InstrumentInfo


def _read(query: str, *values: Any) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(query, list(values))
        return [
            _Row(ident, symbol, InstrumentInfo(symbol, name, exchange, currency, kind, sector, tick_size=tick_size))
            for ident, symbol, name, exchange, currency, kind, sector, tick_size in cursor.fetchall()
        ]


class Replay:
    """Provider over what is stored. It knows the real instruments that have history."""

    @property
    def name(self) -> str:
        """The provider's name."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """A stream and quotes. No bars: what is played again is not history, and must never be stored as such."""
        return Capabilities(stream=True, intraday=False, daily=False)

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Stored real instruments by symbol."""
        return [row.info for row in _read(_FOUND, query.strip().upper(), max(limit, 0))]

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """Stored real instruments."""
        return [row.info for row in _read(_INSTRUMENTS, list(symbols))]

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """The latest print of each symbol that has any before now."""
        now = micro_of(datetime.now(tz=UTC))
        found = []
        for symbol in symbols:
            tape = Tape.of(symbol)
            place = tape.before(now) if tape is not None else -1
            if tape is not None and place >= 0:
                found.append(_quote(symbol, tape.prints[place], now))
        return found

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """None: the history is where the tape comes from."""
        raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no bars of {symbol} ({minutes}, {start}, {end})")

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:
        """Those that are stored."""
        with connection.cursor() as cursor:
            cursor.execute(_ACTIONS, [symbol, start, end])
            return [Action(*row) for row in cursor.fetchall()]

    def status(self, exchange: str) -> VendorStatus:
        """What is stored says nothing of today."""
        raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no status of {exchange}")

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """There is none."""
        raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no news about {symbol} ({limit})")

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:
        """Play the tapes as their moments come. A tape may end with its day: each day has its tapes anew."""
        day, tapes = datetime.now(tz=UTC).date(), _tapes(symbols)
        if not tapes:
            raise ProviderError(NAME, ProviderError.NOT_FOUND, "there is no history to play")
        places = [tape.before(int(time.time() * MICRO)) for tape in tapes]
        sink.connected()
        for tape, place in zip(tapes, places, strict=True):
            if place >= 0:
                sink.prints([tape.prints[place]])
        while not stop.wait(TICK_SECONDS):
            now = int(time.time() * MICRO)
            sink.prints([])  # a tape is never silent, however long it has nothing to say
            if (today := datetime.now(tz=UTC).date()) != day:
                day, tapes = today, _tapes(symbols)
                places = [tape.before(now) for tape in tapes]
            for index, tape in enumerate(tapes):
                until = tape.before(now)
                if until > places[index]:
                    sink.prints(tape.prints[places[index] + 1 : until + 1])
                    places[index] = until


class Tape:
    """One symbol's shifted minutes and prints, ascending."""

    def __init__(self, symbol: str, bars: list[FeedBar]) -> None:
        self.symbol = symbol
        self.bars = bars
        self.prints = [item for bar in bars for item in _prints(bar)]
        self._times = [item.at for item in self.prints]

    @classmethod
    def of(cls, symbol: str) -> Tape | None:
        """The last stored days of an instrument, shifted to now; None without history."""
        row = next(iter(_read(_INSTRUMENTS, [symbol])), None)
        if row is None:
            return None
        bars = _minutes(row) or _days(row)
        return cls(symbol, bars) if bars else None

    def before(self, now: int) -> int:
        """The place of the last print at or before a moment; -1 when there is none."""
        return bisect_right(self._times, now) - 1


def _tapes(symbols: Sequence[str]) -> list[Tape]:
    return [tape for symbol in symbols if (tape := Tape.of(symbol)) is not None]


def _shift(last: datetime) -> timedelta:
    """Whole weeks that bring the last stored day to today or later."""
    behind = datetime.now(tz=UTC).date() - last.astimezone(UTC).date()
    return WEEK * max(-(-behind.days // 7), 0)


def _minutes(row: _Row) -> list[FeedBar]:
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [row.id])
        last = cursor.fetchone()[0]
        if last is None:
            return []
        cursor.execute(_MINUTES, [row.id, last - timedelta(days=DAYS_KEPT), last + timedelta(minutes=1)])
        shift = int(_shift(last).total_seconds()) * MICRO
        return [FeedBar(row.symbol, 1, at + shift, *values) for at, *values in cursor.fetchall()]


def _days(row: _Row) -> list[FeedBar]:
    """Days as four bars of a minute, a third of 14:30 to 21:00 UTC apart: open, extremes and close of the day."""
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [row.id, DAYS_KEPT])
        days = cursor.fetchall()[::-1]
    if not days:
        return []
    last = datetime.combine(days[-1][0], clock(), tzinfo=UTC)
    shift, found = _shift(last), []
    for day, *prices, volume in days:
        begin = datetime.combine(day, clock(14, 30), tzinfo=UTC) + shift
        whole = [int(price * MICRO) for price in prices]
        first, second = _order(whole)
        for place, price in enumerate((whole[0], first, second, whole[3])):
            at = micro_of(begin + timedelta(minutes=130 * place) - timedelta(minutes=1 if place == 3 else 0))
            found.append(FeedBar(row.symbol, 1, at, price, price, price, price, volume // 4))
    return found


def _order(prices: Sequence[int]) -> tuple[int, int]:
    """The extremes, the one nearer to the open first."""
    opened, high, low = prices[0], prices[1], prices[2]
    return (low, high) if opened - low <= high - opened else (high, low)


def _prints(bar: FeedBar) -> list[Print]:
    first, second = _order((bar.open, bar.high, bar.low, bar.close))
    share = bar.volume // 4
    sizes = (bar.volume - 3 * share, share, share, share)
    return [
        Print(bar.symbol, bar.at + place * QUARTER_US, last=price, size=size, key=f"{bar.at}:{place}")
        for place, (price, size) in enumerate(zip((bar.open, first, second, bar.close), sizes, strict=True))
    ]


def _quote(symbol: str, item: Print, now: int) -> LiveQuote:
    session = datetime.fromtimestamp(item.at // MICRO, tz=UTC).date()
    return LiveQuote(
        0, symbol, 0, 0, item.last, 0, 0, item.at, now, NAME, session, item.last, item.last, item.last, item.size, 0
    )


def build() -> Replay:
    """The provider over this installation's history."""
    return Replay()
