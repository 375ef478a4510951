"""The course of an account's floors: what each was measured from and where it lay, from when on. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from trading.domain.rules import RuleSet, RuleState
from trading.domain.rules.floors import LossRule, floor_minor, reference_minor
from trading.domain.rules.limits import DailyLoss, MaxLoss
from trading.domain.rules.state import INTRADAY_EQUITY, HighWater

# Seconds since 1970 of the market's clock, equity in minor units: a point of a chart.
Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Level:
    """A floor and what it is measured from (the day's reference, the high water, the initial balance), minor units."""

    reference_minor: int
    floor_minor: int


@dataclass(frozen=True, slots=True)
class Step:
    """A floor's level from a moment of the market's clock on."""

    rule_key: str
    at: datetime
    level: Level


def loss_rules(rule_set: RuleSet) -> list[LossRule]:
    """The rules of a set that draw a floor."""
    return [*rule_set.of(DailyLoss), *rule_set.of(MaxLoss)]


def levels_of(rule_set: RuleSet, state: RuleState) -> dict[str, Level]:
    """Where each floor lies, by the key of its rule."""
    return {rule.key: Level(reference_minor(rule, state), floor_minor(rule, state)) for rule in loss_rules(rule_set)}


def steps_between(before: dict[str, Level], after: dict[str, Level], at: datetime) -> list[Step]:
    """What has moved, as of `at`."""
    return [Step(key, at, level) for key, level in after.items() if before.get(key) != level]


def drawn(
    rule: LossRule, state: RuleState, began_at: datetime, steps: Sequence[Step], curve: Sequence[Point]
) -> list[Level | None]:
    """The level at each point of an equity curve: the last step at or before it, None before the first.

    Steps and points ascend in time. A trail that follows every mark rises between two steps, which are written at
    resets and trades: there it is what the points since the last step make of it. `state` holds from `began_at` on.
    """
    times, began = [int(step.at.timestamp()) for step in steps], int(began_at.timestamp())
    follows = isinstance(rule, MaxLoss) and rule.trailing == "intraday"
    found: list[Level | None] = []
    last, level = -1, None
    for at, equity_minor in curve:
        place = bisect_right(times, at) - 1
        if place != last:
            last, level = place, steps[place].level
        # A step has seen the mark of its own moment.
        open_to_marks = follows and at >= began and place >= 0 and at > times[place]
        if open_to_marks and level is not None and equity_minor > level.reference_minor:
            level = _risen(rule, state, equity_minor)
        found.append(level)
    return found


def _risen(rule: LossRule, state: RuleState, peak: int) -> Level:
    risen = replace(state, high_waters=(HighWater(rule.key, INTRADAY_EQUITY, peak, state.started_at),))
    return Level(peak, floor_minor(rule, risen))
