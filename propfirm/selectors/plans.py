"""Plans as people see them before they buy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import NotFound
from propfirm.domain.plans import AddOn, PlanDefinition
from propfirm.models import PropPlan
from trading.domain.rules import RuleSet
from trading.domain.rules.knobs import Amount
from trading.domain.rules.limits import DailyLoss, MaxLoss, MinTradingDays, ProfitTarget
from trading.domain.rules.rewards import Payout
from trading.domain.rules.words import size
from trading.domain.types import plain

_KEPT = 200
_read: dict[str, PlanDefinition] = {}


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A phase in words; `figures` are (label, value) for the comparison."""

    key: str
    name: str
    kind: str
    words: tuple[str, ...]
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    """A version of a plan. Amounts are minor units of `currency`."""

    id: int
    code: str
    version: int
    name: str
    tagline: str
    steps: str
    status: str
    currency: str
    size_minor: int
    price_minor: int
    hash: str
    phases: tuple[PhaseView, ...]
    add_ons: tuple[AddOn, ...]
    max_accounts: int
    refund_days: int

    def add_on_price(self, code: str) -> int:
        """What an add-on costs, minor units."""
        item = next(one for one in self.add_ons if one.code == code)
        return item.price_minor(self.price_minor)


def definition_of(plan: PropPlan) -> PlanDefinition:
    """The document of a row, read once for each hash."""
    found = _read.get(plan.hash)
    if found is None:
        if len(_read) >= _KEPT:
            _read.clear()
        found = _read[plan.hash] = PlanDefinition.from_json(plan.definition)
    return found


def plan_view(plan: PropPlan, add_ons: Sequence[str] = ()) -> PlanView:
    """A row as people see it, with the rules as they are with add-ons."""
    read = definition_of(plan)
    phases = []
    for phase, rules, words in read.told(add_ons):
        phases.append(PhaseView(phase.key, phase.name, phase.kind, words, tuple(_figures(rules))))
    return PlanView(
        id=plan.pk,
        code=plan.code,
        version=plan.version,
        name=plan.name,
        tagline=plan.tagline,
        steps=plan.steps,
        status=plan.status,
        currency=plan.currency,
        size_minor=plan.size_minor,
        price_minor=plan.price_minor,
        hash=plan.hash,
        phases=tuple(phases),
        add_ons=read.add_ons,
        max_accounts=read.max_accounts,
        refund_days=read.refund_days,
    )


def _short(amount: Amount, currency: str) -> str:
    """As `size`, but a share of the initial balance is the share alone."""
    return f"{plain(amount.value)} %" if amount.basis == "initial" else size(amount, currency)


def _figures(rules: RuleSet) -> list[tuple[str, str]]:
    """The rules that people compare first."""
    money = rules.currency
    found = []
    target = rules.one(ProfitTarget)
    if target is not None:
        found.append(("Profit target", _short(target.amount, money)))
    for daily in rules.of(DailyLoss):
        tail = " (pauses)" if daily.severity == "soft" else ""
        found.append(("Daily loss", _short(daily.amount, money) + tail))
    names = {"static": "", "end_of_day": ", trails closes", "intraday": ", trails peaks"}
    found += [("Maximum loss", _short(rule.amount, money) + names[rule.trailing]) for rule in rules.of(MaxLoss)]
    found += [("Trading days", str(days.days)) for days in rules.of(MinTradingDays)]
    payout = rules.one(Payout)
    if payout is not None:
        most = max([payout.split_percent, *(step.percent for step in payout.split_steps)])
        share = f"{payout.split_percent:f} %" + (f" to {most:f} %" if most != payout.split_percent else "")
        found.append(("Your share", share))
        found.append(
            ("First payout", f"after {payout.first_after_days} days" if payout.first_after_days else "any day")
        )
    return found


def plans_offered() -> list[PlanView]:
    """Plans that are sold now, in the order of the comparison."""
    rows = PropPlan.objects.filter(status=PropPlan.Status.OFFERED).order_by("rank", "price_minor", "pk")[:100]
    return [plan_view(row) for row in rows]


def plan_offered_row(code: str) -> PropPlan:
    """The row of a plan that is sold now. Raises NotFound."""
    row = PropPlan.objects.filter(code=code[:40], status=PropPlan.Status.OFFERED).first()
    if row is None:
        raise NotFound("plan_not_found", "There is no such plan.")
    return row


def plan_offered(code: str, add_ons: Sequence[str] = ()) -> PlanView:
    """A plan that is sold now. Raises NotFound; Invalid `unknown_add_on`."""
    return plan_view(plan_offered_row(code), add_ons)


def plan_by_id(plan_id: int) -> PlanView:
    """A version of a plan that was ever offered. Raises NotFound."""
    row = PropPlan.objects.exclude(status=PropPlan.Status.DRAFT).filter(pk=plan_id).first()
    if row is None:
        raise NotFound("plan_not_found", "There is no such plan.")
    return plan_view(row)
