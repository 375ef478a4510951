"""How near accounts of the firm are to a floor of their rules, many at once, at their latest marks.

What decides is exact and made of the same functions as the rules. Floats only put rows in order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.db.models import Case, Expression, F, FloatField, OuterRef, QuerySet, Subquery, Sum, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Greatest, Least

from propfirm.domain import states
from propfirm.models import PropAccount
from propfirm.selectors.accounts import accounts_query
from trading.domain.ruled import rule_set_of
from trading.domain.rules import Observation, RuleSet, RuleState, raise_high_water
from trading.domain.rules.floors import LossRule, allowance, floor_minor, tested_minor
from trading.domain.rules.limits import DailyLoss, MaxLoss
from trading.domain.rules.sweep import NEVER_LOW
from trading.models import AccountRules, Position, RuleLines

CHUNK, MOST = 200, 1_000


@dataclass(frozen=True, slots=True)
class FloorView:
    """A floor. Minor units; `room_minor` is negative below it. `used_percent` of the allowance, from 0."""

    rule_key: str
    kind: str
    line_minor: int
    room_minor: int
    used_percent: int


@dataclass(frozen=True, slots=True)
class RiskView:
    """An account of trading at its latest mark. Minor units; `floor` is the nearest, None when none is watched."""

    account_id: int
    currency: str
    initial_minor: int
    balance_minor: int
    equity_minor: int
    marked_at: datetime | None
    floor: FloorView | None

    @property
    def profit_minor(self) -> int:
        """Equity less the initial balance."""
        return self.equity_minor - self.initial_minor

    @property
    def room_percent(self) -> Decimal | None:
        """The distance to the nearest floor as a share of the initial balance, in percent with two places."""
        if self.floor is None:
            return None
        return round(Decimal(self.floor.room_minor) * 100 / self.initial_minor, 2)

    @property
    def order(self) -> tuple[float, int]:
        """The riskiest first."""
        share = float("inf") if self.floor is None else self.floor.room_minor / self.initial_minor
        return share, self.account_id


@dataclass(frozen=True, slots=True)
class Ruled:
    """What the figures are made of: the rules, their state and the latest mark of an account."""

    rule_set: RuleSet
    state: RuleState
    seen: Observation
    marked_at: datetime | None


def ruled_of(trading_ids: Collection[int]) -> dict[int, Ruled]:
    """Rules, state and latest mark by account of trading, in three queries; those without rules are left out."""
    rows = AccountRules.objects.filter(pk__in=trading_ids).select_related("account__mark", "rule_set")
    peaks = dict(RuleLines.objects.filter(pk__in=trading_ids).values_list("account_id", "peak"))
    held = Position.objects.filter(account_id__in=trading_ids).exclude(quantity=0).values_list("account_id")
    costs = {key: int(cost) for key, cost in held.annotate(cost=Sum("cost_minor")).order_by()}
    return {row.pk: _ruled(row, peaks.get(row.pk, NEVER_LOW), costs.get(row.pk, 0)) for row in rows}


def _ruled(row: AccountRules, peak: int, cost_minor: int) -> Ruled:
    account, state = row.account, RuleState.from_json(row.state)
    mark = getattr(account, "mark", None)
    balance = account.cash_minor + cost_minor
    equity = balance if mark is None else mark.equity_minor
    at = row.updated_at if mark is None else mark.market_at
    if not state.closed_by:
        state = raise_high_water(state, max(peak, equity), at)
    rules = rule_set_of(row.rule_set.hash, row.rule_set.document)
    return Ruled(rules, state, Observation(at, balance, equity), None if mark is None else at)


def risks_of(trading_ids: Collection[int]) -> dict[int, RiskView]:
    """The risk of accounts of trading by id; three queries."""
    return {
        key: RiskView(
            account_id=key,
            currency=ruled.state.currency,
            initial_minor=ruled.state.initial_minor,
            balance_minor=ruled.seen.balance_minor,
            equity_minor=ruled.seen.equity_minor,
            marked_at=ruled.marked_at,
            floor=nearest_floor(ruled),
        )
        for key, ruled in ruled_of(trading_ids).items()
    }


def nearest_floor(ruled: Ruled) -> FloorView | None:
    """The floor with the least room. What only warns, or was reached already, is not watched."""
    state = ruled.state
    if state.closed_by:
        return None
    rules: list[LossRule] = [*ruled.rule_set.of(DailyLoss), *ruled.rule_set.of(MaxLoss)]
    watched = [rule for rule in rules if rule.severity != "warn" and not state.said(f"{rule.key}|100")]
    found = [_floor(rule, ruled) for rule in watched]
    return min(found, key=lambda floor: (floor.room_minor, floor.rule_key), default=None)


def _floor(rule: LossRule, ruled: Ruled) -> FloorView:
    line, now, whole = floor_minor(rule, ruled.state), tested_minor(rule, ruled.seen), allowance(rule, ruled.state)
    used = int(max(1 - Fraction(now - line) / whole, Fraction(0)) * 100) if whole else 100
    return FloorView(rule.key, rule.kind, line, now - line, used)


def _float(figure: Any) -> Cast:
    return Cast(figure, FloatField())


def _above(line: str, figure: Expression) -> Case:
    """How far a figure is above a line that is there; a unit less, as a line is where the rules look, not beyond it."""
    room = figure - _float(F(line)) - Value(1.0)
    return Case(When(**{f"{line}__gt": NEVER_LOW}, then=room), output_field=FloatField())


def with_room(rows: QuerySet[PropAccount]) -> QuerySet[PropAccount]:
    """Rows of `accounts_query` with `room`: a share of the initial balance, never more than the room to a floor.

    It is the distance to where the rules look next, which may be a warning; None where they look at nothing.
    """
    held = Position.objects.filter(account_id=OuterRef("account_id")).exclude(quantity=0).values("account_id")
    cost = Coalesce(_float(Subquery(held.annotate(cost=Sum("cost_minor")).values("cost")[:1])), Value(0.0))
    cash = _float(F("account__cash_minor"))
    equity = Coalesce(_float(F("account__mark__equity_minor")), cash + cost)
    trail = Least(Greatest(_float(F("peak")), equity) - _float(F("trail")), _float(F("cap")))
    trailing = Case(When(peak__gt=NEVER_LOW, then=equity - trail - Value(1.0)), output_field=FloatField())
    least = Least(_above("equity_low", equity), trailing, _above("balance_low", cash + cost))
    initial = _float(KeyTextTransform("initial_minor", "account__rules__state"))
    lines = RuleLines.objects.filter(account_id=OuterRef("trading_id"))
    share = lines.annotate(share=least / initial).values("share")[:1]
    return rows.annotate(room=Subquery(share, output_field=FloatField()))


def risk_order(rows: QuerySet[Any], need: int) -> list[int]:
    """Ids of rows of `with_room`, the `need` riskiest in exact order, then some more.

    The room that SQL knows is a lower bound, so that those whose bound is above the last one wanted need no look. At
    most MOST accounts are looked at; of a page beyond these the order is that of the bounds.
    """
    ordered = rows.filter(room__isnull=False).order_by("room", "pk").values_list("pk", "trading_id", "room")
    bounds = list(ordered[: max(MOST, need)])
    exact: list[tuple[tuple[float, int], int]] = []
    for start in range(0, min(len(bounds), MOST), CHUNK):
        part = bounds[start : start + CHUNK]
        risks = risks_of([trading for _, trading, _ in part])
        exact += [(risks[trading].order, pk) for pk, trading, _ in part if trading in risks]
        exact.sort()
        beyond = bounds[start + CHUNK][2] if start + CHUNK < len(bounds) else float("inf")
        if len(exact) >= need and exact[need - 1][0][0] <= beyond:
            break
    known = {pk for _, pk in exact}
    return [pk for _, pk in exact] + [pk for pk, _, _ in bounds if pk not in known]


def riskiest(most: int) -> list[tuple[PropAccount, RiskView]]:
    """The live accounts nearest to a floor, as rows of `accounts_query` with their risk."""
    live = with_room(accounts_query().filter(status__in=states.LIVE))
    rows = accounts_query().in_bulk(risk_order(live, most)[:most])
    risks = risks_of([vars(row)["trading_id"] for row in rows.values()])
    found = [(row, risks[vars(row)["trading_id"]]) for row in rows.values() if vars(row)["trading_id"] in risks]
    return sorted(found, key=lambda pair: pair[1].order)
