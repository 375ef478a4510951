"""Revenue of plans, earned by the day: straight line over the time that a payment pays for, exact to the cent."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from payments import locks
from payments.domain import chart
from payments.domain.amounts import earned
from payments.models import Payment
from payments.services import books

BATCH = 500


def revenue_recognise(now: datetime | None = None) -> int:
    """Move what has been earned from deferred income to revenue; once a day a payment. How many moved."""
    at = now or timezone.now()
    rows = Payment.objects.filter(deferred_minor__gt=0, plan_grant__starts_at__lt=at).order_by("pk")
    last, moved = 0, 0
    while ids := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:BATCH]):
        for payment_id in ids:
            moved += _recognise(payment_id, at)
        last = ids[-1]
    return moved


def _recognise(payment_id: int, at: datetime) -> bool:
    reference = f"recognition:{payment_id}:{at.date().isoformat()}"
    with transaction.atomic(durable=True):
        payment = locks.payment_lock(payment_id)
        grant = payment.plan_grant
        whole = payment.deferred_minor + payment.recognised_minor
        delta = earned(whole, grant.starts_at, grant.ends_at, at) - payment.recognised_minor
        if delta <= 0 or books.is_posted(reference):
            return False
        books.post_in_tx(
            kind="recognition",
            reference=reference,
            currency=payment.currency,
            legs=[(chart.DEFERRED_PLANS, delta), (chart.REVENUE_PLANS, -delta)],
            memo=payment.title,
        )
        payment.deferred_minor -= delta
        payment.recognised_minor += delta
        payment.save(update_fields=["deferred_minor", "recognised_minor"])
    return True
