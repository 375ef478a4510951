"""What a plan brings and costs the firm for each account sold, over a mix of ways of trading. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.money import major_text
from propfirm.domain.odds import LEAST_PATHS, MAX_PATHS, MAX_WORK, PATHS, Walked, checked, paths_for, walk
from propfirm.domain.odds_compile import not_modelled
from propfirm.domain.odds_figures import Chance, Mean
from propfirm.domain.odds_types import SESSIONS, Floats, Habits, OddsPlan, Trading, require

MAX_STYLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleOdds:
    """One way of trading in a mix: its share of the buyers, and what an account of it brings and costs."""

    weight: float
    trading: dict[str, Any]
    paths: int
    funded: Chance
    paid: Chance
    payout_total: Mean
    firm_value: Mean

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "weight": round(self.weight, 4),
            "trading": self.trading,
            "paths": self.paths,
            "funded": self.funded.to_json(),
            "paid": self.paid.to_json(),
            "payout_total": self.payout_total.to_json(),
            "firm_value": self.firm_value.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmOdds:
    """An account sold, on average over the mix. Money is in minor units of `currency`.

    `revenue` = fee + resets, `liability` = payouts + refunds, `value` = revenue - liability, `margin` = value /
    revenue. `break_even`: the fee at which the value is zero, with its refunds; None when no fee is (all is refunded).
    """

    currency: str
    seed: int
    price_minor: int
    styles: tuple[StyleOdds, ...]
    payouts: Mean
    refunds: Mean
    resets: Mean
    revenue: Mean
    liability: Mean
    value: Mean
    margin: Mean
    break_even: Mean | None
    not_modelled: tuple[str, ...]

    @property
    def break_even_price_minor(self) -> int | None:
        """The fee at which payouts and refunds equal fees and resets, rounded up; never below zero."""
        return None if self.break_even is None else max(math.ceil(self.break_even.value), 0)

    def to_json(self) -> dict[str, Any]:
        """JSON data (docs/odds.md says what each part is)."""
        named = ("payouts", "refunds", "resets", "revenue", "liability", "value", "margin")
        price = self.break_even_price_minor
        return {
            "currency": self.currency,
            "seed": self.seed,
            "price": major_text(self.price_minor, self.currency),
            "styles": [style.to_json() for style in self.styles],
            **{name: getattr(self, name).to_json() for name in named},
            "break_even_price": None if price is None else major_text(price, self.currency),
            "break_even": None if self.break_even is None else self.break_even.to_json(),
            "not_modelled": list(self.not_modelled),
        }


def _mixed(parts: Sequence[tuple[float, Floats]], currency: str = "") -> Mean:
    return Mean.mixed([(weight, Mean.over(values)) for weight, values in parts], currency)


def _ratio(parts: Sequence[tuple[float, Floats, Floats]], currency: str = "") -> Mean | None:
    """The mean of the first over the mean of the second, with the delta method's error; None over nothing."""
    below = sum(weight * float(bottom.mean()) for weight, _, bottom in parts)
    if below <= 1e-9:
        return None
    value = sum(weight * float(top.mean()) for weight, top, _ in parts) / below
    left = _mixed([(weight, top - value * bottom) for weight, top, bottom in parts])
    return Mean(value, left.error / below, currency)


def firm(
    plan: OddsPlan,
    styles: Sequence[Trading],
    weights: Sequence[float],
    *,
    paths: int = PATHS,
    seed: int = 1,
    habits: Habits | None = None,
    horizon_days: int = SESSIONS,
    phase_days: int = SESSIONS,
) -> FirmOdds:
    """What an account of a plan brings and costs the firm when buyers trade in `styles` with those shares.

    `paths` is for all styles together. Raises Invalid `odds_mix_invalid`, and what `odds` raises.
    """
    habits, total = habits or Habits(), sum(weights)
    if not (0 < len(styles) == len(weights) <= MAX_STYLES) or min(weights) < 0 or not 0 < total < math.inf:
        words = f"Give 1 to {MAX_STYLES} styles and as many shares, none below zero and not all zero."
        require("odds_mix_invalid", [{"field": "weights", "message": words}])
    for trading in styles:
        checked(plan, trading, habits, (horizon_days, phase_days))
    each = max(min(paths, MAX_PATHS) // len(styles), LEAST_PATHS)
    mix: list[tuple[float, Walked]] = []
    for number, (weight, trading) in enumerate(zip(weights, styles, strict=True)):
        days = {"horizon_days": horizon_days, "phase_days": phase_days}
        size = paths_for(plan, trading, each, work=MAX_WORK / len(styles), **days)
        found = walk(plan, trading, paths=size, seed=seed + number, habits=habits, **days)
        mix.append((weight / total, found))
    return _firm(plan, styles, mix, seed)


def _firm(plan: OddsPlan, styles: Sequence[Trading], mix: list[tuple[float, Walked]], seed: int) -> FirmOdds:
    currency, price = plan.currency, float(plan.price_minor)
    margin = _ratio([(weight, -walked.value, walked.cost) for weight, walked in mix])
    # Fee + resets = payouts + share of the fee that comes back x fee, solved for the fee.
    even = _ratio([(weight, walked.paid - (walked.cost - price), 1 - walked.back) for weight, walked in mix], currency)
    return FirmOdds(
        currency=currency,
        seed=seed,
        price_minor=plan.price_minor,
        styles=tuple(
            StyleOdds(
                weight=weight,
                trading=trading.to_json(),
                paths=len(walked.code),
                funded=Chance.that(walked.funded),
                paid=Chance.that(walked.payouts > 0),
                payout_total=Mean.over(walked.paid, currency),
                firm_value=Mean.over(-walked.value, currency),
            )
            for trading, (weight, walked) in zip(styles, mix, strict=True)
        ),
        payouts=_mixed([(weight, walked.paid) for weight, walked in mix], currency),
        refunds=_mixed([(weight, walked.refunded) for weight, walked in mix], currency),
        resets=_mixed([(weight, walked.cost - price) for weight, walked in mix], currency),
        revenue=_mixed([(weight, walked.cost) for weight, walked in mix], currency),
        liability=_mixed([(weight, walked.paid + walked.refunded) for weight, walked in mix], currency),
        value=_mixed([(weight, -walked.value) for weight, walked in mix], currency),
        margin=margin or Mean(0.0, 0.0),
        break_even=even,
        not_modelled=tuple(not_modelled(plan.phases)),
    )
