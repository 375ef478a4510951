"""Bills of subscriptions: each becomes a payment, and each that is paid a time of the plan."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

from django.db import transaction
from django.utils import timezone

from accounts.services.notices import notify_in_tx
from core.money import Money
from payments import locks
from payments.domain import chart
from payments.domain.amounts import BASIS, rounded
from payments.domain.ports import InvoiceState
from payments.models import Payment, PaymentStep, PlanPrice, Subscription
from payments.services.granting import payment_grant_in_tx, payment_release_in_tx
from payments.services.plans import KIND, title_of

_WORDS = {"renewal": "renewal", "change": "change of plan"}


def invoice_apply(provider: str, state: InvoiceState) -> bool:
    """A bill: the payment that it is, made when it is not there yet. Its charge is applied after it.

    Answers whether it is one of ours.
    """
    with transaction.atomic(durable=True):
        subscription = locks.subscription_find_lock(provider=provider, ref=state.subscription_ref)
        if subscription is None:
            return False
        payment = _payment_in_tx(subscription, state)
        if payment is None:
            return False
        payment.invoice_ref = state.ref
        payment.charge_ref = payment.charge_ref or state.charge_ref
        payment.params = {
            **payment.params,
            "price_code": state.price_code,
            "period_start": state.period_start.isoformat(),
            "period_end": state.period_end.isoformat(),
        }
        payment.save()
        _settle_in_tx(payment, state)
        _due_in_tx(subscription, payment, state)
        return True


def _payment_in_tx(subscription: Subscription, state: InvoiceState) -> Payment | None:
    known = locks.payment_find_lock(provider=subscription.provider, invoice_ref=state.ref)
    if known is not None:
        return known
    if state.reason == "first":
        rows = Payment.objects.select_for_update(no_key=True).filter(subscription=subscription, invoice_ref="")
        return rows.order_by("pk").first()
    price = PlanPrice.objects.select_related("plan").filter(code=state.price_code).first()
    if price is None or state.amount_minor < 0:
        return None
    before = subscription.payments.order_by("-pk").first()
    bp = before.tax_bp if before else 0
    net = rounded(Fraction(state.amount_minor * BASIS, BASIS + bp))
    payment = Payment.objects.create(
        user_id=subscription.user_id,
        kind=KIND,
        reference=price.code,
        title=f"{title_of(price)}: {_WORDS.get(state.reason, state.reason)}"[:120],
        interval=price.interval,
        currency=state.currency,
        subtotal_minor=net,
        tax_minor=state.amount_minor - net,
        total_minor=state.amount_minor,
        tax_bp=bp,
        tax_name=before.tax_name if before else "",
        tax_country=before.tax_country if before else "",
        shares=[[chart.DEFERRED_PLANS, chart.DEFERRED, 1]],
        provider=subscription.provider,
        invoice_ref=state.ref,
        subscription=subscription,
        url=state.pay_url,
    )
    PaymentStep.objects.create(payment=payment, status=payment.status, note="Billed.")
    return payment


def _settle_in_tx(payment: Payment, state: InvoiceState) -> None:
    if state.status == "paid" and not state.amount_minor and not payment.total_minor:
        payment.succeeded_at = payment.succeeded_at or timezone.now()
        if payment.status != Payment.Status.SUCCEEDED:
            payment.status = Payment.Status.SUCCEEDED
            PaymentStep.objects.create(payment=payment, status=payment.status, note="Nothing to pay.")
        payment_grant_in_tx(payment)
        payment.save()
    elif state.status in ("void", "uncollectible") and not payment.captured_minor and payment.status != "expired":
        payment.status = Payment.Status.EXPIRED
        PaymentStep.objects.create(payment=payment, status=payment.status, note="The bill was given up.")
        payment_release_in_tx(payment)
        payment.save()


def _due_in_tx(subscription: Subscription, payment: Payment, state: InvoiceState) -> None:
    """A renewal that was not paid: where it can be, and a first word about it."""
    if state.status != "open" or not state.attempts:
        return
    subscription.pay_url = state.pay_url
    if not subscription.reminders:
        subscription.reminders, subscription.reminded_at = 1, timezone.now()
        reminder_tell_in_tx(subscription, payment)
    subscription.save(update_fields=["pay_url", "reminders", "reminded_at"])


def reminder_tell_in_tx(subscription: Subscription, payment: Payment) -> None:
    """Say that a renewal was not paid, and until when the plan lasts."""
    until = subscription.grace_until or timezone.now() + timedelta(days=1)
    notify_in_tx(
        user_id=subscription.user_id,
        kind="payment",
        dedupe=f"payment:{payment.pk}:due:{subscription.reminders}",
        params={
            "amount": str(Money(payment.total_minor, payment.currency)),
            "status": "due",
            "message": f"{payment.title} was not paid. Your plan lasts until {until:%-d %B %Y, %H:%M} UTC: "
            "change how you pay before that.",
        },
        url="/billing",
    )
