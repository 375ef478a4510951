"""Fees that go back: with a payout, and to who has not traded in the days that the plan gives."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone

from accounts.models import User
from core.errors import Conflict, DomainError, Invalid, NotFound
from core.money import Money
from core.services import audit
from payments.domain.states import UNDECIDED
from payments.locks import payment_lock
from payments.models import Dispute, Payment, Refund
from payments.services.payouts import finance_require
from payments.services.refunding import refund_request, refund_request_in_tx, refund_send, refundable_minor
from propfirm.domain import states
from propfirm.locks import account_lock, account_of_payment_lock, phase_lock
from propfirm.models import PropAccount, PropActivity, PropPhase
from propfirm.selectors.plans import definition_of
from propfirm.services.moves import account_tell_in_tx, activity_in_tx, tell
from propfirm.services.operators import other_person_require
from propfirm.services.purchases import fee_gone_in_tx
from trading.domain.types import Actor
from trading.models import Fill
from trading.services.locking import account_lock_in_tx

logger = logging.getLogger(__name__)

BATCH = 50
_Fee = PropAccount.FeeRefund
_OWN = "The fee of "
TAKEN_BACK = "The purchase is taken back."
# Refused for good: it went back in another way, or nothing was paid.
_FINAL = ("refund_too_large", "payment_not_paid", "amount_invalid")
UNDER_WAY = (Refund.Status.REQUESTED, Refund.Status.PENDING, Refund.Status.SUCCEEDED)


def fee_left_minor(payment: Payment) -> int:
    """What of a fee has not gone back, nor is going, minor units; what a dispute holds just now is left as yet."""
    held = payment.disputes.aggregate(total=Sum("held_minor"))["total"] or 0
    return max(refundable_minor(payment) + held, 0)


def fee_promise_in_tx(account: PropAccount, minor: int) -> int:
    """Owe the fee of a locked account back with its payout, once; what is owed in minor units. A task sends it.

    What a dispute holds just now is promised too: it is sent when the dispute is won.
    """
    amount = min(minor, fee_left_minor(account.payment))
    if amount <= 0 or account.fee_refund != _Fee.NONE:
        return 0
    account.fee_refund, account.fee_refund_minor = _Fee.DUE, amount
    account.save(update_fields=["fee_refund", "fee_refund_minor"])
    money = Money(amount, account.payment.currency)
    activity_in_tx(account, "fee_due", f"{money} of the fee come back the way they were paid.", data={"minor": amount})
    return amount


def fee_refunds_due() -> int:
    """Send the fees that come back with payouts, and take in how they went; how many were looked at.

    One that cannot be sent just now stops no other, and is tried again. What banks say later is taken in as well, also
    of purchases that were taken back.
    """
    found = list(_to_look_at().values_list("pk", flat=True)[:BATCH])
    for account_id in found:
        try:
            _send(account_id)
        except DomainError as error:
            logger.warning("the fee of account %s is not given back yet: %s", account_id, error.message)
    for refund in list(_refusals()[:BATCH]):
        _refusal_tell(refund)
    _close_lost()
    return len(found)


def _to_look_at() -> QuerySet[PropAccount]:
    """Promised fees that can be sent, or of which the last refund says what the account does not say yet.

    What a bank has, or a dispute holds, is passed over, so that it keeps nothing else waiting.
    """
    asked = Refund.objects.filter(payment=OuterRef("payment"), reason__startswith=_OWN).order_by("-pk")
    held = Dispute.objects.filter(payment=OuterRef("payment"), status__in=UNDECIDED)
    rows = PropAccount.objects.exclude(fee_refund=_Fee.NONE).annotate(last=Subquery(asked.values("status")[:1]))
    pending = Refund.objects.filter(payment=OuterRef("payment"), status=Refund.Status.PENDING)
    unsent = Q(~Exists(held), fee_refund=_Fee.DUE, last=None)
    whole = Q(payment__captured_minor__gt=0, payment__refunded_minor=F("payment__captured_minor"))
    by_hand = Q(whole, ~Exists(pending), fee_refund__in=(_Fee.DUE, _Fee.FAILED))
    arrived = Q(fee_refund__in=(_Fee.DUE, _Fee.FAILED), last=Refund.Status.SUCCEEDED)
    sent_back = Q(~whole, fee_refund__in=(_Fee.DUE, _Fee.DONE), last=Refund.Status.FAILED)
    return rows.filter(unsent | by_hand | arrived | sent_back).order_by("pk")


def _close_lost() -> None:
    """Close what goes on though its fee is lost in a dispute.

    Payments takes back once. A whole fee that a payout promised may be sent, come back from the bank and be lost then.
    """
    rows = PropAccount.objects.exclude(fee_refund=_Fee.NONE).filter(
        status__in=states.LIVE, payment__revoked_at__isnull=False, payment__lost_minor__gt=0
    )
    for account_id in list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic(durable=True):
            fee_gone_in_tx(account_lock(account_id), "Its money has gone back.")


def _reason(account: PropAccount) -> str:
    return f"{_OWN}{account.number} comes back with a payout."


def _send(account_id: int) -> None:
    account = PropAccount.objects.select_related("payment").get(pk=account_id)
    if _is_all_back(account.payment):
        _settle(account_id, _Fee.DONE)
        return
    # By its row, not by the key alone: keys are forgotten after a week, and a bank may take longer.
    asked = Refund.objects.filter(payment_id=account.payment_id, reason=_reason(account)).order_by("-pk").first()
    if asked is None:
        try:
            asked = refund_request(
                actor=None,
                payment_id=account.payment_id,
                amount_minor=account.fee_refund_minor,
                reason=_reason(account),
                idempotency_key=f"prop-fee-{account.pk}",
            )
        except DomainError as error:
            if error.code not in _FINAL or _is_undecided(account.payment_id):
                raise
            _settle(account_id, _Fee.FAILED, error.message)
            return
    if asked.status == Refund.Status.SUCCEEDED:
        _settle(account_id, _Fee.DONE)
    elif asked.status == Refund.Status.FAILED:
        _settle(account_id, _Fee.FAILED, asked.failure or "The bank did not take it.")


def _is_all_back(payment: Payment) -> bool:
    """Whether the whole fee has gone back, by whichever way: what was promised of it is among that."""
    pending = payment.refunds.filter(status=Refund.Status.PENDING)
    return 0 < payment.captured_minor <= payment.refunded_minor and not pending.exists()


def _is_undecided(payment_id: int) -> bool:
    """Whether money of the payment is held in a dispute or on its way back otherwise: it may be left after that."""
    disputes = Dispute.objects.filter(payment_id=payment_id, status__in=UNDECIDED)
    return disputes.exists() or Refund.objects.filter(payment_id=payment_id, status=Refund.Status.REQUESTED).exists()


def fee_refund_again(*, actor: User, account_id: int, reason: str) -> PropAccount:
    """Try a fee once more that could not be given back. Finance only.

    Raises Forbidden (also `own_account`); Invalid `reason_required`; NotFound; Conflict `fee_not_failed`,
    `refund_too_large`, `payment_not_paid`.
    """
    finance_require(actor)
    if not reason.strip():
        raise Invalid("reason_required", "Say why it is tried again.", {"field": "reason"})
    payment_id = PropAccount.objects.filter(pk=account_id).values_list("payment_id", flat=True).first()
    if payment_id is None:
        raise NotFound("prop_account_not_found", "There is no such account.")
    with transaction.atomic(durable=True):
        payment = payment_lock(payment_id)
        account = account_lock(account_id)
        other_person_require(account, actor)
        if account.fee_refund != _Fee.FAILED:
            raise Conflict("fee_not_failed", "No fee of this account waits to be tried again.")
        refund = refund_request_in_tx(actor, payment, account.fee_refund_minor, _reason(account))
        account.fee_refund = _Fee.DUE
        account.save(update_fields=["fee_refund"])
        audit.record(
            actor=actor, action="prop_account.fee_again", subject_type="prop_account", subject_id=account.pk,
            after={"refund_id": refund.pk, "minor": account.fee_refund_minor}, reason=reason,
        )  # fmt: skip
    refund_send(refund.pk)
    _send(account_id)
    return PropAccount.objects.get(pk=account_id)


def _settle(account_id: int, outcome: str, why: str = "") -> None:
    with transaction.atomic(durable=True):
        account = account_lock(account_id)
        if account.fee_refund in (outcome, _Fee.NONE):
            return
        account.fee_refund = outcome
        account.save(update_fields=["fee_refund"])
        money = Money(account.fee_refund_minor, account.payment.currency)
        done = outcome == _Fee.DONE
        words = f"{money} of the fee were given back." if done else f"The fee could not be given back: {why}"
        activity_in_tx(account, "fee_returned" if done else "fee_failed", words)
        audit.record(
            actor=None, action=f"prop_account.fee_{outcome}", subject_type="prop_account", subject_id=account.pk,
            after={"minor": account.fee_refund_minor}, reason=why,
        )  # fmt: skip
        tell(account, "fee_refund", outcome=outcome)
        tries = Refund.objects.filter(payment_id=account.payment_id, reason=_reason(account)).count()
        what = "fee given back" if done else "fee not given back"
        account_tell_in_tx(account, f"fee:{outcome}:{tries}", what, words, kind="prop_payout")


def is_withdrawable(account: PropAccount) -> bool:
    """Whether an account could be taken back now, for its page; `withdraw_purchase` decides again under locks."""
    if account.fee_refund != _Fee.NONE or _has_traded(account) or refundable_minor(account.payment) <= 0:
        return False
    asked = Refund.objects.filter(payment_id=account.payment_id, requested_by_id=account.owner_id)
    if asked.exists():
        return not asked.filter(status__in=UNDER_WAY).exists()
    return account.status in states.LIVE and not account.phase_index and timezone.now() < _until(account)


def _until(account: PropAccount) -> datetime:
    days = definition_of(account.plan).refund_days
    return (account.activated_at or account.created_at) + timedelta(days=days)


def _has_traded(account: PropAccount) -> bool:
    trading = PropPhase.objects.filter(account=account).values("trading_account_id")
    return Fill.objects.filter(account_id__in=trading).exists()


def withdraw_purchase(*, actor: Actor, number: str) -> PropAccount:
    """Take an evaluation back that was not traded: the whole fee is given back, and the account closes with that.

    It trades no more from this moment. Asking twice changes nothing, but where the provider or the bank refused: then
    it is asked again, whatever the date and whatever became of the account. Raises NotFound; Conflict `account_over`
    after it has ended, `traded_already`, `refund_over` when the plan's days are over, `nothing_paid`.
    """
    rows = PropAccount.objects.filter(number=number, owner_id=actor.user_id or 0)
    found = rows.values_list("pk", "payment_id").first()
    if found is None:
        raise NotFound("prop_account_not_found", "There is no such account.")
    with transaction.atomic(durable=True):
        payment = payment_lock(found[1])
        account = account_lock(found[0])
        asked = Refund.objects.filter(payment=payment, requested_by_id=actor.user_id)
        refund = asked.filter(status__in=UNDER_WAY).first()
        if refund is None:
            _withdrawable_require(account, again=asked.exists())
            if refundable_minor(payment) <= 0 or account.fee_refund != _Fee.NONE:
                raise Conflict("nothing_paid", "There is no fee here that could be given back.")
            refund = refund_request_in_tx(account.owner, payment, None, f"{account.number} was taken back untraded.")
            _withdrawn_in_tx(account, actor, refund)
    # After the commit, as the provider is asked; a sweep sends it when this process dies here.
    refund_send(refund.pk)
    _refusal_tell(refund)
    return PropAccount.objects.get(pk=account.pk)


def _refusal_tell(asked: Refund) -> None:
    with transaction.atomic(durable=True):
        account = account_of_payment_lock(asked.payment_id)
        refund = _refusals().filter(pk=asked.pk).first()
        if account is None or refund is None:
            return
        why = refund.failure or "The bank did not take it."
        words = f"The fee could not be given back: {why} The account trades no more. Ask again, or write to us."
        activity_in_tx(account, "fee_failed", words, data={"refund_id": refund.pk})
        account_tell_in_tx(account, f"withdraw:{refund.pk}", "fee not given back", words, kind="prop_payout")


def _refusals() -> QuerySet[Refund]:
    """Refunds of purchases that were taken back, which failed, and of which the trader was not told."""
    told = PropActivity.objects.filter(kind="fee_failed", account__payment=OuterRef("payment")).annotate(
        refund=Cast(KeyTextTransform("refund_id", "data"), BigIntegerField())
    )
    bought = PropAccount.objects.filter(payment=OuterRef("payment"), owner=OuterRef("requested_by"))
    rows = Refund.objects.filter(Exists(bought), status=Refund.Status.FAILED)
    return rows.exclude(Exists(told.filter(refund=OuterRef("pk")))).order_by("pk")


def _withdrawable_require(account: PropAccount, *, again: bool) -> None:
    phase = phase_lock(account)
    if account.status not in states.LIVE and not again:
        raise Conflict("account_over", f"This account is {account.status}: its fee is not given back.")
    if (phase is None and not again) or account.phase_index:
        raise Conflict("traded_already", "This account was traded: its fee is not given back.")
    # From here on nothing fills, so that what was not traded stays so.
    if phase is not None:
        account_lock_in_tx(account_id=phase.trading_account_id, reason=TAKEN_BACK)
    if _has_traded(account):
        raise Conflict("traded_already", "This account was traded: its fee is not given back.")
    until = _until(account)
    if timezone.now() >= until and not again:
        raise Conflict("refund_over", "The days to take it back in are over.", {"until": until.isoformat()})


def _withdrawn_in_tx(account: PropAccount, actor: Actor, refund: Refund) -> None:
    money = Money(refund.amount_minor, refund.currency)
    words = f"Taken back untraded: {money} are on their way back, and the account closes when they are."
    activity_in_tx(account, "withdrawn", words, data={"minor": refund.amount_minor}, actor=actor)
    audit.record(
        actor=actor, action="prop_account.withdraw", subject_type="prop_account", subject_id=account.pk,
        after={"refund_id": refund.pk, "amount_minor": refund.amount_minor},
    )  # fmt: skip
    tell(account, "withdrawn", refund_id=refund.pk)
