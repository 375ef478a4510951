"""Candles of any resolution from stored bars: which bars are read, how splits are undone, how bars become one. Pure.

Times are whole seconds since the epoch (UTC), prices millionths ("micros"). A candle of minutes begins on a grid that
starts at the session's open (30, 60 and 240 minutes) or at full minutes of UTC (1, 5 and 15). A day's candle is at
00:00 UTC of its trade date, a week's and a month's at 00:00 UTC of its first trading day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from core.errors import Invalid
from marketdata.domain.replay import IntArray
from marketdata.domain.splits import round_ratio

DAY = 86_400
MAX_CANDLES = 5_000
TIME, OPEN, HIGH, LOW, CLOSE, VOLUME = range(6)
COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Resolution:
    """A length of candles: `minutes` of a day, or whole `days` as a day, a week or a month (0, 1, 7, 31).

    `bases` are the stored minutes that it is put together from, the best first. `is_anchored`: its grid starts at the
    session's open.
    """

    name: str
    minutes: int
    days: int
    bases: tuple[int, ...] = ()
    is_anchored: bool = False

    @property
    def seconds(self) -> int:
        """The longest that one candle lasts."""
        return self.minutes * 60 or self.days * DAY

    def per_candle(self, base: int) -> int:
        """The most bars of `base` minutes (of a day, when it is 0) that one candle is made of."""
        return self.minutes // base if base else self.days

    @property
    def is_intraday(self) -> bool:
        """Whether it is shorter than a day."""
        return self.minutes > 0


RESOLUTIONS = {
    item.name: item
    for item in (
        Resolution("1", 1, 0, (1,)),
        Resolution("5", 5, 0, (5, 1)),
        Resolution("15", 15, 0, (15, 5, 1)),
        Resolution("30", 30, 0, (15, 5, 1), is_anchored=True),
        Resolution("60", 60, 0, (15, 60, 5, 1), is_anchored=True),
        Resolution("240", 240, 0, (15, 60, 5, 1), is_anchored=True),
        Resolution("1D", 0, 1),
        Resolution("1W", 0, 7),
        Resolution("1M", 0, 31),
    )
}
INTRADAY = tuple(name for name, item in RESOLUTIONS.items() if item.is_intraday)
WHOLE_DAYS = tuple(name for name, item in RESOLUTIONS.items() if not item.is_intraday)


def resolution_of(text: str) -> Resolution:
    """A resolution by its name; `D`, `W`, `M` are taken too. Raises Invalid `unsupported_resolution`."""
    name = text.strip().upper()
    found = RESOLUTIONS.get(f"1{name}" if name in ("D", "W", "M") else name)
    if found is None:
        details = {"resolution": text[:8], "supported": list(RESOLUTIONS)}
        raise Invalid("unsupported_resolution", f"Ask for one of {', '.join(RESOLUTIONS)}.", details)
    return found


@dataclass(frozen=True, slots=True)
class Candles:
    """Candles in order of time: one row each of time, open, high, low, close, volume.

    `is_forming`: the last one is not over yet. `is_capped`: there were more in the range than one answer holds, and
    these are the latest.
    """

    instrument_id: int
    resolution: str
    adjusted: bool
    table: IntArray
    is_forming: bool = False
    is_capped: bool = False

    def __len__(self) -> int:
        return int(self.table.shape[0])

    @property
    def times(self) -> list[int]:
        """Seconds since the epoch."""
        return self.column(TIME)

    def column(self, index: int) -> list[int]:
        """One column as whole numbers."""
        values: list[int] = self.table[:, index].tolist()
        return values


def empty_table() -> IntArray:
    """No bars."""
    return np.empty((0, COLUMNS), dtype=np.int64)


def undo_splits(table: IntArray, splits: Sequence[tuple[int, Fraction]]) -> IntArray:
    """Bars in the shares of after all `splits`, which are (second from which it holds, new shares per old).

    Prices are divided and volumes multiplied by the exact product of the later splits, then rounded once, half-even; a
    price stays above zero.
    """
    if not splits or not len(table):
        return table
    ordered = sorted(splits)
    result = table.copy()
    edges = np.searchsorted(table[:, TIME], [at for at, _ in ordered], side="left")
    begin = 0
    for index, edge in enumerate(edges.tolist()):
        factor = Fraction(1)
        for _, ratio in ordered[index:]:
            factor *= ratio
        if edge > begin and factor != 1:
            prices = round_ratio(table[begin:edge, OPEN : CLOSE + 1], 1 / factor)
            result[begin:edge, OPEN : CLOSE + 1] = np.maximum(prices, 1)
            result[begin:edge, VOLUME] = round_ratio(table[begin:edge, VOLUME], factor)
        begin = edge
    return result


def bucket_keys(times: IntArray, resolution: Resolution, opens: Sequence[int] = ()) -> IntArray:
    """Which candle each bar belongs to: equal numbers are one candle, and grow with time.

    For minutes the key is the candle's own time. `opens` are the opens of the sessions around, ascending: the grid of
    an anchored resolution starts anew at each; without any it is that of UTC.
    """
    if resolution.is_intraday:
        step = resolution.minutes * 60
        if not resolution.is_anchored or not len(opens):
            return np.asarray(times // step * step, dtype=np.int64)
        grid = np.asarray(opens, dtype=np.int64)
        anchors = grid[np.maximum(np.searchsorted(grid, times, side="right") - 1, 0)]
        return np.asarray(anchors + (times - anchors) // step * step, dtype=np.int64)
    days = times // DAY
    if resolution.name == "1W":
        return np.asarray((days + 3) // 7, dtype=np.int64)  # 1 January 1970 was a Thursday
    if resolution.name == "1M":
        return np.asarray(days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64), dtype=np.int64)
    return np.asarray(days, dtype=np.int64)


def rolled(table: IntArray, keys: IntArray, *, by_key: bool) -> IntArray:
    """Bars of equal keys as one; its time is the key (`by_key`) or that of the first bar."""
    if not len(table):
        return table
    starts: NDArray[np.intp] = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    ends = np.concatenate((starts[1:], [len(table)])) - 1
    result = np.empty((len(starts), COLUMNS), dtype=np.int64)
    result[:, TIME] = keys[starts] if by_key else table[starts, TIME]
    result[:, OPEN] = table[starts, OPEN]
    result[:, HIGH] = np.maximum.reduceat(table[:, HIGH], starts)
    result[:, LOW] = np.minimum.reduceat(table[:, LOW], starts)
    result[:, CLOSE] = table[ends, CLOSE]
    result[:, VOLUME] = np.add.reduceat(table[:, VOLUME], starts)
    return result


def with_price(table: IntArray, key: int, price: int) -> IntArray:
    """The bars with a last price put on top: into the candle that begins at `key`, or as a new one after the last."""
    if len(table) and table[-1, TIME] > key:
        return table
    if len(table) and table[-1, TIME] == key:
        changed = table.copy()
        changed[-1, HIGH] = max(int(table[-1, HIGH]), price)
        changed[-1, LOW] = min(int(table[-1, LOW]), price)
        changed[-1, CLOSE] = price
        return changed
    row = np.array([[key, price, price, price, price, 0]], dtype=np.int64)
    return np.concatenate((table, row))
