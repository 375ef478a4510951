"""What operators do to an account of the firm, with a reason: stop it, let it go on, judge it now, close it.

And what becomes of the accounts of who has left.
"""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from core.errors import Conflict, Invalid
from core.services import audit
from marketdata import selectors as market_selectors
from payments.models import Refund
from propfirm.domain import states
from propfirm.locks import account_lock, phase_lock
from propfirm.models import PropAccount, PropPayout, PropPhase
from propfirm.services.fee_refunds import TAKEN_BACK, UNDER_WAY
from propfirm.services.moves import account_tell_in_tx, activity_in_tx, move_in_tx, tell
from propfirm.services.operators import actor_of, operator_require, other_person_require
from propfirm.services.payout_lines import OPEN
from propfirm.services.payouts import payout_cancel
from propfirm.services.phases import HELD, is_stopped, phase_end_in_tx
from trading.domain.rules import RuleState, Verdict
from trading.domain.types import Actor
from trading.locks import accounts_lock
from trading.models import Account, AccountRules
from trading.services import settling
from trading.services.locking import account_lock_in_tx, account_unlock_in_tx

GONE = "Its owner has left."


def account_close(*, actor: User, account_id: int, reason: str) -> PropAccount:
    """Close a live account that breached nothing: orders end, positions are closed at the market; without a verdict.

    Raises Forbidden (also `own_account`); NotFound; Invalid `reason_needed`; Conflict `prop_account_over` when it is
    not live, `payout_open` while a payout of it is not decided.
    """
    reason = _begin(actor, reason)
    with transaction.atomic():
        account, phase = _live(actor, account_id)
        if PropPayout.objects.filter(account=account, status__in=OPEN).exists():
            raise Conflict("payout_open", "Decide about its payout first.", {"number": account.number})
        message = f"The firm has closed the account: {reason}"
        phase_end_in_tx(phase, PropPhase.Status.CLOSED, reason=message)
        move_in_tx(account, states.CLOSED, actor=actor_of(actor), message=message)
    return account


def accounts_close_gone(user_id: int) -> int:
    """Close the live accounts of a person who has left, without a verdict; how many were closed. Safe to repeat.

    A payout that they asked for in the moment of leaving counts as taken back: nobody is left to be paid.
    """
    owner = Actor(user_id=user_id)
    waiting = PropPayout.objects.filter(account__owner_id=user_id, status__in=OPEN).order_by("pk")
    for public_id in list(waiting.values_list("public_id", flat=True)):
        payout_cancel(actor=owner, public_id=public_id)
    rows = PropAccount.objects.filter(owner_id=user_id, status__in=states.LIVE).order_by("pk")
    return sum(_close_gone(account_id) for account_id in list(rows.values_list("pk", flat=True)))


def _close_gone(account_id: int) -> bool:
    with transaction.atomic():
        account = account_lock(account_id)
        phase = phase_lock(account)
        if account.status not in states.LIVE:
            return False
        if phase is not None:
            phase_end_in_tx(phase, PropPhase.Status.CLOSED, reason=GONE)
        move_in_tx(account, states.CLOSED, message=GONE)
    return True


def account_stop(*, actor: User, account_id: int, reason: str) -> bool:
    """Lock the phase that runs until an operator lets it go on; whether it was not locked for good already.

    Positions stay and are marked. Raises as `account_close`.
    """
    reason = _begin(actor, reason)
    with transaction.atomic():
        account, phase = _live(actor, account_id)
        who = actor_of(actor)
        if PropPayout.objects.filter(account=account, status__in=OPEN).exists():
            raise Conflict("payout_open", "Its payout keeps it locked. Decide about that first.", {})
        message = (HELD + reason)[:200]
        if not account_lock_in_tx(account_id=phase.trading_account_id, reason=message, actor=who):
            return False
        activity_in_tx(account, "stopped", message, actor=who)
        _record(actor, "prop_account.stop", account, reason)
        account_tell_in_tx(account, f"stopped:{phase.pk}:{_changes(account)}", "is stopped", message)
        tell(account, "stopped", reason=reason)
    return True


def account_go_on(*, actor: User, account_id: int, reason: str) -> None:
    """Lift an operator's lock; one of the rules goes on. Raises as `account_stop`, and Conflict `not_stopped`."""
    reason = _begin(actor, reason)
    with transaction.atomic():
        account, phase = _live(actor, account_id)
        who = actor_of(actor)
        [row] = accounts_lock([phase.trading_account_id])
        if not is_stopped(row) and not _is_refused(account, row):
            words = "No operator has stopped this account: rules and payouts lift their own locks."
            raise Conflict("not_stopped", words, {"reason": row.lock_reason})
        account_unlock_in_tx(account_id=row.pk, reason=reason, actor=who)
        _soft_lock_again(row)
        activity_in_tx(account, "went_on", f"The account may trade again. {reason}", actor=who)
        _record(actor, "prop_account.go_on", account, reason)
        account_tell_in_tx(account, f"went_on:{phase.pk}:{_changes(account)}", "may trade again", reason)
        tell(account, "went_on", reason=reason)


def _soft_lock_again(row: Account) -> None:
    """The lock of a soft breach whose reset has not come: the operator's had taken its place."""
    state = RuleState.from_json(AccountRules.objects.get(pk=row.pk).state)
    until = state.soft_lock_until
    if until is not None and until > market_selectors.market_clock(row.market_id).at:
        account_lock_in_tx(account_id=row.pk, reason="Locked until the next reset, as before.", until=until)


def account_judge_now(*, actor: User, account_id: int, reason: str) -> list[Verdict]:
    """Judge the phase that runs at the prices in force, as a tick would; the verdicts that are new.

    What they mean for the account follows as after any verdict. Raises as `account_stop`.
    """
    reason = _begin(actor, reason)
    with transaction.atomic():
        account, phase = _live(actor, account_id)
        _record(actor, "prop_account.judge_now", account, reason)
    return settling.account_judge_now(phase.trading_account_id)


def _begin(actor: User, reason: str) -> str:
    operator_require(actor)
    reason = reason.strip()[:200]
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    return reason


def _live(actor: User, account_id: int) -> tuple[PropAccount, PropPhase]:
    """The account and its running phase, locked."""
    account = account_lock(account_id)
    other_person_require(account, actor)
    phase = phase_lock(account)
    if account.status not in states.LIVE or phase is None:
        words = f"This account is {account.get_status_display().lower()}: nothing of it runs."
        raise Conflict("prop_account_over", words, {"status": account.status})
    return account, phase


def _changes(account: PropAccount) -> int:
    """How often it was stopped and went on: each time is told once."""
    return account.activities.filter(kind__in=("stopped", "went_on")).count()


def _is_refused(account: PropAccount, row: Account) -> bool:
    """Whether a purchase was taken back whose money could not be: nothing of it is under way any more."""
    asked = Refund.objects.filter(payment_id=account.payment_id, status__in=UNDER_WAY)
    return row.status == Account.Status.LOCKED and row.lock_reason == TAKEN_BACK and not asked.exists()


def _record(actor: User, action: str, account: PropAccount, reason: str) -> None:
    audit.record(
        actor=actor_of(actor), action=action, subject_type="prop_account", subject_id=account.pk,
        after={"number": account.number}, reason=reason,
    )  # fmt: skip


__all__ = [
    "GONE", "HELD", "account_close", "account_go_on", "account_judge_now", "account_stop", "accounts_close_gone",
]  # fmt: skip
