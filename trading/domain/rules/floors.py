"""Floors, targets and warning lines, in exact integers.

A floor is computed as an exact fraction and rounded half-even to a minor unit once; warning lines are not rounded up:
a line is the largest whole amount at which the trader is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from core.money import exponent
from trading.domain.rules.facts import Observation
from trading.domain.rules.limits import DailyLoss, MaxLoss, ProfitTarget
from trading.domain.rules.state import RuleState

LossRule = DailyLoss | MaxLoss


def reference_minor(rule: LossRule, state: RuleState) -> int:
    """What the floor is measured from: the day's reference, the high-water mark, or the initial balance."""
    if isinstance(rule, DailyLoss):
        day = state.day(rule.reset)
        return {
            "balance": day.balance_minor,
            "equity": day.equity_minor,
            "max": max(day.balance_minor, day.equity_minor),
        }[rule.reference]
    mark = state.high_water(rule.key)
    return state.initial_minor if mark is None else mark.minor


def allowance(rule: LossRule, state: RuleState) -> Fraction:
    """How much may be lost, exact, in minor units."""
    reference = reference_minor(rule, state)
    bases = {"initial": state.initial_minor, "reference": reference, "high_water": reference}
    return rule.amount.exact(bases, state.currency)


def lock_line(rule: LossRule, state: RuleState) -> Fraction | None:
    """Where a trailing floor stops rising, or None."""
    if isinstance(rule, DailyLoss) or rule.lock == "never":
        return None
    return state.initial_minor + Fraction(rule.lock_offset) * Fraction(10) ** exponent(state.currency)


def _exact_floor(rule: LossRule, state: RuleState, amount: Fraction) -> Fraction:
    floor = reference_minor(rule, state) - amount
    lock = lock_line(rule, state)
    return floor if lock is None else min(floor, lock)


def floor_minor(rule: LossRule, state: RuleState) -> int:
    """The floor in minor units, rounded half-even once.

    daily_loss: reference - amount. max_loss: high-water (or initial) - amount, at most initial + offset when it locks.
    """
    return round(_exact_floor(rule, state, allowance(rule, state)))


def breach_line(rule: LossRule, state: RuleState) -> int:
    """The largest tested amount that is a breach: the floor itself for at_or_below, one minor unit less for below."""
    floor = floor_minor(rule, state)
    return floor if rule.comparator == "at_or_below" else floor - 1


def warn_lines(rule: LossRule, state: RuleState, levels: Iterable[int]) -> dict[int, int]:
    """By level: the largest tested amount at which that percentage of the allowance is used. It ends at the floor."""
    amount = allowance(rule, state)
    floor = _exact_floor(rule, state, amount)
    return {level: math.floor(floor + amount * (100 - level) / 100) for level in levels}


def tested_minor(rule: LossRule | ProfitTarget, observation: Observation) -> int:
    """What the rule compares: equity or balance."""
    return observation.equity_minor if rule.tested == "equity" else observation.balance_minor


def target_minor(rule: ProfitTarget, state: RuleState) -> int:
    """The amount that reaches the target: initial + profit, the fraction of a minor unit rounded half-even once."""
    return round(state.initial_minor + rule.amount.exact({"initial": state.initial_minor}, state.currency))
