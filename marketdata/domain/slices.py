"""A slice of history laid out for replay: exact integer tables in price ticks, and everything shown at a tick.

Prices play in the basis of the slice's first session: after a split inside the slice they are multiplied by its ratio
(and volumes divided), before it, in the warm-up, divided. So nothing jumps, and no price depends on a split that is yet
to come. A masked market also rescales each price so that the last close before the slice (else the first open) is 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.errors import Invalid
from marketdata.domain.replay import (
    MASKED_BASE,
    OPEN,
    PRINTS,
    IntArray,
    ReplayDefinition,
    day_of,
    day_path,
    mask_shift,
    phase_of,
    print_at,
    spread,
)
from marketdata.domain.splits import round_ratio, split_ratio
from marketdata.domain.types import BarView, Quote, Tick

MICRO = 1_000_000
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """One instrument's raw bars in listing order. `ohlc` is [bars, 4] in millionths of the currency, as traded."""

    symbol: str
    listing_id: int
    tick_size: Decimal
    dates: Sequence[date]
    ohlc: IntArray
    volume: IntArray
    splits: Sequence[tuple[date, Decimal]] = ()


@dataclass(frozen=True)
class Slice:
    """The tables of one market. Rows are sessions: `warmup` of them before the slice, then the slice's own."""

    symbols: tuple[str, ...]
    listing_ids: tuple[int, ...]
    tick_sizes: tuple[Decimal, ...]
    dates: tuple[date, ...]
    warmup: int
    ohlc: IntArray  # [rows, symbols, 4] in price ticks; 0 where the instrument had no bar yet
    volume: IntArray  # [rows, symbols]
    last: IntArray  # [ticks, symbols]
    bid: IntArray
    ask: IntArray
    prints: int = PRINTS

    @property
    def days_total(self) -> int:
        """Sessions in the slice."""
        return len(self.dates) - self.warmup

    @property
    def ticks_total(self) -> int:
        """Ticks in the slice."""
        return self.days_total * self.prints

    @cached_property
    def columns(self) -> dict[str, int]:
        """Column of each symbol."""
        return {symbol: index for index, symbol in enumerate(self.symbols)}

    @cached_property
    def open_times(self) -> tuple[datetime, ...]:
        """Market time of each row's open."""
        return tuple(print_at(day, OPEN) for day in self.dates)

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

    def tick(self, index: int, source: str) -> Tick:
        """The tick: all quotes. Uses nothing that prints later."""
        at, phase, day = self.at(index), self.phase(index), day_of(index, self.prints)
        completed = self.completed_rows(index)
        volumes = self.volume[completed - 1].tolist() if completed else [0] * len(self.symbols)
        previous = self._previous_closes(day)
        quotes = {}
        rows = zip(
            self.last[index].tolist(),
            self.bid[index].tolist(),
            self.ask[index].tolist(),
            previous,
            volumes,
            strict=True,
        )
        for column, (last, bid, ask, before, volume) in enumerate(rows):
            size = self.tick_sizes[column]
            quotes[self.symbols[column]] = Quote(
                symbol=self.symbols[column],
                listing_id=self.listing_ids[column],
                bid=bid * size,
                ask=ask * size,
                last=last * size,
                tick=index,
                at=at,
                source=source,
                is_open_print=phase == OPEN,
                volume=volume,
                previous_close=before * size,
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
        )

    def _previous_closes(self, day: int) -> list[int]:
        row = self.warmup + day - 1
        opens: list[int] = self.ohlc[self.warmup, :, 0].tolist()
        if row < 0:
            return opens
        closes: list[int] = self.ohlc[row, :, 3].tolist()
        return [close or first for close, first in zip(closes, opens, strict=True)]

    def bars(self, symbol: str, tick: int, limit: int) -> list[BarView]:
        """The last `limit` sessions known at a tick: completed ones, then the forming one from its prints so far."""
        column = self.columns[symbol]
        completed = self.completed_rows(tick)
        forming = self.is_forming(tick)
        first = max(completed - limit + forming, 0)
        size = self.tick_sizes[column]
        table = self.ohlc[first:completed, column].tolist()
        volumes = self.volume[first:completed, column].tolist()
        views = [
            BarView(self.dates[row], self.open_times[row], o * size, h * size, low * size, c * size, volume)
            for row, (o, h, low, c), volume in zip(range(first, completed), table, volumes, strict=True)
            if o
        ]
        if forming:
            prints = self.last[tick - self.phase(tick) : tick + 1, column].tolist()
            day = self.session(tick)
            open_, high, low, close = prints[0], max(prints), min(prints), prints[-1]
            views.append(
                BarView(day, print_at(day, OPEN), open_ * size, high * size, low * size, close * size, 0, False)
            )
        return views[-limit:] if limit > 0 else []

    def closes(self, tick: int, lookback: int) -> FloatArray:
        """[sessions, symbols]: completed closes, then a forming session's last print. NaN before a first bar."""
        completed = self.completed_rows(tick)
        table = self.ohlc[max(completed - lookback, 0) : completed, :, 3]
        if self.is_forming(tick):
            table = np.concatenate([table, self.last[tick : tick + 1]])
        floats = np.where(table == 0, np.nan, table.astype(np.float64)) * np.array(
            [float(size) for size in self.tick_sizes]
        )
        return np.asarray(floats[-lookback:], dtype=np.float64)


def slice_sessions(definition: ReplayDefinition, histories: Sequence[History]) -> tuple[list[date], int]:
    """All sessions shown and how many of them are warm-up. A session is a day on which any of the symbols has a bar."""
    every = sorted({day for history in histories for day in history.dates if day <= definition.end})
    before = [day for day in every if day < definition.start]
    inside = [day for day in every if day >= definition.start]
    if not inside:
        raise Invalid("history_missing", "There is no history between the start and the end.", {"field": "start"})
    warm = before[-definition.warmup_days :] if definition.warmup_days else []
    return warm + inside, len(warm)


def slice_build(definition: ReplayDefinition, histories: Sequence[History]) -> Slice:
    """Lay out a slice; raises Invalid when a symbol does not cover it."""
    dates, warmup = slice_sessions(definition, histories)
    ohlc = np.zeros((len(dates), len(histories), 4), dtype=np.int64)
    volume = np.zeros((len(dates), len(histories)), dtype=np.int64)
    for column, history in enumerate(histories):
        ohlc[:, column], volume[:, column] = _column(definition, history, dates, warmup)
    last = day_path(ohlc[warmup:], definition).transpose(0, 2, 1).reshape(-1, len(histories))
    bid, ask = spread(last, definition.spread_bps)
    shift = mask_shift(dates[warmup]) if definition.mask else timedelta(0)
    return Slice(
        symbols=tuple(history.symbol for history in histories),
        listing_ids=tuple(history.listing_id for history in histories),
        tick_sizes=tuple(grid(history.tick_size) for history in histories),
        dates=tuple(day + shift for day in dates),
        warmup=warmup,
        ohlc=ohlc,
        volume=volume,
        last=last,
        bid=bid,
        ask=ask,
        prints=definition.prints,
    )


def grid(tick_size: Decimal) -> Decimal:
    """A tick size without trailing zeros, so that prices print with its places ("645.57", not "645.570000")."""
    small = tick_size.normalize()
    return small.quantize(Decimal(1)) if int(small.as_tuple().exponent) > 0 else small


def _column(
    definition: ReplayDefinition, history: History, dates: Sequence[date], warmup: int
) -> tuple[IntArray, IntArray]:
    """One instrument's rows in price ticks. A session without a bar repeats the last close with no volume."""
    first, final = dates[warmup], dates[-1]
    position = {day: index for index, day in enumerate(history.dates)}
    known = [day for day in history.dates if dates[0] <= day <= first]
    if not known or history.dates[-1] < final:
        span = f"{history.dates[0]}..{history.dates[-1]}" if history.dates else "none"
        details = {"symbol": history.symbol, "history": span, "needed": f"{first}..{final}"}
        raise Invalid("history_missing", f"The history of {history.symbol} does not cover the slice.", details)
    base = Fraction(1)
    if definition.mask:
        before = [day for day in known if day < first]
        anchor = before[-1] if before else first
        level = int(history.ohlc[position[anchor], 3 if before else 0])
        base = Fraction(MASKED_BASE * MICRO, level) / split_ratio(history.splits, anchor, first)
    ohlc = np.zeros((len(dates), 4), dtype=np.int64)
    volume = np.zeros(len(dates), dtype=np.int64)
    rows = [(row, position[day]) for row, day in enumerate(dates) if day in position]
    for ratio, group in _by_ratio(history, dates, rows, first):
        target, origin = [row for row, _ in group], [index for _, index in group]
        in_ticks = ratio * base / (Fraction(history.tick_size) * MICRO)
        ohlc[target] = np.maximum(round_ratio(history.ohlc[origin], in_ticks), 1)
        volume[target] = round_ratio(history.volume[origin], 1 / (ratio * base))
    _carry(ohlc)
    return ohlc, volume


def _by_ratio(
    history: History, dates: Sequence[date], rows: Sequence[tuple[int, int]], basis: date
) -> list[tuple[Fraction, list[tuple[int, int]]]]:
    """Rows grouped by their split ratio; with no split there is one group."""
    groups: dict[Fraction, list[tuple[int, int]]] = {}
    for row, index in rows:
        ratio = split_ratio(history.splits, dates[row], basis) if history.splits else Fraction(1)
        groups.setdefault(ratio, []).append((row, index))
    return list(groups.items())


def _carry(ohlc: IntArray) -> None:
    """Fill sessions without a bar with the close before them; rows before the first bar stay 0."""
    for row in np.flatnonzero(ohlc[:, 0] == 0).tolist():
        if row:
            ohlc[row] = ohlc[row - 1, 3]
