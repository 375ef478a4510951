"""Steps of a payout: its journals, its timeline, what the person is told. With the payout's row locked."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.notices import notify_in_tx
from core.money import Money
from core.services import audit, outbox
from payments import locks
from payments.domain import chart, states
from payments.domain.ports import PayoutState
from payments.models import Payout, PayoutStep
from payments.services import books

logger = logging.getLogger(__name__)

_WORDS = {
    "requested": "asked for", "rejected": "not approved", "sent": "on its way", "paid": "paid", "failed": "failed",
    "returned": "returned by the bank",
}  # fmt: skip


def payout_step_in_tx(payout: Payout, status: str, *, actor: User | None = None, note: str = "") -> None:
    """Take a step and say so. Raises ValueError for a step that there is not."""
    if not states.may_become(states.PAYOUT, payout.status, status):
        raise ValueError(f"a payout does not go from {payout.status} to {status}")
    before, payout.status = payout.status, status
    if status in ("paid", "failed", "returned", "rejected", "cancelled"):
        payout.settled_at = timezone.now()
    payout.save()
    PayoutStep.objects.create(payout=payout, status=status, actor=actor, note=note[:300])
    audit.record(
        actor=actor,
        action=f"payout.{status}",
        subject_type="payout",
        subject_id=payout.pk,
        before={"status": before},
        after={"status": status, "amount_minor": payout.amount_minor},
        reason=note,
    )
    if status in _WORDS:
        payout_tell_in_tx(payout, note)
    outbox.emit(
        topic="payments.payout",
        aggregate=f"payout:{payout.pk}",
        payload={"payout_id": payout.pk, "user_id": payout.user_id, "status": status},
    )


def payout_tell_in_tx(payout: Payout, message: str) -> None:
    """Tell the person how their payout stands."""
    notify_in_tx(
        user_id=payout.user_id,
        kind="payout",
        dedupe=f"payout:{payout.pk}:{payout.status}",
        params={
            "amount": str(Money(payout.amount_minor, payout.currency)),
            "status": _WORDS[payout.status],
            "message": message,
        },
        url=f"/payouts/{payout.public_id}",
    )


def reserve_in_tx(payout: Payout) -> None:
    """What is asked for cannot be asked for twice."""
    _post_in_tx(payout, "reserved", chart.payable(payout.user_id), chart.reserved(payout.user_id))


def release_in_tx(payout: Payout) -> None:
    """It is not sent: the person may ask for it again."""
    _post_in_tx(payout, "released", chart.reserved(payout.user_id), chart.payable(payout.user_id))


def _post_in_tx(payout: Payout, what: str, debit: str, credit: str) -> None:
    books.post_in_tx(
        kind="payout",
        reference=f"payout:{payout.pk}:{what}",
        currency=payout.currency,
        legs=[(debit, payout.amount_minor), (credit, -payout.amount_minor)],
        memo=f"Payout {payout.public_id}",
    )


def payout_apply(provider: str, state: PayoutState) -> bool:
    """What the provider says of a payout; whether it is one of ours."""
    with transaction.atomic(durable=True):
        rows = Payout.objects.filter(provider=provider)
        known = rows.filter(ref=state.ref).values_list("pk", flat=True).first()
        if known is None and state.our_ref:
            known = rows.filter(public_id=state.our_ref).values_list("pk", flat=True).first()
        if known is None:
            return False
        payout = locks.payout_lock(known)
        if (payout.amount_minor, payout.currency) != (state.amount_minor, state.currency):
            logger.error("payout %s: the provider says %s %s", payout.pk, state.amount_minor, state.currency)
            return True
        _take_in_tx(payout, state)
        return True


def _take_in_tx(payout: Payout, state: PayoutState) -> None:
    payout.ref = payout.ref or state.ref
    if payout.status == states.SENDING:
        _post_in_tx(payout, "sent", chart.reserved(payout.user_id), chart.clearing(payout.provider))
        payout.sent_at = timezone.now()
        payout_step_in_tx(payout, states.SENT, note="The provider has it.")
    if state.status == "paid" and payout.status == states.SENT:
        payout_step_in_tx(payout, states.PAID)
    elif state.status == "failed" and payout.status in (states.SENT, states.PAID):
        payout.failure_code, payout.failure = state.failure_code[:60], state.failure[:300]
        _post_in_tx(payout, "returned", chart.clearing(payout.provider), chart.payable(payout.user_id))
        then = states.FAILED if payout.status == states.SENT else states.RETURNED
        payout_step_in_tx(payout, then, note=f"{payout.failure} You may ask for it again.")
    elif payout.status in (states.REJECTED, states.CANCELLED, states.FAILED) and state.status != "failed":
        # Ended here and alive there: the books do not know of it, so reconciliation will name it as well.
        logger.error("payout %s is %s here and %s at the provider", payout.pk, payout.status, state.status)
    payout.save()
