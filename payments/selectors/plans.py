"""Plans that are offered, and what a person has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from core.errors import NotFound
from payments.domain.catalogue import FREE, Feature
from payments.models import PlanGrant, PlanPrice, PlanVersion, Subscription


@dataclass(frozen=True, slots=True)
class PriceView:
    """A price before tax, in minor units."""

    code: str
    currency: str
    interval: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PlanView:
    """A version of a plan."""

    id: int
    code: str
    version: int
    name: str
    tagline: str
    rank: int
    limits: dict[str, int]
    prices: tuple[PriceView, ...] = ()

    def limit(self, feature: Feature | str) -> int:
        """How many; -1 without a limit; 0 when it is not in it."""
        return int(self.limits.get(str(feature), 0))

    def price(self, currency: str, interval: str) -> PriceView | None:
        """Its price in a currency."""
        fits = (price for price in self.prices if (price.currency, price.interval) == (currency, interval))
        return next(fits, None)


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A person's subscription; `price` is what it renews at, `plan` that price's plan."""

    id: int
    provider: str
    status: str
    status_label: str
    plan: PlanView
    price: PriceView
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool
    grace_until: datetime | None
    pay_url: str


@dataclass(frozen=True, slots=True)
class Holding:
    """The plan that a person has now, and until when it is paid for; None without an end."""

    plan: PlanView
    until: datetime | None
    is_given: bool = False


def plan_view(plan: PlanVersion, prices: list[PlanPrice] | None = None) -> PlanView:
    """A row as others may see it."""
    return PlanView(
        id=plan.pk,
        code=plan.code,
        version=plan.version,
        name=plan.name,
        tagline=plan.tagline,
        rank=plan.rank,
        limits={name: int(value) for name, value in plan.limits.items()},
        prices=tuple(_price(row) for row in prices or ()),
    )


def _price(row: PlanPrice) -> PriceView:
    return PriceView(row.code, row.currency, row.interval, row.amount_minor)


def plans_offered() -> list[PlanView]:
    """What can be had, the smallest first, with prices; two queries."""
    plans = list(PlanVersion.objects.filter(is_offered=True).order_by("rank"))
    prices: dict[int, list[PlanPrice]] = {}
    rows = PlanPrice.objects.filter(plan__in=plans, is_offered=True).order_by("currency", "interval")
    for row in rows:
        prices.setdefault(row.plan_id, []).append(row)
    return [plan_view(plan, prices.get(plan.pk)) for plan in plans]


def price_get(code: str) -> PlanPrice:
    """A price that is offered, with its plan. Raises NotFound."""
    row = PlanPrice.objects.select_related("plan").filter(code=code, is_offered=True, plan__is_offered=True).first()
    if row is None:
        raise NotFound("price_not_found", "There is no such plan to buy. Choose one of those on the pricing page.")
    return row


def subscription_row(user_id: int) -> Subscription | None:
    """A person's running subscription."""
    rows = Subscription.objects.select_related("price__plan").filter(user_id=user_id)
    return rows.exclude(status__in=["canceled", "incomplete"]).first()


def subscription_of(user_id: int) -> SubscriptionView | None:
    """A person's running subscription, as they may see it."""
    row = subscription_row(user_id)
    if row is None:
        return None
    return SubscriptionView(
        id=row.pk,
        provider=row.provider,
        status=row.status,
        status_label=row.get_status_display(),
        plan=plan_view(row.price.plan),
        price=_price(row.price),
        period_start=row.period_start,
        period_end=row.period_end,
        cancel_at_period_end=row.cancel_at_period_end,
        grace_until=row.grace_until,
        pay_url=row.pay_url,
    )


def grant_in_force(user_id: int, now: datetime | None = None) -> PlanGrant | None:
    """The best plan that a person has now: paid for, given, or in the days of grace."""
    at = now or timezone.now()
    in_grace = Q(payment__subscription__status="past_due", payment__subscription__grace_until__gt=at)
    rows = PlanGrant.objects.filter(Q(ends_at__gt=at) | in_grace, user_id=user_id, revoked_at__isnull=True)
    rows = rows.filter(starts_at__lte=at).select_related("plan")
    return rows.order_by("-plan__rank", "-ends_at").first()


def holding_of(user_id: int) -> Holding:
    """The plan that a person has now; Free when none is paid for. Raises NotFound when no plan has been published."""
    grant = grant_in_force(user_id)
    if grant is not None:
        return Holding(plan_view(grant.plan), grant.ends_at, is_given=grant.payment_id is None)
    free = PlanVersion.objects.filter(code=FREE, is_offered=True).first()
    if free is None:
        raise NotFound("plans_not_published", "No plan is published yet: run `manage.py sync_plans`.")
    return Holding(plan_view(free), None)
