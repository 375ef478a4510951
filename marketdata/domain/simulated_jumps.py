"""The jumps of the simulated exchange's companies: at most one a day each, on about one day in thirty. Pure."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from marketdata.domain.simulated_noise import Floats, Ints, Words, mixed, normal, uniform

UNITS = 8  # a second
DAY_UNITS = 86_400 * UNITS
JUMP_CHANCE = 1 / 30
DAYS_AT_ONCE = 256


def jumps_of(streams: Words, first: int, until: int) -> tuple[Floats, Ints]:
    """The jump of each company on each day (mostly none) and its moment within the day, in units."""
    days = np.arange(first, until, dtype=np.uint64)
    words = mixed(streams[:, None] ^ mixed(days + np.uint64(0x1D_0000_0000))[None, :])
    sizes = np.where(uniform(words) < JUMP_CHANCE, normal(mixed(words ^ np.uint64(0x51))) * 0.025, 0.0)
    return sizes, (uniform(mixed(words ^ np.uint64(0x52))) * DAY_UNITS).astype(np.int64)


@lru_cache(maxsize=16)
def jumps_before(streams: bytes, day: int) -> Floats:
    """The sum of all jumps before a day. Kept: a stream asks for the same companies and day again and again."""
    words = np.frombuffer(streams, dtype=np.uint64)
    total = np.zeros(len(words))
    for first in range(0, day, DAYS_AT_ONCE):
        sizes, _ = jumps_of(words, first, min(first + DAYS_AT_ONCE, day))
        total = np.cumsum(np.concatenate([total[:, None], sizes], axis=1), axis=1)[:, -1]  # one after the other
    total.setflags(write=False)
    return total
