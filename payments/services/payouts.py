"""Payouts: asked for, looked at by one person, approved by another; payments.services.payout_sending sends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.domain.roles import ADMIN, FINANCE
from accounts.models import User
from accounts.selectors.identity import identity_of, identity_require
from accounts.selectors.standing import standing_require
from core.errors import Conflict, Denied, Forbidden, Invalid
from core.money import Money
from core.services import audit, idempotency
from payments import locks
from payments.domain import states
from payments.models import Payee, Payout, PayoutBatch, PayoutStep
from payments.selectors.payouts import PayoutView, payee_row, payout_get
from payments.services.blocklist import blocked_matches
from payments.services.payables import payable_lock_in_tx
from payments.services.payout_states import payout_step_in_tx, payout_tell_in_tx, release_in_tx, reserve_in_tx

MOST_OPEN = 3
PAYEE_HOLD = timedelta(hours=48)  # after a change of where somebody is paid
MOST_IN_BATCH = 500


def payout_request(*, actor: User, amount_minor: int | None, currency: str, idempotency_key: str) -> PayoutView:
    """Ask for what is owed: an amount in minor units, or all of it.

    Raises Forbidden (onboarding, `identity_needed`), Conflict `payee_needed`, `payee_not_ready`, `too_many_payouts`;
    Denied `payout_too_small`, `payout_too_large`, `payout_limit`.
    """
    standing_require(actor)
    identity_require(actor.pk)
    payee = payee_require(actor.pk, currency)
    body = {"amount_minor": amount_minor, "currency": payee.currency}
    with transaction.atomic(durable=True):
        _, answer = idempotency.run(
            scope=f"payout:{actor.pk}",
            key=idempotency_key,
            body=body,
            effect=lambda: (201, {"public_id": str(_request_in_tx(actor, payee, amount_minor).public_id)}),
        )
    return payout_get(answer["public_id"], actor.pk)


def payee_require(user_id: int, currency: str) -> Payee:
    """Where a person is paid in a currency. Raises Conflict `payee_needed`, `payee_not_ready`, `payee_currency`."""
    payee = payee_row(user_id)
    if payee is None:
        raise Conflict("payee_needed", "Say first where you are to be paid.", {"url": "/payouts/payee"})
    if not payee.is_ready or not payee.ref:
        raise Conflict(
            "payee_not_ready",
            "Where you are paid is not complete yet. Finish it first.",
            {"missing": payee.missing, "url": "/payouts/payee"},
        )
    if payee.currency != currency.upper():
        raise Conflict("payee_currency", f"Your bank account takes {payee.currency}.", {"currency": payee.currency})
    return payee


def payout_flags(user: User, payee: Payee) -> list[str]:
    """What people should look at before this person is paid there; it rejects nobody by itself."""
    who = identity_of(user.pk)
    flags = [f"block list: {match.name} ({match.source})" for match in
             blocked_matches(name=who.legal_name, country=who.country)]  # fmt: skip
    if not Payout.objects.filter(user=user, status=states.PAID).exists():
        flags.append("first payout")
    if who.country != payee.country:
        flags.append(f"identity of {who.country or 'nowhere'}, bank in {payee.country}")
    return flags


def held_until(payee: Payee) -> datetime:
    """Until when a payout that is made now is held."""
    return max(timezone.now() + timedelta(hours=settings.PAYOUT_HOLD_HOURS), payee.changed_at + PAYEE_HOLD)


def _request_in_tx(actor: User, payee: Payee, amount_minor: int | None) -> Payout:
    available = payable_lock_in_tx(actor.pk, payee.currency)
    amount = available if amount_minor is None else amount_minor
    _amount_check(actor, amount, available, payee.currency)
    flags = payout_flags(actor, payee)
    payout = Payout.objects.create(
        user=actor,
        payee=payee,
        payee_version=payee.version,
        amount_minor=amount,
        currency=payee.currency,
        provider=payee.provider,
        flags=flags,
        not_before=held_until(payee),
    )
    reserve_in_tx(payout)
    PayoutStep.objects.create(payout=payout, status=payout.status, actor=actor)
    audit.record(
        actor=actor,
        action="payout.requested",
        subject_type="payout",
        subject_id=payout.pk,
        after={"amount_minor": amount, "currency": payout.currency, "flags": flags},
    )
    payout_tell_in_tx(payout, "Two people look at it before it is sent.")
    return payout


def _amount_check(actor: User, amount: int, available: int, currency: str) -> None:
    if amount > available:
        raise Denied(
            "payout_too_large",
            f"You have {Money(available, currency)} to ask for.",
            {"available_minor": available, "currency": currency},
        )
    if amount < settings.PAYOUT_MINIMUM:
        least = Money(settings.PAYOUT_MINIMUM, currency)
        raise Denied("payout_too_small", f"Ask for {least} or more.", {"minimum_minor": settings.PAYOUT_MINIMUM})
    rows = Payout.objects.filter(user=actor)
    if rows.filter(status__in=states.UNSETTLED_PAYOUTS).count() >= MOST_OPEN:
        raise Conflict("too_many_payouts", f"You have {MOST_OPEN} payouts on their way. Wait for one of them.")
    recent = rows.filter(created_at__gt=timezone.now() - timedelta(days=1), currency=currency)
    recent = recent.exclude(status__in=[states.REJECTED, states.CANCELLED, states.FAILED, states.RETURNED])
    today = recent.aggregate(total=Sum("amount_minor"))["total"] or 0
    if today + amount > settings.PAYOUT_DAILY_MAXIMUM:
        most = Money(settings.PAYOUT_DAILY_MAXIMUM, currency)
        raise Denied("payout_limit", f"At most {most} a day are paid out. Ask for less, or tomorrow.")


def payout_cancel(*, actor: User, public_id: UUID | str) -> PayoutView:
    """The person takes it back, until it is approved. Raises NotFound, Conflict."""
    view = payout_get(public_id, actor.pk)
    with transaction.atomic(durable=True):
        payout = _step_lock(view.id, (states.REQUESTED, states.REVIEWED))
        release_in_tx(payout)
        payout_step_in_tx(payout, states.CANCELLED, actor=actor, note="Taken back.")
    return payout_get(public_id, actor.pk)


def payout_review(*, actor: User, payout_id: int, note: str = "") -> None:
    """A first person has looked at it. Raises Forbidden, Conflict."""
    finance_require(actor)
    with transaction.atomic(durable=True):
        payout = _step_lock(payout_id, (states.REQUESTED,))
        _other_person(payout, actor)
        payout.reviewed_by = actor
        payout_step_in_tx(payout, states.REVIEWED, actor=actor, note=note)


def payout_approve(*, actor: User, payout_id: int, note: str = "") -> None:
    """A second person approves it; with flags they say why. Raises Forbidden, Conflict, Invalid."""
    finance_require(actor)
    with transaction.atomic(durable=True):
        payout = _step_lock(payout_id, (states.REVIEWED,))
        _other_person(payout, actor)
        if payout.reviewed_by_id == actor.pk:
            raise Forbidden("second_person_needed", "Somebody else must approve what you have looked at.")
        if payout.flags and not note.strip():
            raise Invalid("reason_required", "This payout is flagged: say why it may be sent all the same.")
        payout.approved_by = actor
        payout.next_at = timezone.now()
        payout_step_in_tx(payout, states.APPROVED, actor=actor, note=note)


def payout_reject(*, actor: User | None, payout_id: int, reason: str) -> None:
    """It is not sent; the person is told why, and may ask again. Raises Forbidden, Conflict, Invalid."""
    if actor is not None:
        finance_require(actor)
    if not reason.strip():
        raise Invalid("reason_required", "Say why: the person is told.")
    with transaction.atomic(durable=True):
        payout = _step_lock(payout_id, (states.REQUESTED, states.REVIEWED, states.APPROVED))
        if actor is not None:
            _other_person(payout, actor)
        reject_in_tx(payout, actor=actor, reason=reason)


def reject_in_tx(payout: Payout, *, actor: User | None, reason: str) -> None:
    """Give the money back to what is owed, and say why."""
    payout.reason = reason[:300]
    release_in_tx(payout)
    payout_step_in_tx(payout, states.REJECTED, actor=actor, note=reason)


def batch_make(*, actor: User, name: str, payout_ids: Sequence[int]) -> PayoutBatch:
    """Put approved payouts together; they are sent when the batch is released. Raises Conflict, Invalid."""
    finance_require(actor)
    if not payout_ids or len(payout_ids) > MOST_IN_BATCH or not name.strip():
        raise Invalid("batch_invalid", f"Give the batch a name, and 1 to {MOST_IN_BATCH} payouts.")
    with transaction.atomic(durable=True):
        batch = PayoutBatch.objects.create(name=name.strip()[:60], created_by=actor)
        for payout_id in sorted(payout_ids):
            payout = _step_lock(payout_id, (states.APPROVED,))
            if payout.batch_id is not None:
                raise Conflict("payout_in_batch", f"Payout {payout_id} is in a batch already.")
            payout.batch = batch
            payout.save(update_fields=["batch"])
        _batch_audit(actor, "payout_batch.make", batch, {"payouts": sorted(payout_ids)})
    return batch


def batch_release(*, actor: User, batch_id: int) -> None:
    """Let the payouts of a batch go. Raises Forbidden, Conflict."""
    finance_require(actor)
    with transaction.atomic(durable=True):
        batch = PayoutBatch.objects.select_for_update(no_key=True).get(pk=batch_id)
        if batch.released_at is not None:
            raise Conflict("batch_released", "This batch has been released.")
        batch.released_at = timezone.now()
        batch.save(update_fields=["released_at"])
        _batch_audit(actor, "payout_batch.release", batch, {})


def _batch_audit(actor: User, action: str, batch: PayoutBatch, after: dict[str, Any]) -> None:
    audit.record(actor=actor, action=action, subject_type="payout_batch", subject_id=batch.pk, after=after)


def _step_lock(payout_id: int, allowed: Sequence[str]) -> Payout:
    payout = locks.payout_lock(payout_id)
    if payout.status not in allowed:
        raise Conflict(
            "payout_status", f"This payout is {payout.get_status_display().lower()}.", {"status": payout.status}
        )
    return payout


def is_finance(actor: User) -> bool:
    """Whether the actor decides about money that goes out."""
    return actor.is_superuser or actor.role in (FINANCE, ADMIN)


def finance_require(actor: User) -> None:
    """Raise Forbidden unless the actor is of finance."""
    if not is_finance(actor):
        raise Forbidden("forbidden", "Only the people of finance may do this.")


def _other_person(payout: Payout, actor: User) -> None:
    if payout.user_id == actor.pk:
        raise Forbidden("own_payout", "Nobody decides about their own payout.")
