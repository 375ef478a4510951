"""Subscriptions: what the provider says of them, and what people ask for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from accounts.models import User
from accounts.selectors.standing import standing_require
from core.errors import Conflict, DomainError, NotFound, Unavailable
from core.services import audit
from payments import locks
from payments.adapters import registry
from payments.domain.amounts import prorated, total_of
from payments.domain.ports import ObjectKind, ProviderError, SubscriptionState
from payments.models import Customer, Payment, PlanGrant, PlanPrice, Subscription
from payments.selectors.plans import SubscriptionView, price_get, subscription_of, subscription_row
from payments.services.plans import title_of

logger = logging.getLogger(__name__)

_OVER = (Subscription.Status.CANCELED, Subscription.Status.INCOMPLETE)


def subscription_apply(provider: str, state: SubscriptionState) -> bool:
    """What the provider says of a subscription; whether it is one of ours."""
    with transaction.atomic(durable=True):
        row = locks.subscription_find_lock(provider=provider, ref=state.ref)
        first = Payment.objects.filter(public_id=state.our_ref).first() if row is None and state.our_ref else None
        price = PlanPrice.objects.filter(code=state.price_code).first()
        if row is None and (first is None or price is None or first.provider != provider):
            return False
        if row is None:
            assert first is not None
            row = Subscription(user_id=first.user_id, provider=provider, ref=state.ref)
        if price is None:
            logger.error("subscription %s renews at a price that we do not know: %s", state.ref, state.price_code)
        else:
            row.price = price
        _status_in_tx(row, state)
        row.save()
        if first is not None:
            Payment.objects.filter(pk=first.pk, subscription__isnull=True).update(subscription=row)
        _customer_keep_in_tx(row, state.customer_ref)
        return True


def _status_in_tx(row: Subscription, state: SubscriptionState) -> None:
    status = Subscription.Status(state.status)
    others = Subscription.objects.filter(user_id=row.user_id).exclude(status__in=_OVER).exclude(pk=row.pk)
    if status not in _OVER and others.exists():
        # A person has one plan. This one is ended and its money given back.
        status = Subscription.Status.INCOMPLETE
    row.status = status
    row.period_start, row.period_end = state.period_start, state.period_end
    row.cancel_at_period_end, row.ended_at = state.cancel_at_period_end, state.ended_at
    if status == Subscription.Status.PAST_DUE:
        row.grace_until = row.grace_until or _paid_until(row) + timedelta(days=settings.SUBSCRIPTION_GRACE_DAYS)
    else:
        row.grace_until, row.reminders, row.reminded_at, row.pay_url = None, 0, None, ""


def _paid_until(row: Subscription) -> datetime:
    grants = PlanGrant.objects.filter(payment__subscription=row, revoked_at__isnull=True) if row.pk else None
    last = grants.aggregate(last=Max("ends_at"))["last"] if grants is not None else None
    return last or row.period_start


def _customer_keep_in_tx(row: Subscription, ref: str) -> None:
    if ref:
        Customer.objects.get_or_create(user_id=row.user_id, provider=row.provider, defaults={"ref": ref})


def is_upgrade(now: PlanPrice, then: PlanPrice) -> bool:
    """Whether a change is billed at once: to a higher plan, or to paying by the year."""
    if then.plan.rank != now.plan.rank:
        return then.plan.rank > now.plan.rank
    return then.interval == PlanPrice.Interval.YEAR


def subscription_change(*, actor: User, price_code: str, idempotency_key: str) -> SubscriptionView:
    """Renew at another price: at once when it is more, from the next period when it is less.

    Raises NotFound `subscription_not_found`, `price_not_found`; Conflict `same_price`, `currency_differs`; 409 when the
    provider refuses (a declined card); Unavailable.
    """
    standing_require(actor)
    row, price = _running(actor), price_get(price_code)
    if price.code == row.price.code:
        raise Conflict("same_price", "This is the plan that you have.")
    if price.currency != row.price.currency:
        raise Conflict("currency_differs", f"Your plan is paid in {row.price.currency}: choose a price in it.")
    tax_bp = _tax_bp(row)
    _ask(
        actor,
        row,
        "change",
        {"price": price.code},
        lambda key: registry.provider(row.provider).subscription_change(
            row.ref,
            price_code=price.code,
            title=title_of(price),
            amount_minor=total_of(price.amount_minor, tax_bp=tax_bp).total,
            currency=price.currency,
            interval=price.interval,
            bill_now=is_upgrade(row.price, price),
            key=key,
        ),
        idempotency_key,
    )
    return _view(actor)


def upgrade_dues(user_id: int, amounts: Iterable[int], now: datetime | None = None) -> dict[int, int]:
    """About what a change to each of these prices costs now, with tax: the rest of the period, less what was paid.

    The provider counts to the second of the change. Raises NotFound.
    """
    row = subscription_row(user_id)
    if row is None:
        raise NotFound("subscription_not_found", "You have no plan that renews.")
    tax_bp, at = _tax_bp(row), now or timezone.now()
    paid = total_of(row.price.amount_minor, tax_bp=tax_bp).total
    return {
        amount: prorated(paid, total_of(amount, tax_bp=tax_bp).total, row.period_start, row.period_end, at)
        for amount in amounts
    }


def _tax_bp(row: Subscription) -> int:
    return row.payments.order_by("-pk").values_list("tax_bp", flat=True).first() or 0


def subscription_cancel(*, actor: User, idempotency_key: str) -> SubscriptionView:
    """End it when what is paid for ends."""
    row = _running(actor)
    if not row.cancel_at_period_end:
        provider = registry.provider(row.provider)
        _ask(
            actor, row, "cancel", {},
            lambda key: provider.subscription_cancel(row.ref, at_period_end=True, key=key), idempotency_key,
        )  # fmt: skip
    return _view(actor)


def subscription_resume(*, actor: User, idempotency_key: str) -> SubscriptionView:
    """Take back a cancellation."""
    row = _running(actor)
    if row.cancel_at_period_end:
        provider = registry.provider(row.provider)
        _ask(
            actor, row, "resume", {}, lambda key: provider.subscription_resume(row.ref, key=key), idempotency_key
        )  # fmt: skip
    return _view(actor)


def portal_url(*, actor: User) -> str:
    """The provider's page on which a person changes how they pay. Raises NotFound, Unavailable."""
    customer = Customer.objects.filter(user=actor).order_by("-pk").first()
    if customer is None:
        raise NotFound("customer_not_found", "You have not paid for anything yet.")
    try:
        return registry.provider(customer.provider).portal_url(
            customer_ref=customer.ref, return_url=f"{settings.SITE_URL}/billing"
        )
    except ProviderError as error:
        raise Unavailable("payment_provider_unavailable", "The payment provider does not answer just now.") from error


def subscription_end(row: Subscription, *, reason: str) -> None:
    """End a subscription at its provider now: its money went back, or nobody pays. Raises ProviderError."""
    registry.provider(row.provider).subscription_cancel(row.ref, at_period_end=False, key=f"end-{row.pk}")
    with transaction.atomic(durable=True):
        audit.record(
            actor=None, action="subscription.end", subject_type="subscription", subject_id=row.pk, reason=reason
        )
    _sync(row)


def _running(actor: User) -> Subscription:
    row = subscription_row(actor.pk)
    if row is None:
        raise NotFound("subscription_not_found", "You have no plan that renews.")
    return row


def _view(actor: User) -> SubscriptionView:
    found = subscription_of(actor.pk)
    if found is None:
        raise NotFound("subscription_not_found", "You have no plan that renews.")
    return found


def _ask(actor: User, row: Subscription, what: str, body: dict[str, Any], act: Callable[[str], Any], key: str) -> None:
    """Ask the provider under the caller's key, write it down, and apply what came of it."""
    if not key or len(key) > 100:
        raise DomainError("idempotency_key_invalid", "Send a key of 1 to 100 characters with this.")
    try:
        act(f"sub-{row.pk}-{what}-{key}")
    except ProviderError as error:
        if error.is_retryable or error.is_unknown:
            raise Unavailable("payment_provider_unavailable", "The provider does not answer just now.") from error
        raise DomainError("payment_refused", error.message, status=409) from error
    with transaction.atomic(durable=True):
        audit.record(
            actor=actor, action=f"subscription.{what}", subject_type="subscription", subject_id=row.pk, after=body
        )
    _sync(row)


def _sync(row: Subscription) -> None:
    from payments.services.sync import object_ask

    object_ask(row.provider, ObjectKind.SUBSCRIPTION, row.ref)


def subscriptions_ask_again(limit: int = 50) -> int:
    """Ask about subscriptions whose period is over, for the case that a webhook was lost; how many."""
    border = timezone.now() - timedelta(minutes=10)
    rows = Subscription.objects.exclude(status__in=_OVER).filter(period_end__lt=border)
    found = list(rows.exclude(checked_at__gt=border).order_by(F("checked_at").asc(nulls_first=True), "pk")[:limit])
    for row in found:
        _sync(row)
        Subscription.objects.filter(pk=row.pk).update(checked_at=timezone.now())
    return len(found)
