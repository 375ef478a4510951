"""A slice of history laid out for replay, and everything shown at a tick. The tables come from `domain.layout`."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marketdata.domain.layout import Column
from marketdata.domain.replay import (
    OPEN,
    PRINTS,
    Basis,
    IntArray,
    day_of,
    phase_of,
    print_at,
)
from marketdata.domain.splits import round_ratio, round_rows
from marketdata.domain.types import BarView, Quote, Tick, TickAction

FloatArray = NDArray[np.float64]
Numbers = list[int]


@dataclass(frozen=True)
class Slice:
    """The tables of one market. Rows are sessions: `warmup` of them before the slice, then the slice's own.

    `columns` are the instruments in display order; `last`, `bid` and `ask` are [ticks, columns] in price ticks.
    """

    columns: tuple[Column, ...]
    listing_ids: tuple[int, ...]
    tick_sizes: tuple[Decimal, ...]
    dates: tuple[date, ...]
    warmup: int
    ohlc: IntArray  # [rows, columns, 4] in price ticks; 0 where the instrument had no bar yet
    volume: IntArray  # [rows, columns]
    last: IntArray
    bid: IntArray
    ask: IntArray
    prints: int = PRINTS
    basis: Basis = Basis.ADJUSTED

    @property
    def days_total(self) -> int:
        """Sessions in the slice."""
        return len(self.dates) - self.warmup

    @property
    def ticks_total(self) -> int:
        """Ticks in the slice."""
        return self.days_total * self.prints

    @cached_property
    def open_times(self) -> tuple[datetime, ...]:
        """Market time of each row's open."""
        return tuple(print_at(day, OPEN) for day in self.dates)

    @cached_property
    def _actions(self) -> dict[int, tuple[TickAction, ...]]:
        found: dict[int, list[TickAction]] = {}
        for column in self.columns:
            for row, action in column.actions:
                found.setdefault(row, []).append(action)
        return {row: tuple(actions) for row, actions in found.items()}

    @cached_property
    def _one_name(self) -> tuple[str, ...] | None:
        """The symbols, when none of them ever changes."""
        if any(len(column.names) > 1 for column in self.columns):
            return None
        return tuple(column.names[0][1] for column in self.columns)

    def session(self, tick: int) -> date:
        """The session date of a tick."""
        return self.dates[self.warmup + day_of(tick, self.prints)]

    def at(self, tick: int) -> datetime:
        """The market time of a tick."""
        return print_at(self.session(tick), self.phase(tick), self.prints)

    def phase(self, tick: int) -> int:
        """Which print of its session a tick is."""
        return phase_of(tick, self.prints)

    def is_forming(self, tick: int) -> bool:
        """Whether the tick's session has begun and not closed."""
        return tick >= 0 and self.phase(tick) != self.prints - 1

    def completed_rows(self, tick: int) -> int:
        """How many rows are over at a tick: the warm-up and the sessions that have closed."""
        return self.warmup if tick < 0 else self.warmup + (tick + 1) // self.prints

    def begun(self, tick: int) -> int:
        """The last row that has begun at a tick; -1 when there is none."""
        return self.warmup - 1 if tick < 0 else self.warmup + day_of(tick, self.prints)

    def names(self, tick: int) -> tuple[str, ...]:
        """The symbol of each column at a tick, those that trade no more included."""
        if self._one_name is not None:
            return self._one_name
        row = self.begun(tick)
        return tuple(name_at(column, row) for column in self.columns)

    def symbols_changed(self, tick: int) -> dict[int, str]:
        """Listing ids whose symbol changes at a tick, and the new symbol."""
        before, after = self.names(tick - 1), self.names(tick)
        if before == after:
            return {}
        pairs = zip(self.listing_ids, before, after, strict=True)
        return {listing_id: new for listing_id, old, new in pairs if old != new}

    def column_of(self, symbol: str, tick: int) -> int | None:
        """The column that has the symbol at a tick or, when none has, the one that had it last."""
        names = self.names(tick)
        if symbol in names:
            return names.index(symbol)
        row = self.begun(tick)
        former = [
            (since, index)
            for index, column in enumerate(self.columns)
            for since, name in column.names
            if name == symbol and since <= row
        ]
        return max(former)[1] if former else None

    def trading(self, tick: int) -> list[int]:
        """The columns that trade at a tick: all but the delisted."""
        row = self.begun(tick)
        return [index for index, column in enumerate(self.columns) if row < column.gone]

    def symbols(self, tick: int) -> tuple[str, ...]:
        """The symbols that trade at a tick, in display order."""
        names = self.names(tick)
        return tuple(names[index] for index in self.trading(tick))

    def actions_of_day(self, day: int) -> tuple[TickAction, ...]:
        """What takes effect at the open of a session, by its number. Nobody is told before that session begins."""
        return self._actions.get(self.warmup + day, ())

    def tick(self, index: int, source: str) -> Tick:
        """The tick: all quotes. Uses nothing that prints later."""
        at, phase, day = self.at(index), self.phase(index), day_of(index, self.prints)
        row, names = self.warmup + day, self.names(index)
        volumes, previous = self._last_volumes(index), self._previous_closes(row)
        last, bid, ask = (table[index].tolist() for table in (self.last, self.bid, self.ask))
        quotes = {}
        for column in self.trading(index):
            size = self.tick_sizes[column]
            quotes[names[column]] = Quote(
                symbol=names[column],
                listing_id=self.listing_ids[column],
                bid=bid[column] * size,
                ask=ask[column] * size,
                last=last[column] * size,
                tick=index,
                at=at,
                source=source,
                is_open_print=phase == OPEN,
                volume=volumes[column],
                previous_close=previous[column] * size,
                is_close_print=phase == self.prints - 1,
            )
        return Tick(
            index=index,
            at=at,
            day_index=day,
            phase=phase,
            is_new_day=phase == OPEN,
            is_last=index == self.ticks_total - 1,
            quotes=quotes,
            is_session_close=phase == self.prints - 1,
            actions=self.actions_of_day(day) if phase == OPEN else (),
        )

    def _step(self, column: Column, row: int) -> Fraction:
        """What brings a price of the row before to a row's shares; volumes are divided by it."""
        if self.basis == Basis.ADJUSTED or column.ratios is None or row < 1:
            return Fraction(1)
        return column.ratios[row - 1] / column.ratios[row]

    def _stepped(self, row: int) -> Iterator[tuple[int, Fraction]]:
        """The columns whose shares a row's open has changed."""
        for index, column in enumerate(self.columns):
            if (step := self._step(column, row)) != 1:
                yield index, step

    def _previous_closes(self, row: int) -> Numbers:
        """Closes of the session before a row, in the row's shares; the first open where there was none."""
        opens: Numbers = self.ohlc[self.warmup, :, 0].tolist()
        if row < 1:
            return opens
        closes: Numbers = self.ohlc[row - 1, :, 3].tolist()
        for index, step in self._stepped(row):
            closes[index] = _scaled(closes[index], step, least=1)
        return [close or first for close, first in zip(closes, opens, strict=True)]

    def _last_volumes(self, tick: int) -> Numbers:
        """Volumes of the last completed session, in the shares of the tick's session."""
        completed = self.completed_rows(tick)
        if not completed:
            return [0] * len(self.columns)
        volumes: Numbers = self.volume[completed - 1].tolist()
        row = self.begun(tick)
        if row == completed:
            for index, step in self._stepped(row):
                volumes[index] = _scaled(volumes[index], 1 / step)
        return volumes

    def bars(self, symbol: str, tick: int, limit: int, *, adjusted: bool = True) -> list[BarView]:
        """The last `limit` sessions known at a tick: completed ones, then the forming one from its prints so far.

        `adjusted`: in the shares of today (of the slice's first session in the `adjusted` basis), else in those of
        each day. Raises KeyError for a symbol that was never listed.
        """
        place = self.column_of(symbol, tick)
        if place is None:
            raise KeyError(symbol)
        column, size = self.columns[place], self.tick_sizes[place]
        completed = min(self.completed_rows(tick), column.gone)
        forming = self.is_forming(tick) and self.begun(tick) < column.gone
        first = max(completed - limit + forming, 0)
        table, volumes = self._tables(column, slice(first, completed), self.begun(tick), adjusted=adjusted)
        views = [
            BarView(self.dates[row], self.open_times[row], o * size, h * size, low * size, c * size, volume)
            for row, (o, h, low, c), volume in zip(
                range(first, completed), table.tolist(), volumes.tolist(), strict=True
            )
            if o
        ]
        if forming:
            views.append(self._forming(place, tick, adjusted=adjusted))
        return views[-limit:] if limit > 0 else []

    def _tables(self, column: Column, rows: slice, today: int, *, adjusted: bool) -> tuple[IntArray, IntArray]:
        """Prices [rows, 4] and volumes of some rows."""
        if not adjusted:
            return column.traded[rows], column.traded_volume[rows]
        if self.basis == Basis.ADJUSTED or column.ratios is None:
            return column.ohlc[rows], column.volume[rows]
        factors = [ratio / column.ratios[today] for ratio in column.ratios[rows]]
        prices = round_rows(column.traded[rows], factors)
        known = column.traded[rows] > 0
        return np.where(known, np.maximum(prices, 1), 0), round_rows(
            column.traded_volume[rows], [1 / f for f in factors]
        )

    def _forming(self, place: int, tick: int, *, adjusted: bool) -> BarView:
        """The session that has begun, from its prints so far."""
        column, size, row = self.columns[place], self.tick_sizes[place], self.begun(tick)
        prints: Numbers = self.last[tick - self.phase(tick) : tick + 1, place].tolist()
        if not adjusted and self.basis == Basis.ADJUSTED and column.ratios is not None:
            prints = [_scaled(price, 1 / column.ratios[row], least=1) for price in prints]
        open_, high, low, close = (price * size for price in (prints[0], max(prints), min(prints), prints[-1]))
        return BarView(self.dates[row], self.open_times[row], open_, high, low, close, 0, False)

    def closes(self, tick: int, lookback: int) -> FloatArray:
        """[sessions, symbols that trade]: completed closes, then a forming session's last print, in today's shares.

        NaN before a first bar.
        """
        completed, trading = self.completed_rows(tick), self.trading(tick)
        first = max(completed - lookback, 0)
        table = self.ohlc[first:completed, :, 3].astype(np.float64)
        if self.basis == Basis.TRADED:
            for index in trading:
                ratios = self.columns[index].ratios
                if ratios is not None:
                    today = ratios[self.begun(tick)]
                    table[:, index] *= np.array([float(ratio / today) for ratio in ratios[first:completed]])
        if self.is_forming(tick):
            table = np.concatenate([table, self.last[tick : tick + 1].astype(np.float64)])
        sizes = np.array([float(size) for size in self.tick_sizes])
        floats = np.where(table == 0, np.nan, table) * sizes
        return np.asarray(floats[-lookback:][:, trading], dtype=np.float64)


def name_at(column: Column, row: int) -> str:
    """A column's symbol at a row; -1 is before the first."""
    return next(symbol for since, symbol in reversed(column.names) if since <= row)


def _scaled(value: int, factor: Fraction, *, least: int = 0) -> int:
    """An amount times a factor, half-even, at least `least` unless it is nothing."""
    return max(int(round_ratio(np.array([value], dtype=np.int64), factor)[0]), least) if value else 0
