"""Plans as something that is bought, and the catalogue as rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict, Invalid
from core.services import audit
from payments.domain import chart
from payments.domain.catalogue import PLANS, PlanSeed
from payments.domain.purchases import Bought, Offer, Share
from payments.models import PlanGrant, PlanPrice, PlanVersion, Subscription
from payments.selectors.plans import price_get, subscription_row

KIND = "plan"
_WORDS = {"month": "monthly", "year": "yearly"}


def title_of(price: PlanPrice) -> str:
    """What a price is called on papers."""
    return f"{price.plan.name}, {_WORDS[price.interval]}"


class PlanKind:
    """Sells plans: `reference` is a price's code."""

    label = "Plan"

    def offer(self, *, user_id: int, reference: str, params: Mapping[str, Any], currency: str) -> Offer:  # noqa: ARG002
        """The price, in its own currency. Raises NotFound; Conflict `already_subscribed`."""
        price = price_get(reference)
        if subscription_row(user_id) is not None:
            raise Conflict(
                "already_subscribed", "You have a plan already. Change it on your billing page.", {"url": "/billing"}
            )
        return Offer(
            title=title_of(price),
            subtotal_minor=price.amount_minor,
            currency=price.currency,
            shares=(Share(chart.DEFERRED_PLANS, chart.DEFERRED, 1),),
            interval=price.interval,
            price_code=price.code,
            about=price.plan.tagline,
        )

    def hold_in_tx(self, bought: Bought) -> None:
        """There is no place to keep."""

    def grant_in_tx(self, bought: Bought) -> None:
        """The plan, for the time that the bill pays for. Raises Conflict when another subscription runs."""
        price = PlanPrice.objects.select_related("plan").get(code=bought.params.get("price_code") or bought.reference)
        own = Subscription.objects.filter(payments__pk=bought.payment_id).values_list("pk", flat=True).first()
        running = subscription_row(bought.user_id)
        if running is not None and running.pk != own:
            raise Conflict("already_subscribed", "Another plan of yours is running.")
        PlanGrant.objects.create(
            user_id=bought.user_id,
            plan=price.plan,
            payment_id=bought.payment_id,
            starts_at=datetime.fromisoformat(bought.params["period_start"]),
            ends_at=datetime.fromisoformat(bought.params["period_end"]),
        )

    def release_in_tx(self, bought: Bought) -> None:
        """There was no place."""

    def revoke_in_tx(self, bought: Bought, *, reason: str) -> None:
        """The plan ends; its subscription is ended at the provider by the next sweep."""
        PlanGrant.objects.filter(payment_id=bought.payment_id, revoked_at__isnull=True).update(
            revoked_at=timezone.now(), reason=reason[:200]
        )


def plans_sync() -> list[str]:
    """Write the catalogue as rows: what differs from the version that is offered becomes a new one. What was new."""
    made = []
    with transaction.atomic(durable=True):
        for seed in PLANS:
            made += _plan_sync_in_tx(seed)
    return made


def _plan_sync_in_tx(seed: PlanSeed) -> list[str]:
    limits = {str(name): value for name, value in seed.limits.items()}
    wanted = {"name": seed.name, "tagline": seed.tagline, "rank": seed.rank, "limits": limits}
    rows = PlanVersion.objects.select_for_update(no_key=True).filter(code=seed.code)
    now = rows.filter(is_offered=True).first()
    prices = {(price.currency, price.interval): price.amount_minor for price in seed.prices}
    if now is not None and all(getattr(now, name) == value for name, value in wanted.items()):
        stored = {(row.currency, row.interval): row.amount_minor for row in now.prices.filter(is_offered=True)}
        if stored == prices:
            return []
    newest = rows.order_by("-version").values_list("version", flat=True).first() or 0
    rows.filter(is_offered=True).update(is_offered=False)
    plan = PlanVersion.objects.create(code=seed.code, version=newest + 1, **wanted)
    for price in seed.prices:
        PlanPrice.objects.create(
            plan=plan,
            code=f"{seed.code}-{plan.version}-{price.currency}-{price.interval}".lower(),
            currency=price.currency,
            interval=price.interval,
            amount_minor=price.amount_minor,
        )
    return [f"{plan.name} version {plan.version}"]


def plan_give(*, actor: User, user_id: int, plan_id: int, until: datetime, reason: str) -> PlanGrant:
    """An operator gives a plan until a time, without a payment. Raises Invalid."""
    now = timezone.now()
    if until <= now or not reason.strip():
        raise Invalid("grant_invalid", "Give a reason, and a time that lies ahead.")
    with transaction.atomic(durable=True):
        grant = PlanGrant.objects.create(
            user_id=user_id, plan_id=plan_id, starts_at=now, ends_at=until, given_by=actor, reason=reason[:200]
        )
        audit.record(
            actor=actor,
            action="plan.give",
            subject_type="user",
            subject_id=user_id,
            after={"grant_id": grant.pk, "plan_id": plan_id, "until": until.isoformat()},
            reason=reason,
        )
    return grant


def plan_take_back(*, actor: User, grant_id: int, reason: str) -> None:
    """An operator ends a plan that was given. Raises Conflict for one that was paid for: that is refunded instead."""
    with transaction.atomic(durable=True):
        grant = PlanGrant.objects.select_for_update(no_key=True).get(pk=grant_id)
        if grant.payment_id is not None:
            raise Conflict("grant_paid_for", "This plan was paid for: refund its payment instead.")
        if grant.revoked_at is None:
            grant.revoked_at = timezone.now()
            grant.save(update_fields=["revoked_at"])
            audit.record(
                actor=actor,
                action="plan.take_back",
                subject_type="user",
                subject_id=grant.user_id,
                before={"grant_id": grant.pk},
                reason=reason,
            )
