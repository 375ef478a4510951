"""Pages that nobody pays on: the provider is asked first, because somebody may have paid in the last second."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.errors import DomainError
from payments import locks
from payments.adapters import registry
from payments.domain import states
from payments.domain.ports import ObjectKind, ProviderError
from payments.models import Dispute, Payment, PaymentStep, Refund
from payments.services.granting import payment_release_in_tx
from payments.services.sync import object_ask, object_sync

logger = logging.getLogger(__name__)

BATCH = 50
ASK_AGAIN, ASK_SLOWLY = timedelta(minutes=3), timedelta(minutes=30)
_OPEN = (*states.OPEN_PAYMENTS, states.FAILED)


def payment_close(payment_id: int, *, note: str) -> bool:
    """Close the page of an unpaid payment and give up what it holds; False when it is being paid, or has been.

    Raises Unavailable when the provider cannot be asked.
    """
    payment = Payment.objects.get(pk=payment_id)
    if payment.status not in _OPEN or payment.captured_minor:
        return False
    if payment.checkout_ref and not _page_closed(payment):
        return False
    with transaction.atomic(durable=True):
        row = locks.payment_lock(payment_id)
        if row.status not in _OPEN or row.captured_minor:
            return row.status == states.EXPIRED
        row.status = Payment.Status.EXPIRED
        PaymentStep.objects.create(payment=row, status=row.status, note=note)
        payment_release_in_tx(row)
        row.save()
    return True


def _page_closed(payment: Payment) -> bool:
    """Close the page at the provider; False when somebody has paid or is paying on it, which is applied then."""
    provider = registry.provider(payment.provider)
    try:
        provider.checkout_expire(payment.checkout_ref)
        state = provider.checkout(payment.checkout_ref)
    except ProviderError as error:
        raise DomainError("payment_provider_unavailable", "Try again in a moment.", status=503) from error
    if state.status == "complete":
        object_sync(payment.provider, ObjectKind.CHECKOUT, payment.checkout_ref)
        return False
    return True


def payments_expire_due() -> int:
    """Close what is past its time; how many."""
    due = Payment.objects.filter(status__in=_OPEN, expires_at__lt=timezone.now(), captured_minor=0).order_by(
        "expires_at"
    )
    closed = 0
    for payment_id in list(due.values_list("pk", flat=True)[:BATCH]):
        try:
            closed += payment_close(payment_id, note="Nobody paid in time.")
        except DomainError as error:
            logger.warning("payment %s is not closed yet: %s", payment_id, error.message)
    return closed


def refunds_ask_again() -> int:
    """Ask about refunds on their way, for the case that a webhook was lost; how many."""
    rows = Refund.objects.select_related("payment").filter(status=Refund.Status.PENDING, next_at__lte=timezone.now())
    found = list(rows.exclude(ref="").order_by("next_at")[:BATCH])
    for refund in found:
        object_ask(refund.payment.provider, ObjectKind.REFUND, refund.ref)
        Refund.objects.filter(pk=refund.pk).update(next_at=timezone.now() + ASK_SLOWLY)
    return len(found)


def disputes_ask_again() -> int:
    """Ask about disputes that are not decided; how many."""
    open_ones = (Dispute.Status.OPEN, Dispute.Status.UNDER_REVIEW)
    rows = Dispute.objects.select_related("payment").filter(status__in=open_ones)
    rows = rows.exclude(checked_at__gt=timezone.now() - ASK_SLOWLY)
    found = list(rows.order_by(F("checked_at").asc(nulls_first=True), "pk")[:BATCH])
    for dispute in found:
        object_ask(dispute.payment.provider, ObjectKind.DISPUTE, dispute.ref)
        Dispute.objects.filter(pk=dispute.pk).update(checked_at=timezone.now())
    return len(found)


def payments_ask_again() -> int:
    """Ask the provider about open payments, for the case that it told us and we did not hear; how many."""
    border = timezone.now() - ASK_AGAIN
    rows = Payment.objects.filter(status__in=_OPEN, created_at__lt=border).exclude(checkout_ref="")
    rows = rows.exclude(checked_at__gt=border).order_by("checked_at", "pk")[:BATCH]
    for payment in list(rows):
        object_ask(payment.provider, ObjectKind.CHECKOUT, payment.checkout_ref)
        Payment.objects.filter(pk=payment.pk).update(checked_at=timezone.now())
    return len(rows)
