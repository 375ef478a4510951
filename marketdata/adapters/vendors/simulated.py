"""The simulated exchange as a provider: invented companies, around the clock, labelled as what it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from threading import Event

import numpy as np
from django.conf import settings

from marketdata.domain.feed import MICRO, FeedBar, LiveQuote, Print, micro_of
from marketdata.domain.providers import (
    DAY_MINUTES,
    Capabilities,
    InstrumentInfo,
    NewsItem,
    ProviderError,
    StreamSink,
    VendorStatus,
)
from marketdata.domain.simulated import CENT, EPOCH, EPOCH_US, UNIT_US, PrintTable, SimulatedExchange, unit_of
from marketdata.domain.simulated_universe import SimulatedCompany, universe
from marketdata.domain.types import Action

NAME, EXCHANGE = "simulated", "SIMX"
BATCH_SECONDS = 0.05
PAGE_MINUTES = 1_440
PAGE_DAYS = 400
MOMENTS = 16  # are drawn at once


class Simulated:
    """Provider over `domain.simulated`; `symbols` are taken in the universe's order."""

    def __init__(self, *, seed: int, count: int, rate: int) -> None:
        self.exchange = SimulatedExchange(seed, count, rate)
        self._companies = universe(count)

    @cached_property
    def _known(self) -> dict[str, SimulatedCompany]:
        return {company.symbol: company for company in self._companies}

    @property
    def name(self) -> str:
        """The provider's name."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """A stream, quotes and bars of its own companies."""
        return Capabilities(stream=True, status=True, exchanges=frozenset({EXCHANGE}), is_simulated=True)

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Companies whose symbol begins with, or whose name holds, the query."""
        wanted = query.strip().upper()
        found = [item for item in self._companies if item.symbol.startswith(wanted) or wanted in item.name.upper()]
        return [_info(item) for item in found[: max(limit, 0)]]

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """What is known of these symbols."""
        return [_info(self._known[symbol]) for symbol in symbols if symbol in self._known]

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """The latest of each symbol, with the day so far."""
        companies = [self._known[symbol] for symbol in symbols if symbol in self._known]
        if not companies:
            return []
        now = datetime.now(tz=UTC)
        rows = np.array([item.index for item in companies], dtype=np.int64)
        step = self.exchange.step
        table = self.exchange.prints(rows, unit_of(now) // step * step, 1)
        days = self.exchange.day_bars(rows, now - timedelta(days=1), 1)
        today = self.exchange.day_so_far(rows, now)
        return [
            LiveQuote(
                instrument_id=0,
                symbol=item.symbol,
                bid=int(table.last[row, 0] - table.half[row, 0]) * CENT,
                ask=int(table.last[row, 0] + table.half[row, 0]) * CENT,
                last=int(table.last[row, 0]) * CENT,
                bid_size=int(table.size[row, 0]),
                ask_size=int(table.size[row, 0]),
                at=int(table.at[0]),
                received=micro_of(now),
                provider=NAME,
                session=now.date(),
                open=int(today[row, 0]) * CENT,
                high=max(int(today[row, 1]), int(table.last[row, 0])) * CENT,
                low=min(int(today[row, 2]), int(table.last[row, 0])) * CENT,
                volume=int(today[row, 3]),
                previous_close=int(days[row, 0, 3]) * CENT,
                halted=bool(table.halted[row, 0]),
            )
            for row, item in enumerate(companies)
        ]

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """Pages of minutes or days, ascending, of what is over. Minutes are those that the stream's prints make."""
        company = self._known.get(symbol)
        if company is None:
            raise ProviderError(NAME, ProviderError.NOT_FOUND, f"there is no company {symbol}")
        first, last = max(start, EPOCH), min(end, datetime.now(tz=UTC))
        if minutes == 1:
            yield from self._minute_pages(company, first, last)
        elif minutes == DAY_MINUTES:
            yield from self._day_pages(company, first, last)
        else:
            raise ProviderError(NAME, ProviderError.UNSUPPORTED, "bars of one minute or of a day only")

    def _minute_pages(self, company: SimulatedCompany, first: datetime, last: datetime) -> Iterator[list[FeedBar]]:
        at = first.replace(second=0, microsecond=0)
        at += timedelta(minutes=1) if at < first else timedelta()
        rows = np.array([company.index], dtype=np.int64)
        while at < last:
            count = min(PAGE_MINUTES, int((last - at).total_seconds() // 60))
            if count <= 0:
                return
            times, table = self.exchange.minute_bars(rows, at, count)
            bars = table[0].tolist()
            yield [
                FeedBar(company.symbol, 1, when, *bar) for when, bar in zip(times.tolist(), bars, strict=True) if bar[5]
            ]
            at += timedelta(minutes=count)

    def _day_pages(self, company: SimulatedCompany, first: datetime, last: datetime) -> Iterator[list[FeedBar]]:
        day = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        day += timedelta(days=1) if day < first else timedelta()
        rows = np.array([company.index], dtype=np.int64)
        while day < last:
            count = min(PAGE_DAYS, (last - day).days)  # the day that is not over is left to the feed
            if count <= 0:
                return
            table = self.exchange.day_bars(rows, day, count)[0].tolist()
            yield [
                FeedBar(
                    company.symbol,
                    DAY_MINUTES,
                    micro_of(day + timedelta(days=number)),
                    opened * CENT,
                    high * CENT,
                    low * CENT,
                    close * CENT,
                    volume,
                )
                for number, (opened, high, low, close, volume) in enumerate(table)
            ]
            day += timedelta(days=count)

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:  # noqa: ARG002
        """Invented companies neither split nor pay."""
        return []

    def status(self, exchange: str) -> VendorStatus:
        """Always open."""
        return VendorStatus(exchange, True, datetime.now(tz=UTC), "Simulated, around the clock")

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """There is none about invented companies."""
        raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no news about {symbol} ({limit})")

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:
        """The prints of these symbols as their moments come."""
        companies = [self._known[symbol] for symbol in symbols if symbol in self._known]
        rows = np.array([item.index for item in companies], dtype=np.int64)
        names = [item.symbol for item in companies]
        step_us = self.exchange.step * UNIT_US
        moment = (int(time.time() * MICRO) - EPOCH_US) // step_us + 1
        sink.connected()
        while not stop.is_set() and names:
            table = self.exchange.prints(rows, moment * self.exchange.step, MOMENTS)
            for column in range(MOMENTS):
                prints = _prints(names, table, column)
                if not self._deliver(prints, int(table.at[column]), step_us, sink, stop):
                    return
            moment += MOMENTS
        stop.wait()

    def _deliver(self, prints: list[Print], at: int, step_us: int, sink: StreamSink, stop: Event) -> bool:
        """Send a moment's prints, spread over the time to the next; False when told to stop."""
        parts = max(1, min(int(step_us / MICRO / BATCH_SECONDS), len(prints)))
        size = -(-len(prints) // parts) if prints else 1
        for part in range(parts):
            due = (at + part * step_us // parts) / MICRO
            wait = due - time.time()
            if wait > 0 and stop.wait(wait):
                return False
            batch = prints[part * size : (part + 1) * size]
            if batch:
                sink.prints(batch)
        return not stop.is_set()


def _prints(names: Sequence[str], table: PrintTable, column: int) -> list[Print]:
    """The prints of one moment; a halted company says only that it is."""
    at = int(table.at[column])
    key = str(at)
    last = (table.last[:, column] * CENT).tolist()
    half = (table.half[:, column] * CENT).tolist()
    sizes = table.size[:, column].tolist()
    halted = table.halted[:, column].tolist()
    due = table.due[:, column].tolist()
    return [
        Print(name, at, price - wide, price + wide, size, size, 0 if stopped else price, size, key, stopped)
        for name, price, wide, size, stopped, made in zip(names, last, half, sizes, halted, due, strict=True)
        if made
    ]


def _info(company: SimulatedCompany) -> InstrumentInfo:
    return InstrumentInfo(company.symbol, company.name, EXCHANGE, "USD", "stock", company.sector)


def build() -> Simulated:
    """The exchange as the settings say."""
    return Simulated(
        seed=settings.SIMULATED_SEED, count=settings.SIMULATED_SYMBOLS, rate=settings.SIMULATED_QUOTES_PER_SECOND
    )
