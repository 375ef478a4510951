"""Giving money back: the row first, then the provider with the row's id as key, then what it says."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict, DomainError, Invalid
from core.services import audit, idempotency
from payments import locks
from payments.adapters import registry
from payments.domain import states
from payments.domain.ports import ProviderError
from payments.models import Payment, Refund

logger = logging.getLogger(__name__)

BATCH = 50
MAX_ATTEMPTS = 12
WAITS = (10, 30, 120, 600, 3_600)  # seconds between attempts; the last one goes on


def refundable_minor(payment: Payment) -> int:
    """What may still be given back: less what has gone, is under way, or is held in a dispute."""
    waiting = payment.refunds.filter(status=Refund.Status.REQUESTED).aggregate(total=Sum("amount_minor"))["total"] or 0
    held = payment.disputes.aggregate(total=Sum("held_minor"))["total"] or 0
    return int(payment.captured_minor - payment.refunded_minor - payment.lost_minor - waiting - held)


def refund_request(
    *, actor: User | None, payment_id: int, amount_minor: int | None, reason: str, idempotency_key: str
) -> Refund:
    """Ask for a refund of an amount in minor units, or of all that is left; it is sent right after.

    Raises Conflict `refund_too_large`, `payment_not_paid`; Invalid `reason_required`, `amount_invalid`.
    """
    if not reason.strip():
        raise Invalid("reason_required", "Say why the money is given back: the person is told.")
    if amount_minor is not None and amount_minor <= 0:
        raise Invalid("amount_invalid", "A refund gives back more than nothing.")
    body = {"payment_id": payment_id, "amount_minor": amount_minor, "reason": reason}
    with transaction.atomic(durable=True):
        payment = locks.payment_lock(payment_id)
        _, answer = idempotency.run(
            scope=f"refund:{payment_id}",
            key=idempotency_key,
            body=body,
            effect=lambda: (201, {"id": refund_request_in_tx(actor, payment, amount_minor, reason).pk}),
        )
    refund_send(int(answer["id"]))
    return Refund.objects.get(pk=answer["id"])


def refund_automatic_in_tx(payment: Payment) -> None:
    """Give back all of a payment for which nothing could be handed over; the next sweep sends it."""
    if refundable_minor(payment) > 0:
        reason = f"{payment.title} could not be handed over: {payment.failure}"
        refund_request_in_tx(None, payment, None, reason[:300])


def refund_request_in_tx(actor: User | None, payment: Payment, amount_minor: int | None, reason: str) -> Refund:
    """`refund_request` of a locked payment, in the caller's transaction; the next sweep sends it, or `refund_send`."""
    if payment.status not in states.PAID_PAYMENTS or not payment.provider:
        raise Conflict("payment_not_paid", "Nothing has been paid here that could be given back.")
    left = refundable_minor(payment)
    amount = left if amount_minor is None else amount_minor
    if amount > left or amount <= 0:
        raise Conflict("refund_too_large", "That is more than is left of this payment.", {"left_minor": max(left, 0)})
    refund = Refund.objects.create(
        payment=payment, amount_minor=amount, currency=payment.currency, reason=reason[:300], requested_by=actor
    )
    audit.record(
        actor=actor,
        action="payment.refund",
        subject_type="payment",
        subject_id=payment.pk,
        after={"refund_id": refund.pk, "amount_minor": amount},
        reason=reason,
    )
    return refund


def refund_send(refund_id: int) -> None:
    """Ask the provider, unless it has answered already. What it says is applied; what fails is tried again later."""
    from payments.services.apply import refund_apply

    refund = Refund.objects.select_related("payment").get(pk=refund_id)
    payment = refund.payment
    if refund.status != Refund.Status.REQUESTED:
        return
    try:
        state = registry.provider(payment.provider).refund_create(
            payment.charge_ref,
            our_ref=str(refund.public_id),
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            key=f"refund-{refund.public_id}",
        )
    except ProviderError as error:
        _not_sent(refund_id, error.message, is_final=not (error.is_retryable or error.is_unknown))
    except DomainError as error:
        _not_sent(refund_id, error.message, is_final=False)
    else:
        refund_apply(payment.provider, state)


def refunds_send_due() -> int:
    """Send refunds that wait for their turn; how many were tried."""
    due = Refund.objects.filter(status=Refund.Status.REQUESTED, next_at__lte=timezone.now()).order_by("next_at")
    ids = list(due.values_list("pk", flat=True)[:BATCH])
    for refund_id in ids:
        refund_send(refund_id)
    return len(ids)


def _not_sent(refund_id: int, message: str, *, is_final: bool) -> None:
    with transaction.atomic(durable=True):
        refund = locks.refund_lock(refund_id)
        if refund.status != Refund.Status.REQUESTED:
            return
        refund.attempts += 1
        refund.failure = message[:300]
        refund.next_at = timezone.now() + timedelta(seconds=WAITS[min(refund.attempts, len(WAITS)) - 1])
        if is_final or refund.attempts >= MAX_ATTEMPTS:
            refund.status, refund.settled_at = Refund.Status.FAILED, timezone.now()
            audit.record(
                actor=None,
                action="payment.refund_failed",
                subject_type="payment",
                subject_id=refund.payment_id,
                after={"refund_id": refund.pk},
                reason=message,
            )
            logger.error("refund %s of payment %s failed: %s", refund.pk, refund.payment_id, message)
        refund.save()
