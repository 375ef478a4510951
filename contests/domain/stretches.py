"""Finding stretches of history that are worth playing: crashes, long falls, recoveries, surprises, quiet ranges. Pure.

Prices are [days, symbols], in the shares of one day, so that no split shows. The market is their equal-weighted mean:
each symbol's daily move counts alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contests.domain.templates import Facts
from core.errors import Invalid

Floats = NDArray[np.float64]
CRASH, BLEED, WHIPLASH, RECOVERY, RANGE = "crash", "bleed", "whiplash", "recovery", "range"
KINDS = (CRASH, BLEED, WHIPLASH, RECOVERY, RANGE)
YEAR_DAYS = 252
LEAST_DAYS, MOST_DAYS = 5, 750
# A gap over night from here on is a surprise, and a rise after such a fall a recovery.
SURPRISE, DEEP = 0.04, 0.15


@dataclass(frozen=True, slots=True)
class Prices:
    """Opens and closes, [days, symbols], above zero."""

    opens: Floats
    closes: Floats

    @property
    def moves(self) -> Floats:
        """The market's daily log returns; 0 on the first day."""
        steps = np.diff(np.log(self.closes), axis=0).mean(axis=1)
        return np.concatenate([[0.0], steps])

    @property
    def level(self) -> Floats:
        """The market's level, 1 on the first day."""
        return np.asarray(np.exp(np.cumsum(self.moves)))

    @property
    def gaps(self) -> Floats:
        """How far each open is from the close before, [days, symbols], as a share; 0 on the first day."""
        over = np.abs(self.opens[1:] / self.closes[:-1] - 1)
        return np.concatenate([np.zeros((1, over.shape[1])), over])


def stretch_find(kind: str, prices: Prices, days: int, *, warmup: int = 0) -> int:
    """The first day of the stretch of `days` days that is most of its kind, with `warmup` days before it.

    Raises Invalid `invalid_stretch`: no such kind, a length out of bounds, too little history.
    """
    if kind not in KINDS:
        raise _bad("find", f"find is one of {', '.join(KINDS)}.")
    if not LEAST_DAYS <= days <= MOST_DAYS:
        raise _bad("days", f"A stretch has {LEAST_DAYS} to {MOST_DAYS} days.")
    scores = _SCORES[kind](prices, days)[warmup:]
    if not len(scores):
        raise _bad("days", "There is too little history for a stretch that long, with the days before it.")
    return warmup + int(np.argmax(scores))


def facts_find(prices: Prices, first: int, days: int) -> Facts:
    """What is known of a stretch: its length, and the mean of its symbols' volatility in hundredths of a percent."""
    steps = np.diff(np.log(prices.closes[first : first + days]), axis=0)
    volatility = float(steps.std(axis=0, ddof=1).mean()) * YEAR_DAYS**0.5 if len(steps) > 1 else 0.0
    return Facts(days, round(volatility * 10_000))


def symbols_find(kind: str, prices: Prices, first: int, days: int, count: int) -> list[int]:
    """Which `count` symbols (columns, ascending) to play it with: three quarters show it most, the rest least.

    Of surprises those with the most: who has none is of no use to anyone there.
    """
    closes = prices.closes[first : first + days]
    if kind == WHIPLASH:
        strength = np.maximum(prices.gaps[first : first + days] - SURPRISE, 0).sum(axis=0)
    else:
        strength = np.abs(np.log(closes[-1] / closes[0]))
    order = np.argsort(-strength, kind="stable")
    most = count if kind == WHIPLASH else (3 * count + 3) // 4
    picked = set(order[:most].tolist()) | set(order[len(order) - max(count - most, 0) :].tolist())
    return sorted(picked)


def _windows(days: int, total: int) -> int:
    return max(total - days + 1, 0)


def _crash(prices: Prices, days: int) -> Floats:
    """The steepest fall, which begins a quarter into the stretch: nobody is told when."""
    level, lead, fall = prices.level, days // 4, max(days // 2, 2)
    count = _windows(days, len(level))
    return np.asarray(-(level[lead + fall : lead + fall + count] / level[lead : lead + count])[:count])


def _bleed(prices: Prices, days: int) -> Floats:
    """The steadiest fall: the most downhill for how far it swings, and no day of it a crash."""
    return -_slope(prices.moves, days)


def _slope(moves: Floats, days: int) -> Floats:
    count = _windows(days, len(moves))
    if not count:
        return np.empty(0)
    rows = np.lib.stride_tricks.sliding_window_view(moves, days)
    return np.asarray(rows.mean(axis=1) / np.maximum(rows.std(axis=1), 1e-9))


def _whiplash(prices: Prices, days: int) -> Floats:
    """The most that opens surprise by."""
    daily = np.maximum(prices.gaps - SURPRISE, 0).sum(axis=1)
    count = _windows(days, len(daily))
    return np.convolve(daily, np.ones(days), "valid") if count else np.empty(0)


def _recovery(prices: Prices, days: int) -> Floats:
    """The greatest rise that begins at least 15 % below the peak before it; where nothing fell so far, any."""
    level = prices.level
    count = _windows(days, len(level))
    rise = level[days - 1 :][:count] / level[:count]
    down = 1 - level[:count] / np.maximum.accumulate(level)[:count]
    is_deep = down >= DEEP
    return np.asarray(np.where(is_deep, rise, 0.0) if is_deep.any() else rise)


def _range(prices: Prices, days: int) -> Floats:
    """The narrowest range."""
    level = prices.level
    if not _windows(days, len(level)):
        return np.empty(0)
    rows = np.lib.stride_tricks.sliding_window_view(level, days)
    return np.asarray(-(rows.max(axis=1) - rows.min(axis=1)) / rows.mean(axis=1))


_SCORES: dict[str, Callable[[Prices, int], Floats]] = {
    CRASH: _crash,
    BLEED: _bleed,
    WHIPLASH: _whiplash,
    RECOVERY: _recovery,
    RANGE: _range,
}


def _bad(field: str, message: str) -> Invalid:
    return Invalid("invalid_stretch", message, {"field": field})
