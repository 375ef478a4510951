"""What ranks: value or return, or a score that looks back on the whole course of an account's equity.

Equity is looked at as it stood at each market day's close, the starting balance before the first, and now. What is
kept between days is int64, and all else are operations that IEEE 754 rounds alike everywhere: two machines find the
same.

- `value`, `return`: the equity itself; the return says the same, as all start alike.
- `calmar`: return over the deepest fall from a peak (T. W. Young, Futures, 1991), not annualised.
- `sortino`: mean of the daily returns over their downside deviation from zero (Sortino and Price, 1994).
- `drawdown`: the return less the deepest fall.

A ratio over nothing is no ratio: a fall counts as 1 % at least, and a deviation as 0.1 %. Who lost is ranked by the
return alone, below all who gained: dividing a loss would reward the wilder one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contests.domain.packing import pack, unpack

Ints = NDArray[np.int64]

VALUE, RETURN, CALMAR, SORTINO, DRAWDOWN = "value", "return", "calmar", "sortino", "drawdown"
LOOKING_BACK = (CALMAR, SORTINO, DRAWDOWN)
BILLION = 1_000_000_000
MILLION = 1_000_000
LEAST_FALL = BILLION // 100
LEAST_DEVIATION = 1_000  # millionths of a return
_MOST_RETURN = 9_000 * MILLION  # millionths: what int64 sums and squares of a course can hold

WORDS = {
    VALUE: "Equity at the end",
    RETURN: "Return on the starting balance",
    CALMAR: "Return over the deepest fall (Calmar)",
    SORTINO: "Mean daily return over its downside (Sortino)",
    DRAWDOWN: "Return less the deepest fall",
}


@dataclass(frozen=True, slots=True)
class Course:
    """What the scores need of the past: columns by account, in account order.

    `last` and `peak` are minor units; `fall` is the deepest so far in billionths of its peak; `gains` the sum of daily
    returns and `losses` the sum of squares of the negative ones, in millionths and their squares; `days` how many.
    """

    account_id: Ints
    last: Ints
    peak: Ints
    fall: Ints
    gains: Ints
    losses: Ints
    days: Ints

    @classmethod
    def at_start(cls, account_id: Ints, initial_minor: int) -> Course:
        """Before the first day: everyone stands at the starting balance."""
        level = np.full(len(account_id), initial_minor, dtype=np.int64)
        none = np.zeros(len(account_id), dtype=np.int64)
        return cls(account_id, level, level, none, none, none, none)

    def joined_by(self, account_id: Ints, initial_minor: int) -> Course:
        """The same for these accounts (ascending): who was not there before starts now, who has gone is left out."""
        fresh = Course.at_start(account_id, initial_minor)
        at = np.searchsorted(self.account_id, account_id)
        known = at < len(self.account_id)
        known[known] = self.account_id[at[known]] == account_id[known]

        def merged(old: Ints, new: Ints) -> Ints:
            out = new.copy()
            out[known] = old[at[known]]
            return out

        pairs = zip(self._columns()[1:], fresh._columns()[1:], strict=True)
        return Course(account_id, *(merged(old, new) for old, new in pairs))

    def closed(self, equities: Mapping[int, int], initial_minor: int) -> Course:
        """One close later, at these equities by account; who has none stays as they are, who is new has begun now."""
        ids = np.union1d(self.account_id, np.array(list(equities), dtype=np.int64))
        before = self.joined_by(ids, initial_minor)
        there = np.array([account in equities for account in ids.tolist()], dtype=bool)
        closes = np.array([equities.get(account, initial_minor) for account in ids.tolist()], dtype=np.int64)
        pairs = zip(before.after(closes)._columns()[1:], before._columns()[1:], strict=True)
        return Course(ids, *(np.where(there, new, old) for new, old in pairs))

    def after(self, equity: Ints) -> Course:
        """One close later, at these equities in minor units."""
        peak = np.maximum(self.peak, equity)
        fall = np.maximum(self.fall, _part(peak - equity, peak, BILLION))
        change = np.clip(_part(equity - self.last, self.last, MILLION), -_MOST_RETURN, _MOST_RETURN)
        # A day's loss beyond the whole counts as the whole: what is squared stays in bounds.
        lost = np.minimum(np.maximum(-change, 0), MILLION)
        return Course(
            self.account_id, equity, peak, fall, self.gains + change, self.losses + lost * lost, self.days + 1
        )

    def _columns(self) -> tuple[Ints, ...]:
        return (self.account_id, self.last, self.peak, self.fall, self.gains, self.losses, self.days)

    def is_same(self, other: Course) -> bool:
        """Whether both say the same of the same accounts."""
        return all(np.array_equal(one, two) for one, two in zip(self._columns(), other._columns(), strict=True))

    def pack(self) -> bytes:
        """As bytes to be stored."""
        return pack(np.stack(self._columns()))

    @classmethod
    def unpack(cls, packed: bytes) -> Course:
        """What `pack` has written."""
        return cls(*unpack(packed))


def scores(kind: str, course: Course, initial_minor: int) -> Ints:
    """The score of each account in millionths, higher is better; for `value` and `return` the equity in minor units."""
    if kind not in LOOKING_BACK:
        return course.last
    gain = _part(course.last - initial_minor, np.full(len(course.last), initial_minor, dtype=np.int64), MILLION)
    if kind == DRAWDOWN:
        return gain - np.rint(course.fall / (BILLION // MILLION)).astype(np.int64)
    if kind == CALMAR:
        ratio = _part(gain * (BILLION // MILLION), np.maximum(course.fall, LEAST_FALL), MILLION)
    else:
        days = np.maximum(course.days, 1)
        deviation = np.maximum(np.sqrt(course.losses / days), LEAST_DEVIATION)
        ratio = np.rint(course.gains / days / deviation * MILLION).astype(np.int64)
        # A course that gained in all may have a mean return below zero; it still stands above every loss.
        ratio = np.maximum(ratio, 0)
    return np.where(gain > 0, ratio, gain)


def score_text(kind: str, score: int) -> str:
    """A score as people read it: a ratio with two places, or percent with two; empty where the value says it."""
    if kind not in LOOKING_BACK:
        return ""
    is_percent = kind == DRAWDOWN or score < 0
    hundredths = _half_even(score, 100 if is_percent else 10_000)
    text = f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"
    return f"{text}%" if is_percent else text


def _part(amount: Ints, whole: Ints, unit: int) -> Ints:
    """amount/whole in units, rounded half-even; 0 where there is no whole. One division, rounded at once."""
    safe = np.where(whole > 0, whole, 1)
    return np.where(whole > 0, np.rint(amount / safe * unit), 0.0).astype(np.int64)


def _half_even(value: int, unit: int) -> int:
    quotient, remainder = divmod(value, unit)
    twice = 2 * remainder
    return quotient + 1 if twice > unit or (twice == unit and quotient % 2) else quotient
