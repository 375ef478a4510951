"""What a simulation found, in figures with intervals, and as JSON. Pure.

A share is given with Wilson's interval (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927, p. 209), which stays within 0 and 1
and holds near them; a mean with the normal one, mean +- z standard errors. Both at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.money import major_text
from propfirm.domain.odds_types import Bools, Floats

Z95 = 1.959963984540054
_PLACES = 4


def wilson(count: int, of: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a share; (0, 1) when nothing was counted."""
    if not of:
        return 0.0, 1.0
    share, square = count / of, z * z
    middle = share + square / (2 * of)
    half = z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    scale = 1 + square / of
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


@dataclass(frozen=True, slots=True)
class Chance:
    """A share of paths: `count` of `of`."""

    count: int
    of: int

    @classmethod
    def that(cls, mask: Bools) -> Chance:
        """The share of a mask that is true."""
        return cls(int(np.count_nonzero(mask)), len(mask))

    @property
    def value(self) -> float | None:
        """The share, or None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval."""
        return wilson(self.count, self.of)

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        low, high = self.interval
        value = None if self.value is None else round(self.value, _PLACES)
        return {
            "value": value,
            "low": round(low, _PLACES),
            "high": round(high, _PLACES),
            "count": self.count,
            "of": self.of,
        }


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over paths with its standard error; of money when `currency` is given, then in minor units."""

    value: float
    error: float
    currency: str = ""

    @classmethod
    def over(cls, values: Floats, currency: str = "") -> Mean:
        """The mean of a sample."""
        if not len(values):
            return cls(0.0, 0.0, currency)
        error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
        return cls(float(values.mean()), error, currency)

    @classmethod
    def mixed(cls, parts: Sequence[tuple[float, Mean]], currency: str = "") -> Mean:
        """The mean of strata with their weights, which add up to 1."""
        value = sum(weight * part.value for weight, part in parts)
        return cls(value, math.sqrt(sum((weight * part.error) ** 2 for weight, part in parts)), currency)

    @property
    def interval(self) -> tuple[float, float]:
        """The normal 95 % interval."""
        return self.value - Z95 * self.error, self.value + Z95 * self.error

    def to_json(self) -> dict[str, Any]:
        """JSON data: money as decimal strings of major units, other means rounded."""
        low, high = self.interval
        parts = {"value": self.value, "low": low, "high": high, "standard_error": self.error}
        if self.currency:
            return {name: major_text(round(part), self.currency) for name, part in parts.items()}
        return {name: round(part, _PLACES) for name, part in parts.items()}


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and the middle 80 % of a whole number of sessions; None where nothing was counted."""

    p10: int | None
    median: int | None
    p90: int | None

    @classmethod
    def over(cls, values: Floats) -> Spread:
        """The percentiles of a sample, each a value that occurs in it."""
        if not len(values):
            return cls(None, None, None)
        found = np.percentile(values, (10, 50, 90), method="inverted_cdf")
        return cls(*(int(value) for value in found))

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return {"p10": self.p10, "median": self.median, "p90": self.p90}


@dataclass(frozen=True, slots=True)
class PhaseOdds:
    """A phase: of those who began it, who passed (resets taken included), and in how many sessions."""

    index: int
    name: str
    passed: Chance
    days: Spread

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return {"index": self.index, "name": self.name, "passed": self.passed.to_json(), "days": self.days.to_json()}


@dataclass(frozen=True, slots=True)
class End:
    """How accounts end: in the phase `phase`, as `outcome` ("failed", "expired", "open"), by a rule; share of all."""

    phase: int
    outcome: str
    rule_key: str
    rule_kind: str
    share: Chance

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "phase": self.phase,
            "outcome": self.outcome,
            "rule_key": self.rule_key,
            "rule_kind": self.rule_kind,
            "share": self.share.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """The odds of a plan for one way of trading. Money is in minor units of `currency`; days are sessions.

    `funded` and `paid` are shares of all who bought; `paid_if_funded` of those who were funded. `cost` is the fee with
    resets, `refund` what of the fee came back, `trader_value` = payouts + refund - cost and `firm_value` its negative.
    """

    currency: str
    paths: int
    asked_paths: int
    seed: int
    phase_days: int
    horizon_days: int
    trading: dict[str, Any]
    habits: dict[str, Any]
    phases: tuple[PhaseOdds, ...]
    funded: Chance
    paid: Chance
    paid_if_funded: Chance
    days_to_funded: Spread
    payouts: Mean
    payout_total: Mean
    resets: Mean
    cost: Mean
    refund: Mean
    trader_value: Mean
    firm_value: Mean
    gains: Chance
    ends: tuple[End, ...]
    not_modelled: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON data (docs/odds.md says what each part is)."""
        plain = ("currency", "paths", "asked_paths", "seed", "phase_days", "horizon_days", "trading", "habits")
        made = (
            *("funded", "paid", "paid_if_funded", "days_to_funded", "payouts", "payout_total", "resets", "cost"),
            *("refund", "trader_value", "firm_value", "gains"),
        )
        return {
            **{name: getattr(self, name) for name in plain},
            "phases": [phase.to_json() for phase in self.phases],
            **{name: getattr(self, name).to_json() for name in made},
            "ends": [end.to_json() for end in self.ends],
            "not_modelled": list(self.not_modelled),
        }
