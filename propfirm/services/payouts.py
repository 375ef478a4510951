"""Payouts of profit: asked for, looked at by one person, approved by another; payments sends what was approved.

From the request to the decision the trading account is locked, so that what was found eligible stays so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.selectors.identity import identity_require
from accounts.selectors.standing import standing_require
from core.errors import Conflict, Denied, Forbidden, Invalid, NotFound
from core.money import Money
from core.services import audit, idempotency, outbox
from marketdata import selectors as market_selectors
from payments.domain import chart
from payments.services.payout_orders import payout_order_in_tx
from payments.services.payouts import finance_require
from propfirm.locks import account_lock, payout_lock, phase_lock
from propfirm.models import PropAccount, PropCertificate, PropPayout, PropPhase
from propfirm.services.certificates import certificate_make_in_tx
from propfirm.services.fee_refunds import fee_promise_in_tx
from propfirm.services.moves import account_tell_in_tx, activity_in_tx
from propfirm.services.payout_lines import HOLD, OPEN, PayoutStanding, payout_standing, reviewer_flags
from trading.domain.rules import PayoutFacts, RuleState, Verdict
from trading.domain.types import SYSTEM, Actor
from trading.models import Account, AccountRules
from trading.services.locking import account_lock_in_tx, account_unlock_in_tx
from trading.services.rewards import payout_check_in_tx, payout_withdraw_in_tx

COSTS = chart.costs("payouts")
_Status = PropPayout.Status
_SENT_BACK = ("failed", "returned", "rejected")


def payout_request(*, actor: Actor, number: str, amount_minor: int | None, idempotency_key: str) -> PropPayout:
    """Ask for profit of an account of one's own: an amount in minor units before the split, or as much as can be.

    What was found is kept as a verdict either way. Raises Forbidden (onboarding, `identity_needed`); NotFound; Invalid
    `amount_invalid`; Denied `payout_not_eligible`, `payout_too_large`, with the lines that hold it back.
    """
    user = User.objects.get(pk=actor.user_id or 0)
    standing_require(user)
    identity_require(user.pk)
    if amount_minor is not None and amount_minor <= 0:
        raise Invalid("amount_invalid", "A payout is more than nothing.", {"field": "amount"})
    account_id = PropAccount.objects.filter(number=number, owner_id=user.pk).values_list("pk", flat=True).first()
    if account_id is None:
        raise NotFound("prop_account_not_found", "There is no such account.")
    with transaction.atomic(durable=True):
        status, answer = idempotency.run(
            scope=f"prop-payout:{account_id}",
            key=idempotency_key,
            body={"amount_minor": amount_minor},
            effect=lambda: _request_in_tx(actor, account_id, amount_minor),
        )
    # Only now: the verdict that refuses it is evidence, and stays.
    if status != 201:
        raise Denied(answer["code"], answer["message"], answer["details"])
    return PropPayout.objects.select_related("account").get(public_id=answer["public_id"])


def _request_in_tx(actor: Actor, account_id: int, amount_minor: int | None) -> tuple[int, dict[str, Any]]:
    account = account_lock(account_id)
    phase = phase_lock(account)
    found = payout_standing(account, phase, amount_minor, _decide_in_tx)
    if not found.is_eligible or phase is None or found.purse is None:
        return 422, _refusal(found, amount_minor)
    purse = found.purse
    payout = PropPayout.objects.create(
        account=account,
        phase=phase,
        verdict_id=found.verdict_id,
        currency=found.currency,
        gross_minor=purse.gross_minor,
        trader_minor=purse.trader_minor,
        firm_minor=purse.firm_minor,
        refund_minor=purse.refund_minor,
        split_percent=purse.split_percent,
        flags=reviewer_flags(account, phase, purse.profit_minor),
    )
    account_lock_in_tx(account_id=phase.trading_account_id, reason=HOLD, actor=actor)
    share, gross = Money(purse.trader_minor, found.currency), Money(purse.gross_minor, found.currency)
    message = f"You asked for {gross}; your share is {share}. The account is locked until two people have decided."
    _told_in_tx(account, payout, "requested", message, actor=actor, after={"flags": payout.flags})
    return 201, {"public_id": str(payout.public_id)}


def _decide_in_tx(account_id: int, facts: PayoutFacts) -> tuple[int, Verdict]:
    return payout_check_in_tx(account_id=account_id, facts=facts)


def _refusal(found: PayoutStanding, amount_minor: int | None) -> dict[str, Any]:
    code, message = "payout_not_eligible", "No payout yet. " + " ".join(found.missing)
    available = 0 if found.purse is None else found.purse.available_minor
    if amount_minor is not None and amount_minor > available > 0:
        code = "payout_too_large"
        message = f"{Money(available, found.currency)} can be withdrawn. Ask for that or less."
    return {"code": code, "message": message[:1_000], "details": found.to_json()}


def payout_cancel(*, actor: Actor, public_id: UUID | str) -> PropPayout:
    """The trader takes it back, until it is decided; the account trades on. Raises NotFound, Conflict."""
    rows = PropPayout.objects.filter(public_id=public_id, account__owner_id=actor.user_id or 0)
    payout_id = rows.values_list("pk", flat=True).first()
    if payout_id is None:
        raise NotFound("payout_not_found", "There is no such payout.")
    with transaction.atomic(durable=True):
        account, payout = _locked(payout_id, OPEN)
        payout.status, payout.decided_at = _Status.CANCELLED, timezone.now()
        payout.save(update_fields=["status", "decided_at"])
        _release_in_tx(payout, "The payout is taken back.")
        on = ": the account trades on" if payout.phase.status == PropPhase.Status.ACTIVE else ""
        _told_in_tx(account, payout, "cancelled", f"You have taken the payout back{on}.", actor=actor)
    return payout


def payout_review(*, actor: User, payout_id: int, note: str = "") -> PropPayout:
    """A first person of finance has looked at it. Raises Forbidden, NotFound, Conflict."""
    finance_require(actor)
    with transaction.atomic(durable=True):
        account, payout = _locked(payout_id, (_Status.REQUESTED,))
        _not_own(account, actor)
        payout.status, payout.reviewed_by = _Status.REVIEWED, actor
        payout.save(update_fields=["status", "reviewed_by"])
        _told_in_tx(account, payout, "reviewed", "One person has looked at the payout.", by=actor, reason=note)
    return payout


def payout_approve(*, actor: User, payout_id: int, note: str = "") -> PropPayout:
    """A second person approves: the profit leaves the account, the share is owed and ordered, the account trades on.

    With flags they say why. Raises Forbidden `own_payout`, `second_person_needed`; Invalid `reason_required`; Conflict
    `payout_status`, `account_failed`, and what trading and payments have against it. Then nothing has changed.
    """
    finance_require(actor)
    with transaction.atomic(durable=True):
        account, payout = _locked(payout_id, (_Status.REVIEWED,))
        _not_own(account, actor)
        if payout.reviewed_by is None or payout.reviewed_by_id == actor.pk:
            raise Forbidden("second_person_needed", "Somebody else must approve what you have looked at.")
        if payout.flags and not note.strip():
            raise Invalid("reason_required", "This payout is flagged: say why it may be sent all the same.")
        payout.removed_minor = _withdraw_in_tx(account, payout)
        share = Money(payout.trader_minor, payout.currency)
        payout.payout = payout_order_in_tx(
            user_id=account.owner_id,
            amount=share,
            source_account=COSTS,
            reference=f"prop-payout:{payout.public_id}:share",
            reviewed_by=payout.reviewed_by,
            approved_by=actor,
            note=note,
            flags=payout.flags,
            memo=f"Share of profit, {account.number}",
        )
        payout.status, payout.approved_by, payout.decided_at = _Status.APPROVED, actor, timezone.now()
        payout.save()
        _release_in_tx(payout, "The payout is approved.")
        after = {"removed_minor": payout.removed_minor, "payout_id": payout.payout_id}
        message = f"The payout is approved: {share} are on their way to you."
        _told_in_tx(account, payout, "approved", message, by=actor, after=after, reason=note)
        fee_promise_in_tx(account, payout.refund_minor)
    return payout


def payout_reject(*, actor: User, payout_id: int, reason: str) -> PropPayout:
    """It is not paid; the trader is told why, and the account trades on. Raises Forbidden, Conflict, Invalid."""
    finance_require(actor)
    if not reason.strip():
        raise Invalid("reason_required", "Say why: the trader is told.", {"field": "reason"})
    with transaction.atomic(durable=True):
        account, payout = _locked(payout_id, OPEN)
        _not_own(account, actor)
        payout.status, payout.reason, payout.decided_at = _Status.REJECTED, reason.strip()[:300], timezone.now()
        payout.save(update_fields=["status", "reason", "decided_at"])
        _release_in_tx(payout, "The payout is not approved.")
        message = f"The payout is not approved: {payout.reason}"
        _told_in_tx(account, payout, "rejected", message, by=actor, reason=reason)
    return payout


def payout_paid_in_tx(payload: Mapping[str, Any]) -> None:
    """Take in how payments' payout went (topic `payments.payout`): what was paid gives a certificate, once.

    Of payouts that are not of the firm: nothing.
    """
    status = str(payload["status"])
    found = PropPayout.objects.filter(payout_id=payload["payout_id"]).values_list("pk", "account_id").first()
    if found is None or status not in ("paid", *_SENT_BACK):
        return
    account = account_lock(found[1])
    payout = payout_lock(found[0])
    share = Money(payout.trader_minor, payout.currency)
    if status == "paid":
        if PropCertificate.objects.filter(payout=payout).exists():
            return
        certificate_make_in_tx(account, "payout", payout=payout)
        _told_in_tx(account, payout, "paid", f"{share} of profit are paid to you.")
    else:
        # What payments turns down is approved all the same.
        verb = "failed" if status == "rejected" else status
        _told_in_tx(account, payout, verb, f"{share} could not be paid. They are owed to you: ask under Payouts.")


def _not_own(account: PropAccount, person: User) -> None:
    if account.owner_id == person.pk:
        raise Forbidden("own_payout", "Nobody decides about their own payout.")


def _locked(payout_id: int, allowed: Sequence[str]) -> tuple[PropAccount, PropPayout]:
    account_id = PropPayout.objects.filter(pk=payout_id).values_list("account_id", flat=True).first()
    if account_id is None:
        raise NotFound("payout_not_found", "There is no such payout.")
    account = account_lock(account_id)
    payout = payout_lock(payout_id)
    if payout.status not in allowed:
        words = payout.get_status_display().lower()
        raise Conflict("payout_status", f"This payout is {words} already.", {"status": payout.status})
    return account, payout


def _withdraw_in_tx(account: PropAccount, payout: PropPayout) -> int:
    """Take the profit out of the trading account; what left it, in minor units.

    An account whose time ran out since then trades no more: what was eligible is paid, and nothing leaves it.
    """
    phase = payout.phase
    rules = AccountRules.objects.get(pk=phase.trading_account_id)
    if phase.status in (PropPhase.Status.FAILED, PropPhase.Status.CLOSED) or rules.status == rules.Status.FAILED:
        raise Conflict("account_failed", "The account has ended since this was asked for: reject the payout.")
    if rules.status == rules.Status.EXPIRED:
        return 0
    return _removed_in_tx(account, payout)


def _removed_in_tx(account: PropAccount, payout: PropPayout) -> int:
    withdrawn = payout_withdraw_in_tx(
        account_id=payout.phase.trading_account_id,
        gross_minor=payout.gross_minor,
        reference=f"prop-payout:{payout.public_id}",
        memo=f"Payout of {account.number}",
    )
    return withdrawn.removed_minor


def payouts_catch_up_in_tx(account: PropAccount, phase: PropPhase) -> None:
    """A phase of a locked account goes on: what was approved while it stood still leaves it, and it is held no more.

    A payout that waits for its decision holds it on. Raises what trading has against a withdrawal.
    """
    rows = PropPayout.objects.filter(phase=phase)
    for payout in rows.filter(status=_Status.APPROVED, removed_minor=0).order_by("pk"):
        payout.removed_minor = _removed_in_tx(account, payout)
        payout.save(update_fields=["removed_minor"])
    trading = Account.objects.get(pk=phase.trading_account_id)
    held = (trading.status, trading.lock_reason) == (Account.Status.LOCKED, HOLD)
    if held and not rows.filter(status__in=OPEN).exists():
        account_unlock_in_tx(account_id=trading.pk, reason="The account goes on.")


def _release_in_tx(payout: PropPayout, reason: str) -> None:
    """Let the account trade again, unless its phase is over or something else has locked it since."""
    account_id = payout.phase.trading_account_id
    trading = Account.objects.get(pk=account_id)
    if payout.phase.status != PropPhase.Status.ACTIVE or trading.status != Account.Status.LOCKED:
        return
    # Ours is there already, so this changes nothing and holds the row: what follows is decided under its lock.
    account_lock_in_tx(account_id=account_id, reason=HOLD)
    trading.refresh_from_db()
    state = RuleState.from_json(AccountRules.objects.get(pk=account_id).state)
    if trading.lock_reason != HOLD or state.closed_by:
        return
    account_unlock_in_tx(account_id=account_id, reason=reason)
    until = state.soft_lock_until
    if until is not None and until > market_selectors.market_clock(trading.market_id).at:
        account_lock_in_tx(account_id=account_id, reason="Locked until the next reset, as before.", until=until)


def _told_in_tx(
    account: PropAccount,
    payout: PropPayout,
    verb: str,
    message: str,
    *,
    actor: Actor = SYSTEM,
    by: User | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Activity, audit entry, event and notice of a step. `by` decides: it is in the audit, the trader is not told."""
    data = {"payout": str(payout.public_id), "gross_minor": payout.gross_minor, "trader_minor": payout.trader_minor}
    activity_in_tx(account, f"payout_{verb}", message, data=data, verdict_id=payout.verdict_id, actor=actor)
    audit.record(
        actor=by or actor,
        action=f"prop_payout.{verb}",
        subject_type="prop_payout",
        subject_id=payout.pk,
        after={**data, "status": payout.status, **(after or {})},
        reason=reason,
    )
    payload = {"prop_payout_id": payout.pk, "prop_account_id": account.pk, "owner_id": account.owner_id, "status": verb}
    outbox.emit(topic="propfirm.payout", aggregate=f"prop_account:{account.pk}", payload=payload)
    account_tell_in_tx(account, f"payout:{payout.pk}:{verb}", _WORDS[verb], message, kind="prop_payout")


_WORDS = {
    "requested": "payout asked for", "reviewed": "payout looked at", "approved": "payout approved",
    "rejected": "payout not approved", "cancelled": "payout taken back", "paid": "payout paid",
    "failed": "payout failed", "returned": "payout returned by the bank",
}  # fmt: skip

__all__ = [
    "COSTS", "payout_approve", "payout_cancel", "payout_paid_in_tx", "payout_reject", "payout_request", "payout_review",
    "payouts_catch_up_in_tx",
]  # fmt: skip
