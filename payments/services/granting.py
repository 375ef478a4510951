"""Handing over what was bought, and taking it back: once each, with the payment's row locked."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from core.errors import DomainError
from core.services import audit, outbox
from payments.domain.purchases import Bought, purchase_kind
from payments.models import Payment
from payments.services.booking import CHARGED_CURRENCY, allocate_in_tx
from payments.services.coupons import coupon_settle_in_tx
from payments.services.invoices import credit_note_issue_in_tx, invoice_issue_in_tx
from payments.services.telling import payment_tell_in_tx

logger = logging.getLogger(__name__)

# A refund that the bank did not take is for people to look at, and no reason to keep back what is paid for.
GRANTABLE = ("", "refund_failed")
# Among a payment's params: which version of the thing was priced, and what the provider charged in. Never a buyer's.
VERSION = "offer_version"
OURS = (VERSION, CHARGED_CURRENCY)


def bought_of(payment: Payment) -> Bought:
    """A payment as its purchase kind sees it."""
    return Bought(
        payment_id=payment.pk,
        public_id=str(payment.public_id),
        user_id=payment.user_id,
        kind=payment.kind,
        reference=payment.reference,
        params=payment.params,
        total_minor=payment.total_minor,
        currency=payment.currency,
        version=str(payment.params.get(VERSION, "")),
        refunded_minor=payment.refunded_minor,
        lost_minor=payment.lost_minor,
    )


def payment_grant_in_tx(payment: Payment) -> None:
    """Hand over what was bought. When that is refused, the payment says why, and its money is to be given back."""
    if payment.granted_at or payment.problem not in GRANTABLE:
        return
    kind = purchase_kind(payment.kind)
    try:
        if kind is None:
            raise DomainError("purchase_unknown", "Nothing sells this kind any more.")
        with transaction.atomic():
            kind.grant_in_tx(bought_of(payment))
    except DomainError as refusal:
        payment_problem_in_tx(payment, f"not_granted:{refusal.code}", refusal.message)
        return
    payment.granted_at = timezone.now()
    allocate_in_tx(payment)
    coupon_settle_in_tx(payment, used=True)
    payment.save()
    if payment.total_minor:
        invoice_issue_in_tx(payment)
    for refund in payment.refunds.filter(booked_minor__gt=0):
        credit_note_issue_in_tx(refund)
    payment_tell_in_tx(payment, "paid", f"{payment.title} is yours.")
    outbox.emit(
        topic="payments.granted",
        aggregate=f"payment:{payment.pk}",
        payload={"payment_id": payment.pk, "user_id": payment.user_id, "kind": payment.kind, "ref": payment.reference},
    )


def payment_revoke_in_tx(payment: Payment, *, reason: str) -> None:
    """Take back what was bought, once: its money has gone back, or is lost."""
    if not payment.granted_at or payment.revoked_at:
        return
    kind = purchase_kind(payment.kind)
    if kind is not None:
        kind.revoke_in_tx(bought_of(payment), reason=reason)
    payment.revoked_at = timezone.now()
    outbox.emit(
        topic="payments.revoked",
        aggregate=f"payment:{payment.pk}",
        payload={"payment_id": payment.pk, "user_id": payment.user_id, "kind": payment.kind, "ref": payment.reference},
    )


def payment_release_in_tx(payment: Payment) -> None:
    """Give up the place that was held while it was being paid for, once."""
    if payment.released_at or payment.granted_at:
        return
    kind = purchase_kind(payment.kind)
    if kind is not None:
        kind.release_in_tx(bought_of(payment))
    coupon_settle_in_tx(payment, used=False)
    payment.released_at = timezone.now()


def payment_problem_in_tx(payment: Payment, problem: str, message: str) -> None:
    """Money has come in and nothing is handed over: say why, where the people of finance look. No place is held on."""
    payment.problem = problem[:40]
    payment.failure = message[:300]
    if payment.problem not in GRANTABLE:
        payment_release_in_tx(payment)
    payment.save()
    audit.record(
        actor=None,
        action="payment.problem",
        subject_type="payment",
        subject_id=payment.pk,
        after={"problem": payment.problem, "captured_minor": payment.captured_minor},
        reason=message,
    )
    logger.error("payment %s: %s", payment.pk, payment.problem)
