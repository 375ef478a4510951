"""Second chances: a free retry when time ran out in profit, a paid reset after a breach. The phase begins anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.selectors.standing import standing_require
from core.errors import Conflict, NotFound
from payments.domain import chart
from payments.domain.purchases import Bought, Offer, Share
from propfirm.domain import states
from propfirm.locks import account_lock, phase_lock
from propfirm.models import PropAccount, PropPhase, PropReset
from propfirm.selectors.accounts import last_phase
from propfirm.selectors.plans import definition_of
from propfirm.services.moves import activity_in_tx, move_in_tx
from propfirm.services.phases import phase_end_in_tx, phase_open_in_tx
from propfirm.services.purchases import fee_require, limit_require
from trading.domain.rules import Verdict
from trading.domain.types import SYSTEM, Actor
from trading.services.rewards import second_chance_of

KIND = "challenge-reset"
FREE, PAID = "free_retry", "paid_reset"
REVENUE = chart.revenue("challenge-resets")
_OVER = (states.FAILED, states.EXPIRED)


class ResetKind:
    """Sells resets: `reference` is the account's number."""

    label = "Reset of an evaluation"

    def offer(self, *, user_id: int, reference: str, params: Mapping[str, Any], currency: str) -> Offer:  # noqa: ARG002
        """The price of the reset. Raises NotFound; Conflict `no_second_chance`, `retry_is_free`, `fee_returned`,
        `too_many_accounts`."""
        account = _owned(reference, user_id)
        limit_require(account.plan, definition_of(account.plan), user_id)
        verdict = chance_of(account)
        if verdict.code == FREE:
            raise Conflict("retry_is_free", "This phase may be tried again for nothing: do that on the account's page.")
        if verdict.code != PAID:
            raise Conflict("no_second_chance", verdict.message)
        return Offer(
            title=f"Reset of {account.number}",
            subtotal_minor=int(verdict.figures["price_minor"]),
            currency=account.plan.currency,
            shares=(Share(REVENUE, chart.REVENUE, 1),),
            about="The phase begins anew with the full balance as soon as it is paid.",
        )

    def hold_in_tx(self, bought: Bought) -> None:
        """Note that a reset is being paid for."""
        account = account_lock(_owned(bought.reference, bought.user_id).pk)
        _over_require(account)
        PropReset.objects.create(account=account, payment_id=bought.payment_id)

    def grant_in_tx(self, bought: Bought) -> None:
        """Begin the phase anew. Raises Conflict when it began in another way meanwhile: the money is given back."""
        reset = PropReset.objects.get(payment_id=bought.payment_id)
        account = account_lock(reset.account_id)
        _over_require(account)
        if chance_of(account).code != PAID:
            raise Conflict("no_second_chance", "This account can no longer be reset.")
        limit_require(account.plan, definition_of(account.plan), account.owner_id, waiting=False)
        account.resets += 1
        reset.phase = _again_in_tx(account, "The reset is paid for: the phase begins anew.")
        reset.status = PropReset.Status.TAKEN
        reset.save(update_fields=["phase", "status"])

    def release_in_tx(self, bought: Bought) -> None:
        """Nobody paid."""
        PropReset.objects.filter(payment_id=bought.payment_id, status=PropReset.Status.HELD).update(
            status=PropReset.Status.RELEASED
        )

    def revoke_in_tx(self, bought: Bought, *, reason: str) -> None:
        """The money has gone back: what it began is closed while it runs, in whichever phase by now."""
        reset = PropReset.objects.get(payment_id=bought.payment_id)
        account = account_lock(reset.account_id)
        PropReset.objects.filter(pk=reset.pk).update(status=PropReset.Status.REVOKED)
        phase = phase_lock(account)
        if phase is not None and _is_of(phase, reset):
            phase_end_in_tx(phase, PropPhase.Status.CLOSED, reason="The reset was given back.")
            move_in_tx(account, states.CLOSED, message=f"The reset was given back: {reason}"[:300])
        else:
            activity_in_tx(account, "refunded", f"A reset was given back: {reason}")


def _is_of(phase: PropPhase, reset: PropReset) -> bool:
    """Whether a phase that runs follows from a reset: it, or a later one that no other reset began."""
    if reset.phase_id is None or phase.pk < reset.phase_id:
        return False
    later = PropReset.objects.filter(account=reset.account_id, phase_id__gt=reset.phase_id, phase_id__lte=phase.pk)
    return not later.exists()


def _owned(number: str, user_id: int) -> PropAccount:
    account = PropAccount.objects.select_related("plan").filter(number=number, owner_id=user_id).first()
    if account is None:
        raise NotFound("prop_account_not_found", "There is no such account.")
    return account


def _over_require(account: PropAccount) -> None:
    if account.status not in _OVER:
        raise Conflict("account_not_over", "Only what has ended begins anew.", {"status": account.status})


def chance_of(account: PropAccount) -> Verdict:
    """What may follow the account's end (trading.domain.rules.second_chance).

    Raises Conflict `account_not_over`, `fee_returned`.
    """
    _over_require(account)
    fee_require(account)
    phase = last_phase(account.pk)
    if phase is None:
        raise Conflict("no_second_chance", "Nothing was traded here.")
    return second_chance_of(phase.trading_account_id, retries=account.retries, resets=account.resets)


def retry_take(*, actor: Actor, number: str) -> PropAccount:
    """Try a phase again for nothing: its time ran out without a breach and in profit.

    Raises NotFound; Forbidden (onboarding); Conflict `account_not_over`, `no_free_retry`, `fee_returned`,
    `too_many_accounts`.
    """
    user_id = actor.user_id or 0
    found = _owned(number, user_id)
    standing_require(User.objects.get(pk=user_id))
    with transaction.atomic(durable=True):
        account = account_lock(found.pk)
        verdict = chance_of(account)
        if verdict.code != FREE:
            raise Conflict("no_free_retry", verdict.message)
        limit_require(account.plan, definition_of(account.plan), user_id, waiting=False)
        account.retries += 1
        _again_in_tx(account, "The phase is tried again, free.", actor)
    return account


def _again_in_tx(account: PropAccount, message: str, actor: Actor = SYSTEM) -> PropPhase:
    """Open the phase that ended once more. Its account has had one: `chance_of` was asked."""
    kind = definition_of(account.plan).phases[account.phase_index].kind
    move_in_tx(account, states.STATUS_OF[kind], message=message, actor=actor)
    return phase_open_in_tx(account, account.phase_index, actor=actor)
