"""How the floors of an account have moved: the record, and as lines under its equity curve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from trading.domain.course import Level, Point, Step, drawn, loss_rules
from trading.domain.ruled import rule_set_of
from trading.domain.rules import RuleState
from trading.domain.rules.limits import MaxLoss
from trading.models import AccountRules, FloorStep

MOST_STEPS = 5000


@dataclass(frozen=True, slots=True)
class FloorCourse:
    """A floor at each point of a curve; None before it was written down. `trails`: it follows a high water."""

    rule_key: str
    trails: bool
    levels: tuple[Level | None, ...]


def floor_steps_query(account_id: int) -> QuerySet[FloorStep]:
    """How an account's floors have moved, the newest first."""
    return FloorStep.objects.filter(account_id=account_id).order_by("-id")


def floor_courses(account_id: int, curve: Sequence[Point]) -> list[FloorCourse]:
    """The course of each floor of the rules that an account keeps, at the points of its curve as a chart has it.

    The newest 5,000 steps are read. [] for an account without rules.
    """
    row = AccountRules.objects.select_related("rule_set").filter(pk=account_id).first()
    if row is None:
        return []
    rule_set, state = rule_set_of(row.rule_set.hash, row.rule_set.document), RuleState.from_json(row.state)
    steps: dict[str, list[Step]] = defaultdict(list)
    rows = floor_steps_query(account_id).values_list("rule_key", "market_at", "reference_minor", "floor_minor")
    for key, at, reference, floor in reversed(list(rows[:MOST_STEPS])):
        steps[key].append(Step(key, at, Level(reference, floor)))
    return [
        FloorCourse(
            rule.key,
            isinstance(rule, MaxLoss) and rule.trailing != "static",
            tuple(drawn(rule, state, row.started_at, steps[rule.key], curve)),
        )
        for rule in loss_rules(rule_set)
    ]
