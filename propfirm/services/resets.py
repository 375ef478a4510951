"""Second chances: a free retry when time ran out in profit, a paid reset after a breach. The phase begins anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Subquery

from accounts.models import User
from accounts.selectors.standing import standing_require
from core.errors import Conflict, NotFound
from payments.domain import chart
from payments.domain.purchases import Bought, Offer, Share
from propfirm.domain import states
from propfirm.locks import account_lock, phase_lock
from propfirm.models import PropAccount, PropActivity, PropPhase, PropReset
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
# Activities of a verdict that ended a phase.
_ENDED = ("passed", "failed", "expired")


class ResetKind:
    """Sells resets: `reference` is the account's number."""

    label = "Reset of an evaluation"

    def offer(self, *, user_id: int, reference: str, params: Mapping[str, Any], currency: str) -> Offer:  # noqa: ARG002
        """The price of the reset. Raises NotFound; Conflict `no_second_chance`, `retry_is_free`, `fee_returned`,
        `reset_returned`, `too_many_accounts`."""
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
        reset = PropReset.objects.select_related("phase").get(payment_id=bought.payment_id)
        account = account_lock(reset.account_id)
        PropReset.objects.filter(pk=reset.pk).update(status=PropReset.Status.REVOKED)
        phase = phase_lock(account)
        if phase is not None and _stands_on(phase, reset):
            phase_end_in_tx(phase, PropPhase.Status.CLOSED, reason="The reset was given back.")
            move_in_tx(account, states.CLOSED, message=f"The reset was given back: {reason}"[:300])
        else:
            activity_in_tx(account, "refunded", f"A reset was given back: {reason}")


def reset_require(phase: PropPhase, *, anew: bool = False) -> None:
    """Raise Conflict `reset_returned` when a phase of a locked account goes on from a reset whose money has gone back.

    `anew`: its own step is paid for again; only resets of the steps before it count.
    """
    rows = PropReset.objects.filter(account=phase.account_id, status=PropReset.Status.REVOKED)
    for reset in rows.exclude(phase=None).select_related("phase"):
        is_paid_again = anew and reset.phase is not None and reset.phase.index >= phase.index
        if not is_paid_again and _stands_on(phase, reset):
            words = "A reset that this goes on from was given back: nothing of it begins again."
            raise Conflict("reset_returned", words, {"index": phase.index})


def _stands_on(phase: PropPhase, reset: PropReset) -> bool:
    """Whether a phase came from what a reset began, and no reset that stays paid for began that step anew since."""
    begun = reset.phase
    taken = PropReset.objects.filter(account=phase.account_id, status=PropReset.Status.TAKEN).exclude(pk=reset.pk)
    paid = set(taken.values_list("phase_id", flat=True))
    at: PropPhase | None = phase
    while at is not None and begun is not None and at.pk >= begun.pk:
        if at.pk == begun.pk:
            return True
        if at.pk in paid and at.index <= begun.index:
            return False
        at = _came_from(at)
    return False


def _came_from(phase: PropPhase) -> PropPhase | None:
    """The phase whose end opened this one; None for the first."""
    # By what happened, not by the order of phases: a verdict that was undone lets an earlier attempt go on.
    rows = PropActivity.objects.filter(account=phase.account_id)
    begun = rows.filter(kind="phase_started", data__trading_account_id=phase.trading_account_id)
    ended = rows.filter(kind__in=_ENDED, verdict__isnull=False, pk__lt=Subquery(begun.order_by("pk").values("pk")[:1]))
    trading_id = ended.order_by("-pk").values_list("verdict__account_id", flat=True).first()
    return PropPhase.objects.filter(account=phase.account_id, trading_account_id=trading_id).first()


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

    Raises Conflict `account_not_over`, `fee_returned`, `reset_returned`.
    """
    _over_require(account)
    fee_require(account)
    phase = last_phase(account.pk)
    if phase is None:
        raise Conflict("no_second_chance", "Nothing was traded here.")
    verdict = second_chance_of(phase.trading_account_id, retries=account.retries, resets=account.resets)
    reset_require(phase, anew=verdict.code == PAID)
    return verdict


def retry_take(*, actor: Actor, number: str) -> PropAccount:
    """Try a phase again for nothing: its time ran out without a breach and in profit.

    Raises NotFound; Forbidden (onboarding); Conflict `account_not_over`, `no_free_retry`, `fee_returned`,
    `reset_returned`, `too_many_accounts`.
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
