"""The simulated exchange: every price is a function of the seed, the company and the time. Pure.

The logarithm of a price is a Brownian motion on a grid of eighths of a second, drawn by midpoint displacement (Levy's
construction): the middle of an interval is the mean of its ends plus a normal number that belongs to that interval, got
from a hash of (seed, company, level, interval). So any moment can be computed alone, history is what was streamed, and
a restart goes on exactly. A share of the motion is common to all (the market). Jumps (seeded, about one in thirty days
a company) are added on top; a large one halts the company for five minutes.

A company prints at fixed moments of the grid, which follow from the number of companies and the rate alone. Bars of
minutes are made of exactly those prints. Bars of days sample the same path once in 128 seconds and at both ends of the
day: their open and close are those of the path, their high and low may miss what lay between two samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from marketdata.domain.feed import MICRO
from marketdata.domain.simulated_jumps import DAY_UNITS, UNITS, jumps_before, jumps_of
from marketdata.domain.simulated_noise import GOLDEN, Floats, Ints, Words, mixed, normal, uniform

UNIT_US = MICRO // UNITS
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
EPOCH_US = int(EPOCH.timestamp()) * MICRO
LEVELS = 33  # 2^33 eighths of a second are 34 years
YEAR_UNITS = 365 * DAY_UNITS
BLOCK = 6  # at most 64 points at a time; how many makes no difference to their values
DAY_SAMPLE = 10  # 2^10 units are 128 seconds
JUMP_HALTS, HALT_UNITS = 0.04, 300 * UNITS
MOST_STEP = 32  # the largest power of two units that a minute is a multiple of: minutes are made of whole moments
CENT = MICRO // 100


@dataclass(frozen=True, slots=True)
class PrintTable:
    """Prints of some companies at some moments, [companies, moments]: prices in cents; `due` says which are made."""

    at: Ints  # microseconds since the epoch, [moments]
    last: Ints
    half: Ints
    size: Ints
    halted: NDArray[np.bool_]
    due: NDArray[np.bool_]


@dataclass(frozen=True)
class SimulatedExchange:
    """`count` companies that print `rate` times a second in total (0.1 to 8 times a second each)."""

    seed: int
    count: int
    rate: int

    @cached_property
    def _streams(self) -> Words:
        """A word of its own for each company, whatever the number of the others."""
        base = mixed(np.array([self.seed % 2**63], dtype=np.uint64))
        return mixed(base + np.arange(self.count, dtype=np.uint64) * GOLDEN)

    @cached_property
    def _market(self) -> Words:
        return mixed(np.array([self.seed % 2**63], dtype=np.uint64) ^ np.uint64(0x4D41524B4554))

    def _trait(self, number: int, low: float, high: float) -> Floats:
        return low + (high - low) * uniform(mixed(self._streams ^ np.uint64(0xABCD_0000 + number)))

    @cached_property
    def level(self) -> Floats:
        """The price of each company at the beginning, in cents: 15 to 300."""
        return np.exp(self._trait(1, np.log(1_500.0), np.log(30_000.0)))

    @cached_property
    def volatility(self) -> Floats:
        """A year's own deviation of the logarithm."""
        return self._trait(2, 0.12, 0.30)

    @cached_property
    def beta(self) -> Floats:
        """How much of the market's motion a company takes part in."""
        return self._trait(3, 0.5, 1.4)

    @cached_property
    def spread_bps(self) -> Floats:
        """The usual full spread."""
        return self._trait(4, 2.0, 12.0)

    @cached_property
    def lot(self) -> Ints:
        """The usual size of a print."""
        return self._trait(5, 5.0, 60.0).astype(np.int64)

    @cached_property
    def step(self) -> int:
        """Units between two moments at which companies may print: a power of two."""
        step = 1
        while step * 2 <= 1 / self._each and step < MOST_STEP:
            step *= 2
        return step

    @cached_property
    def share(self) -> float:
        """The share of those moments at which a company does print."""
        return min(self._each * self.step, 1.0)

    @cached_property
    def _each(self) -> float:
        """Prints of a company a unit, as the rate has it: bounded to 0.1 and 8 a second."""
        return min(max(self.rate / max(self.count, 1), 0.1), UNITS) / UNITS

    def _draw(self, streams: Words, level: int, cells: NDArray[np.uint64]) -> Floats:
        """Normal numbers [companies, cells] that belong to the intervals `cells` of a level."""
        key = cells * np.uint64(64) + np.uint64(level)
        return normal(mixed(streams[:, None] ^ mixed(key)[None, :]))

    def _points(self, streams: Words, units: Ints) -> Floats:
        """The motion at some units [companies, units], in units of the square root of a unit, each on its own."""
        low = np.zeros(len(units), dtype=np.int64)
        left = np.zeros((len(streams), len(units)))
        right = np.repeat(
            self._draw(streams, 63, np.zeros(1, dtype=np.uint64)) * np.sqrt(2.0**LEVELS), len(units), axis=1
        )
        for level in range(LEVELS - 1, -1, -1):
            cell = (low >> (level + 1)).astype(np.uint64)
            middle = (left + right) / 2 + self._draw(streams, level, cell) * np.sqrt(2.0**level / 2)
            up = units >= low + (1 << level)
            left = np.where(up, middle, left)
            right = np.where(up, right, middle)
            low = np.where(up, low + (1 << level), low)
        return left

    def _grid(self, streams: Words, first: int, count: int, shift: int) -> Floats:
        """The motion at `count` units from `first` on, 2^shift apart; `first` is a multiple of that."""
        block = max(2, min(BLOCK, (count - 1).bit_length()))
        size = 1 << (shift + block)
        start = first // size
        blocks = (first + ((count - 1) << shift)) // size - start + 1
        edges = self._points(streams, np.arange(start, start + blocks + 1, dtype=np.int64) * size)
        values = edges[:, :-1, None]
        ends = edges[:, 1:, None]
        for level in range(shift + block - 1, shift - 1, -1):
            width = values.shape[2]
            cells = (
                np.arange(start, start + blocks, dtype=np.uint64)[:, None] * np.uint64(width)
                + np.arange(width, dtype=np.uint64)[None, :]
            )
            right = np.concatenate([values[:, :, 1:], ends], axis=2)
            drawn = self._draw(streams, level, cells.reshape(-1)).reshape(len(streams), blocks, width)
            middle = (values + right) / 2 + drawn * np.sqrt(2.0**level / 2)
            values = np.stack([values, middle], axis=3).reshape(len(streams), blocks, width * 2)
        flat = values.reshape(len(streams), -1)
        skip = (first - start * size) >> shift
        return flat[:, skip : skip + count]

    def _jumps(self, rows: Ints, units: Ints) -> tuple[Floats, NDArray[np.bool_]]:
        """The sum of a company's jumps up to each of some ascending units, and whether it is halted there."""
        first, last = int(units[0]) // DAY_UNITS, int(units[-1]) // DAY_UNITS
        sums, moments, sizes = self._jump_days(rows, first, last)
        total = np.empty((len(rows), len(units)))
        halted = np.zeros((len(rows), len(units)), dtype=np.bool_)
        places = np.searchsorted(units, np.arange(first, last + 2, dtype=np.int64) * DAY_UNITS)
        for day in range(last - first + 1):
            part = slice(places[day], places[day + 1])
            since = units[None, part] - (first + day) * DAY_UNITS - moments[:, day, None]
            here, size = since >= 0, sizes[:, day, None]
            total[:, part] = sums[:, day, None] + np.where(here, size, 0.0)
            halted[:, part] = here & (np.abs(size) >= JUMP_HALTS) & (since < HALT_UNITS)
        return total, halted

    def _jump_days(self, rows: Ints, first: int, last: int) -> tuple[Floats, Ints, Floats]:
        """Of each company and day, first to last: the jumps of all days before, the moment and size of its own."""
        streams = self._streams[rows]
        sizes, moments = jumps_of(streams, first, last + 1)
        before = jumps_before(streams.tobytes(), first)
        sums = np.cumsum(np.concatenate([before[:, None], sizes], axis=1), axis=1)[:, 1:] - sizes
        return sums, moments, sizes

    def _prices(self, rows: Ints, first: int, count: int, shift: int) -> tuple[Ints, NDArray[np.bool_]]:
        """Cents [companies, count] on a grid, and whether halted."""
        units = first + (np.arange(count, dtype=np.int64) << shift)
        own = self._grid(self._streams[rows], first, count, shift)
        return self._cents(rows, units, own, self._grid(self._market, first, count, shift))

    def _cents(self, rows: Ints, units: Ints, own: Floats, market: Floats) -> tuple[Ints, NDArray[np.bool_]]:
        """Cents where the motions of the companies and of the market are known, and whether halted."""
        year = np.sqrt(float(YEAR_UNITS))
        motion = (self.volatility[rows][:, None] * own + 0.14 * self.beta[rows][:, None] * market) / year
        jumps, halted = self._jumps(rows, units)
        # A company cannot wander off for good: what is large is bent back.
        bent = 1.5 * np.tanh((motion + jumps) / 1.5)
        cents = np.rint(self.level[rows][:, None] * np.exp(bent)).astype(np.int64)
        return np.maximum(cents, 2), halted

    def prints(self, rows: Ints, first: int, count: int) -> PrintTable:
        """The prints of companies at `count` moments from the unit `first` on (a multiple of `step`)."""
        shift = self.step.bit_length() - 1
        last, halted = self._prices(rows, first, count, shift)
        index = (first >> shift) + np.arange(count, dtype=np.int64)
        moments = mixed(index.astype(np.uint64) + np.uint64(0x77_0000_0000))
        words = mixed(self._streams[rows][:, None] ^ moments[None, :])
        noise = uniform(words)
        half = np.maximum(np.rint(last * self.spread_bps[rows][:, None] / 20_000 * (0.6 + 0.8 * noise)), 1)
        shape = 1.0 + 0.5 * np.cos(2 * np.pi * ((index << shift) % DAY_UNITS) / DAY_UNITS)
        burst = (words >> np.uint64(20)).astype(np.int64) & 15
        size = (1 + self.lot[rows][:, None] * (1 + burst) // 8 * shape[None, :]).astype(np.int64)
        place = index[None, :] + rows[:, None] * 3
        due = np.floor(place * self.share) != np.floor((place - 1) * self.share)
        at = EPOCH_US + (index << shift) * UNIT_US
        half_cents = np.minimum(half.astype(np.int64), last - 1)
        return PrintTable(at, last, half_cents, np.where(halted, 0, size), halted, due)

    def minute_bars(self, rows: Ints, first: datetime, minutes: int) -> tuple[Ints, Ints]:
        """Bars of one minute: ([minutes] times in microseconds, [companies, minutes, 6] of micros, volume, prints).

        The columns are open, high, low, close, volume, trades. A minute in which a company printed nothing (a halt) has
        trades 0 and zeros.
        """
        start = unit_of(first)
        per = 60 * UNITS // self.step
        table = self.prints(rows, start, minutes * per)
        shape = (len(rows), minutes, per)
        made = (table.due & ~table.halted).reshape(shape)
        price = table.last.reshape(shape)
        any_made = made.any(axis=2)
        high = np.where(made, price, 0).max(axis=2)
        low = np.where(made, price, np.iinfo(np.int64).max).min(axis=2)
        opened = np.take_along_axis(price, made.argmax(axis=2)[:, :, None], 2)[:, :, 0]
        closed = np.take_along_axis(price, (per - 1 - made[:, :, ::-1].argmax(axis=2))[:, :, None], 2)[:, :, 0]
        volume = np.where(made, table.size.reshape(shape), 0).sum(axis=2)
        lowest = np.where(any_made, low, 0)
        columns = [opened * CENT, high * CENT, lowest * CENT, closed * CENT, volume, made.sum(axis=2)]
        bars = np.stack([np.where(any_made, column, 0) for column in columns], axis=2)
        times = EPOCH_US + (start + np.arange(minutes, dtype=np.int64) * 60 * UNITS) * UNIT_US
        return times, bars

    def day_bars(self, rows: Ints, first: datetime, days: int) -> Ints:
        """Bars of UTC days from the day of `first` on: [companies, days, 5] of cents and volume."""
        start = unit_of(first) // DAY_UNITS * DAY_UNITS
        per = DAY_UNITS >> DAY_SAMPLE  # 675 samples
        prices, _ = self._prices(rows, start, days * per, DAY_SAMPLE)
        shaped = prices.reshape(len(rows), days, per)
        ends = np.array([start + (day + 1) * DAY_UNITS - self.step for day in range(days)], dtype=np.int64)
        closes = self._closes(rows, ends)
        high, low = np.maximum(shaped.max(axis=2), closes), np.minimum(shaped.min(axis=2), closes)
        words = mixed(
            self._streams[rows][:, None]
            ^ mixed((start // DAY_UNITS + np.arange(days)).astype(np.uint64) + np.uint64(9))
        )
        prints = 86_400 * UNITS / self.step * self.share
        volume = self.lot[rows][:, None] * prints * (0.85 + 0.3 * uniform(words))
        return np.stack([shaped[:, :, 0], high, low, closes, volume.astype(np.int64)], axis=2)

    def day_so_far(self, rows: Ints, now: datetime) -> Ints:
        """The UTC day until now: [companies, 4] of cents (open, high, low) and volume, sampled as `day_bars` does."""
        unit = unit_of(now)
        start = unit // DAY_UNITS * DAY_UNITS
        count = ((unit - start) >> DAY_SAMPLE) + 1
        prices, _ = self._prices(rows, start, count, DAY_SAMPLE)
        prints = (unit - start) / self.step * self.share
        volume = (self.lot[rows] * prints).astype(np.int64)
        return np.stack([prices[:, 0], prices.max(axis=1), prices.min(axis=1), volume], axis=1)

    def _closes(self, rows: Ints, units: Ints) -> Ints:
        cents, _ = self._cents(rows, units, self._points(self._streams[rows], units), self._points(self._market, units))
        return cents


def unit_of(at: datetime) -> int:
    """The unit of a time; raises ValueError before the beginning of the exchange."""
    micro = int(at.timestamp() * 1_000) * 1_000
    unit = (micro - EPOCH_US) // UNIT_US
    if unit < 0:
        raise ValueError("the simulated exchange begins in 2020")
    return unit
