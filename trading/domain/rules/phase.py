"""Passing: the target, the days, the consistency. And the conditions that hold a payout back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trading.domain.rules.facts import Observation
from trading.domain.rules.floors import target_minor, tested_minor
from trading.domain.rules.limits import Consistency, MinTradingDays, ProfitTarget
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import RuleState
from trading.domain.rules.verdicts import Finding, Verdict, issue
from trading.domain.rules.words import minor
from trading.domain.types import plain

PHASE = "phase"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold, whether it does, and the words for it."""

    rule_key: str
    met: bool
    text: str

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return {"rule_key": self.rule_key, "met": self.met, "text": self.text}


def days_done(rule: MinTradingDays, state: RuleState) -> int:
    """Days that count. A day in which a position is opened counts at once; a day of profit when it has closed."""
    today = rule.counts == "opened" and state.day(rule.reset).opened
    return state.counted(rule.key) + int(today)


def shares(rule: Consistency, state: RuleState, balance_minor: int) -> tuple[int, int]:
    """(best day, profit that it is a share of) in minor units, since the start or the last payout, today included."""
    day = state.day(rule.reset)
    today = balance_minor - day.profit_from_minor
    best = max(day.best_minor, today, 0)
    if rule.denominator == "total_profit":
        return best, balance_minor - state.cycle_balance_minor
    return best, day.winning_minor + max(today, 0)


def consistent(rule: Consistency, state: RuleState, balance_minor: int) -> bool:
    """Whether the best day's share is within the rule, in exact arithmetic."""
    best, profit = shares(rule, state, balance_minor)
    most = Fraction(rule.percent) * profit / 100
    return best <= most if rule.comparator == "at_or_below" else best < most


def holding(rule_set: RuleSet, state: RuleState, balance_minor: int, effect: str) -> Iterator[Condition]:
    """The days and consistency that hold back `effect` ("passing" or "payout")."""
    for days in rule_set.of(MinTradingDays):
        if days.effect in (effect, "both"):
            done = days_done(days, state)
            yield Condition(days.key, done >= days.days, f"{done} of {days.days} trading days are done.")
    for rule in rule_set.of(Consistency):
        if rule.effect in (effect, "both"):
            best, profit = shares(rule, state, balance_minor)
            line = "at most" if rule.comparator == "at_or_below" else "less than"
            text = (
                f"The best day made {minor(best, state.currency)} of {minor(profit, state.currency)}; "
                f"it may be {line} {plain(rule.percent)}%."
            )
            yield Condition(rule.key, consistent(rule, state, balance_minor), text)


def passing(rule_set: RuleSet, state: RuleState, seen: Observation) -> list[Condition]:
    """All conditions of passing; none when the set has no profit target, so such a phase never passes."""
    rule = rule_set.one(ProfitTarget)
    if rule is None:
        return []
    target, tested, currency = target_minor(rule, state), tested_minor(rule, seen), state.currency
    found = [
        Condition(
            rule.key,
            tested >= target,
            f"{rule.tested.capitalize()} is {minor(tested, currency)}; the target is {minor(target, currency)}.",
        )
    ]
    if rule.require_flat:
        text = "No position is open." if seen.flat else "Positions are open; close them."
        found.append(Condition(rule.key, seen.flat, text))
    if state.closed_by:
        found.append(Condition(state.closed_by, met=False, text=f"The phase has {state.closed_as}."))
    return [*found, *holding(rule_set, state, seen.balance_minor, "passing")]


def phase_finding(rule_set: RuleSet, state: RuleState, seen: Observation) -> Finding:
    """`pass` when every condition holds, else `not_yet`; figures list the conditions."""
    conditions = passing(rule_set, state, seen)
    figures = {"conditions": [item.to_json() for item in conditions]}
    rule = rule_set.one(ProfitTarget)
    key = rule.key if rule else PHASE
    if conditions and all(item.met for item in conditions):
        text = "The phase is passed. " + " ".join(item.text for item in conditions)
        return Finding("pass", key, "phase_passed", text, figures)
    missing = [item.text for item in conditions if not item.met] or ["This phase has no profit target."]
    return Finding("not_yet", key, "phase_open", "The phase is not passed yet. " + " ".join(missing), figures)


def phase_result(rule_set: RuleSet, state: RuleState, observation: Observation) -> Verdict:
    """Whether the phase is passed at this observation: verdict `pass` or `not_yet`, conditions in its figures."""
    finding = phase_finding(rule_set, state, observation)
    return issue("phase_result", rule_set, state, {"observation": observation}, finding)
