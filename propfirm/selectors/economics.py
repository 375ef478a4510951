"""What plans have brought and cost so far: a few aggregates whatever there is.

Amounts are minor units. Shares come with Wilson's 95 % interval; floats are used for shares only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from propfirm.domain import states
from propfirm.domain.odds_figures import wilson
from propfirm.models import PropAccount, PropPayout, PropPhase, PropPlan, PropReset, Referral

BREACHES = ("fail", "expired", "soft")
MOST_PLANS, MOST_FUNDED = 200, 500
_UNPAID = (PropAccount.Status.PENDING, PropAccount.Status.VOID)
_WAITS = (PropPayout.Status.REQUESTED, PropPayout.Status.REVIEWED)


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, with its interval."""

    count: int
    of: int

    @property
    def percent(self) -> float | None:
        """The share in percent; None of nothing."""
        return 100 * self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval, in percent."""
        low, high = wilson(self.count, self.of)
        return 100 * low, 100 * high


@dataclass(frozen=True, slots=True)
class PhaseRate:
    """Of the accounts whose phase has ended, how many passed it. `running` have not ended."""

    index: int
    passed: Share
    running: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEconomics:
    """A version of a plan. Fees, resets and refunds are before tax; `paid_minor` is what approved payouts give traders.

    `begun` purchases were started, `sold` of them paid, `waiting` may still be. Margin = fees + resets - refunds -
    payouts - commissions.
    """

    plan_id: int
    code: str
    name: str
    version: int
    status: str
    currency: str
    price_minor: int
    begun: int = 0
    sold: int = 0
    waiting: int = 0
    live: int = 0
    funded: int = 0
    fees_minor: int = 0
    resets_minor: int = 0
    refunds_minor: int = 0
    paid_minor: int = 0
    payouts: int = 0
    commissions_minor: int = 0
    phases: tuple[PhaseRate, ...] = ()
    paid_accounts: int = 0

    @property
    def margin_minor(self) -> int:
        """What is left."""
        income = self.fees_minor + self.resets_minor - self.refunds_minor
        return income - self.paid_minor - self.commissions_minor

    @property
    def margin_percent(self) -> float | None:
        """What is left of what came in; None when nothing did."""
        income = self.fees_minor + self.resets_minor
        return 100 * self.margin_minor / income if income else None

    @property
    def break_even_minor(self) -> int | None:
        """The average fee at which the accounts sold would have cost as much as they brought; None when none was."""
        if not self.sold:
            return None
        cost = self.paid_minor + self.commissions_minor + self.refunds_minor - self.resets_minor
        return max(math.ceil(cost / self.sold), 0)

    @property
    def conversion(self) -> Share:
        """Purchases that were paid, of those that are decided."""
        return Share(self.sold, self.begun - self.waiting)

    @property
    def funded_share(self) -> Share:
        """Accounts that were funded, of those sold."""
        return Share(self.funded, self.sold)

    @property
    def paid_share(self) -> Share:
        """Accounts that were paid a payout, of those sold."""
        return Share(self.paid_accounts, self.sold)


def plan_economics() -> list[PlanEconomics]:
    """Every version of a plan that was offered, the first of the comparison first; five queries."""
    plans = PropPlan.objects.exclude(status=PropPlan.Status.DRAFT).order_by("rank", "code", "-version")[:MOST_PLANS]
    parts = [_sales(), _resets(), _payouts(), _commissions()]
    rates = _phase_rates()
    found = []
    for plan in plans:
        figures: dict[str, Any] = {}
        for part in parts:
            figures |= part.get(plan.pk, {})
        found.append(
            PlanEconomics(
                plan_id=plan.pk,
                code=plan.code,
                name=plan.name,
                version=plan.version,
                status=plan.get_status_display(),
                currency=plan.currency,
                price_minor=plan.price_minor,
                phases=tuple(rates.get(plan.pk, ())),
                **figures,
            )
        )
    return found


def _net(amount: str) -> Sum:
    """The sum of what of an amount of payments is not tax; each is rounded down once."""
    part = F(f"payment__{amount}") * (F("payment__total_minor") - F("payment__tax_minor")) / F("payment__total_minor")
    whole = ExpressionWrapper(part, output_field=BigIntegerField())
    net = Case(When(payment__total_minor__gt=0, then=whole), default=Value(0), output_field=BigIntegerField())
    return Sum(net, default=0)


def _by_plan(rows: QuerySet[Any], key: str, **figures: Any) -> dict[int, dict[str, int]]:
    found = rows.order_by().values(key).annotate(**figures)
    return {row.pop(key): {name: int(value) for name, value in row.items()} for row in found}


def _sales() -> dict[int, dict[str, int]]:
    paid = ~Q(status__in=_UNPAID)
    reached = PropPhase.objects.filter(account=OuterRef("pk"), kind=states.FUNDED_KIND)
    rows = PropAccount.objects.annotate(
        was_funded=Case(When(Exists(reached), then=1), default=0, output_field=IntegerField())
    )
    found = _by_plan(
        rows, "plan_id",
        begun=Count("pk"),
        sold=Count("pk", filter=paid),
        waiting=Count("pk", filter=Q(status=PropAccount.Status.PENDING)),
        live=Count("pk", filter=Q(status__in=states.LIVE)),
        funded=Sum("was_funded", default=0),
        fees_minor=_net("captured_minor"),
        back=_net("refunded_minor"),
        lost=_net("lost_minor"),
    )  # fmt: skip
    for row in found.values():
        row["refunds_minor"] = row.pop("back") + row.pop("lost")
    return found


def _resets() -> dict[int, dict[str, int]]:
    figures = {"came": _net("captured_minor"), "back": _net("refunded_minor"), "lost": _net("lost_minor")}
    found = _by_plan(PropReset.objects.all(), "account__plan_id", **figures)
    return {key: {"resets_minor": row["came"] - row["back"] - row["lost"]} for key, row in found.items()}


def _payouts() -> dict[int, dict[str, int]]:
    rows = PropPayout.objects.filter(status=PropPayout.Status.APPROVED)
    return _by_plan(
        rows, "account__plan_id",
        paid_minor=Sum("trader_minor", default=0),
        payouts=Count("pk"),
        paid_accounts=Count("account_id", distinct=True),
    )  # fmt: skip


def _commissions() -> dict[int, dict[str, int]]:
    rows = Referral.objects.exclude(status=Referral.Status.REVERSED)
    return _by_plan(rows, "account__plan_id", commissions_minor=Sum("commission_minor", default=0))


def _phase_rates() -> dict[int, list[PhaseRate]]:
    """Evaluations by plan and place: accounts, not attempts; who passes at the second one has passed."""
    rows = PropPhase.objects.filter(kind=states.EVALUATION).order_by().values("account__plan_id", "index")
    counted = rows.annotate(
        began=Count("account_id", distinct=True),
        passed=Count("account_id", distinct=True, filter=Q(status=PropPhase.Status.PASSED)),
        running=Count("account_id", distinct=True, filter=Q(status=PropPhase.Status.ACTIVE)),
    )
    found: dict[int, list[PhaseRate]] = {}
    for row in sorted(counted, key=lambda item: item["index"]):
        ended = row["began"] - row["running"]
        rate = PhaseRate(row["index"], Share(row["passed"], ended), row["running"])
        found.setdefault(row["account__plan_id"], []).append(rate)
    return found


def plan_counts(plan_ids: list[int]) -> Mapping[int, tuple[int, int]]:
    """(sold, live) by version of a plan; one query."""
    rows = PropAccount.objects.filter(plan_id__in=plan_ids).exclude(status__in=_UNPAID).order_by().values("plan_id")
    counted = rows.annotate(sold=Count("pk"), live=Count("pk", filter=Q(status__in=states.LIVE)))
    return {row["plan_id"]: (row["sold"], row["live"]) for row in counted}
