"""Payouts that another desk has decided: owed, reserved and approved in one step, then sent as any other."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from accounts.models import User
from accounts.selectors.identity import identity_of
from core.errors import Conflict, Forbidden, Invalid
from core.money import Money
from core.services import audit, outbox
from payments import locks
from payments.domain import states
from payments.models import Payee, Payout, PayoutStep
from payments.services.payables import payable_credit_in_tx
from payments.services.payout_states import reserve_in_tx
from payments.services.payouts import finance_require, held_until, payee_require, payout_flags


def payout_order_in_tx(
    *,
    user_id: int,
    amount: Money,
    source_account: str,
    reference: str,
    reviewed_by: User,
    approved_by: User,
    note: str = "",
    flags: Sequence[str] = (),
    memo: str = "",
) -> Payout:
    """Owe a person an amount from `source_account` and order its payout, looked at and approved by two people.

    It is held and sent as one that the person asked for; what fails or is returned is owed, to be asked for again.
    `memo` is read by the person, `note` is for the audit alone. Once for a reference: the second time raises Conflict
    `journal_exists`. Raises Conflict `payee_needed`,
    `payee_not_ready`, `payee_currency`, `identity_needed`; Forbidden `forbidden`, `own_payout`, `second_person_needed`;
    Invalid `reason_required` when there is something to look at and no note.
    """
    _people_require(user_id, reviewed_by, approved_by)
    user = User.objects.get(pk=user_id)
    payee = _payee_lock(user_id, amount.currency)
    found = list(dict.fromkeys([*flags, *payout_flags(user, payee)]))
    if found and not note.strip():
        raise Invalid(
            "reason_required", "This payout is flagged: say why it may be sent all the same.", {"flags": found}
        )
    payable_credit_in_tx(user_id=user_id, amount=amount, source_account=source_account, reference=reference, memo=memo)
    payout = Payout.objects.create(
        user=user,
        payee=payee,
        payee_version=payee.version,
        amount_minor=amount.minor,
        currency=amount.currency,
        provider=payee.provider,
        status=states.APPROVED,
        flags=found,
        reviewed_by=reviewed_by,
        approved_by=approved_by,
        not_before=held_until(payee),
        next_at=timezone.now(),
    )
    reserve_in_tx(payout)
    _told_in_tx(payout, note, reference)
    return payout


def _people_require(user_id: int, reviewed_by: User, approved_by: User) -> None:
    for person in (reviewed_by, approved_by):
        finance_require(person)
        if person.pk == user_id:
            raise Forbidden("own_payout", "Nobody decides about their own payout.")
    if reviewed_by.pk == approved_by.pk:
        raise Forbidden("second_person_needed", "Somebody else must approve what you have looked at.")


def _payee_lock(user_id: int, currency: str) -> Payee:
    if not identity_of(user_id).is_approved:
        raise Conflict("identity_needed", "This person's identity check does not hold any more.")
    locks.payee_lock(payee_require(user_id, currency).pk)
    # Under the lock: it may have been changed or replaced meanwhile.
    return payee_require(user_id, currency)


def _told_in_tx(payout: Payout, note: str, reference: str) -> None:
    steps = (
        (states.REQUESTED, payout.user),
        (states.REVIEWED, payout.reviewed_by),
        (states.APPROVED, payout.approved_by),
    )
    for status, person in steps:
        PayoutStep.objects.create(payout=payout, status=status, actor=person)
    audit.record(
        actor=payout.approved_by,
        action="payout.ordered",
        subject_type="payout",
        subject_id=payout.pk,
        after={"amount_minor": payout.amount_minor, "currency": payout.currency, "flags": payout.flags,
               "reference": reference, "reviewed_by": payout.reviewed_by_id},
        reason=note,
    )  # fmt: skip
    outbox.emit(
        topic="payments.payout",
        aggregate=f"payout:{payout.pk}",
        payload={"payout_id": payout.pk, "user_id": payout.user_id, "status": payout.status},
    )
