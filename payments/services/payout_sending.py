"""Sending payouts: once each, whatever crashes.

First the row says `sending`, then the provider is asked with the payout's id as key, then what it answers is booked.
Who dies in between leaves `sending`: after two minutes another process looks the payout up at the provider, and sends
it only when it is not there.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from core.errors import DomainError
from payments import locks
from payments.adapters import registry
from payments.domain import states
from payments.domain.ports import PayoutRequest, PayoutState, ProviderError
from payments.models import Payout
from payments.services.payout_states import payout_apply, payout_step_in_tx, release_in_tx
from payments.services.payouts import reject_in_tx

logger = logging.getLogger(__name__)

BATCH = 50
LEASE = timedelta(minutes=2)
WAITS = (30, 120, 600, 3_600)  # seconds between attempts; the last one goes on
ALERT_AFTER = 6
PAYEE_CHANGED = "Where you are paid has changed since you asked. Ask again, so that it goes to the new place."


def payout_send(payout_id: int) -> bool:
    """Send one payout that is due; False when there is nothing to do, or another process does it."""
    payout = _begin(payout_id)
    if payout is None:
        return False
    try:
        state = _ask(payout)
    except ProviderError as error:
        if error.is_retryable or error.is_unknown:
            _later(payout, error.message)
        else:
            _failed(payout_id, error)
        return True
    except DomainError as error:
        _later(payout, error.message)
        return True
    payout_apply(payout.provider, state)
    return True


def payouts_send_due(limit: int = BATCH) -> int:
    """Send what is due: approved and not held, and what another process left behind; how many were tried."""
    now = timezone.now()
    rows = Payout.objects.filter(next_at__lte=now).filter(
        Q(status=states.APPROVED, not_before__lte=now) | Q(status=states.SENDING)
    )
    rows = rows.filter(Q(batch__isnull=True) | Q(batch__released_at__isnull=False)).order_by("next_at", "pk")
    return sum(payout_send(payout_id) for payout_id in list(rows.values_list("pk", flat=True)[:limit]))


def payouts_ask_again(limit: int = BATCH) -> int:
    """Ask about payouts on their way, for the case that a webhook was lost; how many."""
    from payments.domain.ports import ObjectKind
    from payments.services.sync import object_ask

    border = timezone.now() - timedelta(minutes=10)
    rows = Payout.objects.filter(status=states.SENT, sent_at__lt=border, next_at__lte=timezone.now()).exclude(ref="")
    found = list(rows.order_by("next_at")[:limit])
    for payout in found:
        object_ask(payout.provider, ObjectKind.PAYOUT, payout.ref)
        Payout.objects.filter(pk=payout.pk).update(next_at=timezone.now() + timedelta(minutes=10))
    return len(found)


def _begin(payout_id: int) -> Payout | None:
    now = timezone.now()
    with transaction.atomic(durable=True):
        payee_id = Payout.objects.filter(pk=payout_id).values_list("payee_id", flat=True).first()
        if payee_id is None:
            return None
        payee = locks.payee_lock(payee_id)
        payout = locks.payout_lock(payout_id)
        if payout.status not in (states.APPROVED, states.SENDING) or payout.next_at > now:
            return None
        if payout.status == states.APPROVED:
            if payout.not_before > now:
                return None
            if not payee.is_active or not payee.is_ready or payee.version != payout.payee_version:
                reject_in_tx(payout, actor=None, reason=PAYEE_CHANGED)
                return None
            if User.objects.get(pk=payout.user_id).status != User.Status.ACTIVE:
                payout.next_at = now + timedelta(hours=1)
                payout.save(update_fields=["next_at"])
                return None
            payout_step_in_tx(payout, states.SENDING)
        payout.attempts += 1
        payout.next_at = now + LEASE
        payout.save(update_fields=["attempts", "next_at"])
        return payout


def _ask(payout: Payout) -> PayoutState:
    provider = registry.provider(payout.provider)
    if payout.attempts > 1:
        found = provider.payout_find(str(payout.public_id))
        if found is not None:
            return found
    request = PayoutRequest(
        our_ref=str(payout.public_id),
        payee_ref=payout.payee.ref,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        description=f"Payout {str(payout.public_id)[:8]}",
    )
    return provider.payout_create(request, key=f"payout-{payout.public_id}")


def _later(payout: Payout, message: str) -> None:
    wait = timedelta(seconds=WAITS[min(payout.attempts, len(WAITS)) - 1])
    Payout.objects.filter(pk=payout.pk, status=states.SENDING).update(
        next_at=timezone.now() + wait, failure=message[:300]
    )
    level = logging.ERROR if payout.attempts >= ALERT_AFTER else logging.WARNING
    logger.log(level, "payout %s is not sent yet (attempt %s): %s", payout.pk, payout.attempts, message)


def _failed(payout_id: int, error: ProviderError) -> None:
    """The provider refuses for good: what is owed is owed again."""
    with transaction.atomic(durable=True):
        payout = locks.payout_lock(payout_id)
        if payout.status != states.SENDING:
            return
        payout.failure_code, payout.failure = error.code[:60], error.message[:300]
        release_in_tx(payout)
        payout_step_in_tx(payout, states.FAILED, note=f"{error.message} You may ask for it again.")
