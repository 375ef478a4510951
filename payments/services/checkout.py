"""Buying: a price from our tables, a row, a page of the provider to pay on. Nothing here hands anything over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.selectors.standing import standing_require
from core.errors import Conflict, DomainError, Invalid, Unavailable
from core.services import audit, idempotency
from payments import locks
from payments.adapters import registry
from payments.domain import states
from payments.domain.ports import Can, CheckoutRequest, Provider, ProviderError
from payments.models import Customer, Payment, PaymentStep
from payments.selectors.payments import PaymentView, payment_view
from payments.services.closing import payment_close
from payments.services.coupons import coupon_hold_in_tx
from payments.services.granting import OURS, VERSION, bought_of, payment_grant_in_tx, payment_release_in_tx
from payments.services.quoting import Priced, kind_get, priced

MAX_PARAMS = 20


def purchase_begin(
    *,
    actor: User,
    kind: str,
    reference: str,
    params: Mapping[str, Any] | None = None,
    currency: str = "",
    provider: str = "",
    coupon: str = "",
    idempotency_key: str,
) -> PaymentView:
    """Begin to buy something; the view's `url` is where to pay. The same key gives the same payment.

    A second purchase of the same thing while the first is open leads to the first one's page, when its price and its
    version are the same; otherwise that page is closed first. What costs nothing is handed over at once. Raises
    Forbidden (onboarding), what the kind and the coupon have against it, Conflict `payment_in_progress`, Unavailable.
    """
    standing_require(actor)
    wanted = {name: value for name, value in (params or {}).items() if name not in OURS}
    if len(wanted) > MAX_PARAMS or len(reference) > 80:
        raise Invalid("purchase_invalid", "This cannot be bought. Go back and choose again.")
    body = {"kind": kind, "reference": reference, "params": wanted, "currency": currency, "coupon": coupon}
    scope = f"payment:{actor.pk}"
    known = idempotency.find(scope=scope, key=idempotency_key, body=body)
    if known is None:
        found = priced(user=actor, kind=kind, reference=reference, params=wanted, currency=currency, coupon=coupon)
        chosen = _provider_choose(found, provider)
        _close_others(actor, found)
        with transaction.atomic(durable=True):
            _, known_body = idempotency.run(
                scope=scope,
                key=idempotency_key,
                body=body,
                effect=lambda: (201, {"public_id": _begin_in_tx(actor, found, wanted, chosen)}),
            )
    else:
        known_body = known[1]
    payment = Payment.objects.get(public_id=known_body["public_id"])
    if payment.status == states.INITIATED and not payment.url:
        _page_open(payment, actor)
    return payment_view(payment.public_id, user_id=actor.pk)


def purchase_cancel(*, actor: User, public_id: UUID | str) -> PaymentView:
    """Give up an unpaid purchase. Raises NotFound, Conflict `payment_in_progress`, `payment_paid`."""
    view = payment_view(public_id, user_id=actor.pk)
    if view.status in states.PAID_PAYMENTS:
        raise Conflict("payment_paid", "This has been paid for. Ask for a refund instead.")
    if not payment_close(view.id, note="Given up."):
        raise Conflict("payment_in_progress", "A payment is being made on that page. Wait until it is decided.")
    return payment_view(public_id, user_id=actor.pk)


def _provider_choose(found: Priced, name: str) -> Provider | None:
    """The provider to pay with; None when there is nothing to pay."""
    quote = found.quote
    if not quote.total_minor and not quote.interval:
        return None
    names = [choice.name for choice in quote.providers]
    if name and name not in names:
        raise Invalid("provider_unknown", "You cannot pay this way. Choose another one.", {"providers": names})
    if not names:
        able = Can.SUBSCRIBE if quote.interval else Can.PAY
        missing = registry.missing(registry.STRIPE)
        raise Unavailable(
            "payments_not_configured",
            f"Payments in {quote.currency} are not set up on this site.",
            {"needs": str(able), "set": missing},
        )
    return registry.provider(name or names[0])


def _open_of(actor: User, found: Priced) -> list[Payment]:
    rows = Payment.objects.filter(
        user=actor,
        kind=found.quote.kind,
        reference=found.quote.reference,
        status__in=[*states.OPEN_PAYMENTS, states.FAILED],
        captured_minor=0,
    )
    return list(rows.order_by("-pk")[:10])


def _is_same(payment: Payment, found: Priced) -> bool:
    quote = found.quote
    if payment.params.get(VERSION, "") != found.offer.version:
        return False
    return (payment.total_minor, payment.currency, payment.discount_minor) == (
        quote.total_minor,
        quote.currency,
        quote.discount_minor,
    ) and (payment.expires_at is not None and payment.expires_at > timezone.now() + timedelta(minutes=2))


def _close_others(actor: User, found: Priced) -> None:
    """Close pages for the same thing at another price or in another version, so that nobody pays twice."""
    for payment in _open_of(actor, found):
        if not _is_same(payment, found) and not payment_close(payment.pk, note="Begun anew."):
            raise Conflict(
                "payment_in_progress",
                "You are paying for this already. Finish that payment, or wait until it is decided.",
                {"public_id": str(payment.public_id)},
            )


def _begin_in_tx(actor: User, found: Priced, params: dict[str, Any], provider: Provider | None) -> str:
    quote, offer = found.quote, found.offer
    with connection.cursor() as cursor:
        # One beginning at a time for a person and a thing: the second tab finds the first one's payment.
        lock = f"buy:{actor.pk}:{quote.kind}:{quote.reference}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
    name = provider.name if provider else ""
    for other in _open_of(actor, found):
        if _is_same(other, found) and other.provider == name:
            return str(other.public_id)
    payment = Payment.objects.create(
        user=actor,
        kind=quote.kind,
        reference=quote.reference,
        params=params | ({VERSION: offer.version} if offer.version else {}),
        title=offer.title[:120],
        interval=offer.interval,
        currency=quote.currency,
        subtotal_minor=quote.subtotal_minor,
        discount_minor=quote.discount_minor,
        tax_minor=quote.tax_minor,
        total_minor=quote.total_minor,
        tax_name=quote.tax_name,
        tax_bp=quote.tax_bp,
        tax_country=quote.tax_country,
        shares=[[share.account, share.kind, share.weight] for share in offer.shares],
        provider=name,
        expires_at=timezone.now() + timedelta(minutes=settings.CHECKOUT_MINUTES),
    )
    if found.coupon is not None:
        coupon_hold_in_tx(coupon_id=found.coupon.pk, payment=payment)
    kind_get(quote.kind).hold_in_tx(bought_of(payment))
    PaymentStep.objects.create(payment=payment, status=payment.status)
    audit.record(
        actor=actor,
        action="payment.begin",
        subject_type="payment",
        subject_id=payment.pk,
        after={"kind": payment.kind, "reference": payment.reference, "total_minor": payment.total_minor},
    )
    if provider is None:
        _free_in_tx(payment)
    return str(payment.public_id)


def _free_in_tx(payment: Payment) -> None:
    payment.status, payment.succeeded_at = Payment.Status.SUCCEEDED, timezone.now()
    payment_grant_in_tx(payment)
    if payment.problem:
        raise DomainError("purchase_refused", payment.failure, status=409)
    payment.save()
    PaymentStep.objects.create(payment=payment, status=payment.status, note="Nothing to pay.")


def _page_open(payment: Payment, actor: User) -> None:
    """Ask the provider for a page; the payment's id is the key, so asking twice makes one."""
    provider = registry.provider(payment.provider)
    back = f"{settings.SITE_URL}/checkout/return/{payment.public_id}"
    customer = Customer.objects.filter(user=actor, provider=provider.name).values_list("ref", flat=True).first()
    request = CheckoutRequest(
        our_ref=str(payment.public_id),
        title=payment.title,
        amount_minor=payment.total_minor,
        currency=payment.currency,
        email=actor.email,
        customer_ref=customer or "",
        success_url=back,
        cancel_url=f"{back}?cancelled=1",
        expires_at=payment.expires_at or timezone.now(),
        interval=payment.interval,
        metadata={"kind": payment.kind, "price_code": payment.reference if payment.interval else ""},
    )
    if payment.interval:
        request = _with_first_discount(request, payment)
    try:
        state = provider.checkout_create(request, key=f"checkout-{payment.public_id}")
    except ProviderError as error:
        if error.is_retryable or error.is_unknown:
            raise Unavailable(
                "payment_provider_unavailable", f"{provider.label} does not answer just now. Try again in a moment."
            ) from error
        _refused(payment.pk, error)
        raise DomainError(
            "payment_refused", f"{provider.label} does not take this payment: {error.message}", status=409
        ) from error
    with transaction.atomic(durable=True):
        row = locks.payment_lock(payment.pk)
        row.checkout_ref, row.url = state.ref, state.url
        if row.status == Payment.Status.INITIATED:
            row.status = Payment.Status.REQUIRES_ACTION
            PaymentStep.objects.create(payment=row, status=row.status, note=f"Page of {provider.label} opened.")
        row.save()


def _with_first_discount(request: CheckoutRequest, payment: Payment) -> CheckoutRequest:
    """A subscription renews at the full price with tax; what a coupon takes off, and its tax, is for the first time."""
    from payments.domain.amounts import total_of

    whole = total_of(payment.subtotal_minor, tax_bp=payment.tax_bp).total
    return replace(request, amount_minor=whole, first_discount_minor=whole - payment.total_minor)


def _refused(payment_id: int, error: ProviderError) -> None:
    with transaction.atomic(durable=True):
        payment = locks.payment_lock(payment_id)
        if payment.status == Payment.Status.INITIATED:
            payment.status = Payment.Status.EXPIRED
            payment.failure_code, payment.failure = error.code[:60], error.message[:300]
            PaymentStep.objects.create(payment=payment, status=payment.status, note=error.message[:200])
            payment_release_in_tx(payment)
            payment.save()
