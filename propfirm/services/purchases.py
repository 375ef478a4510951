"""Evaluations as something that is bought: an account is made with the payment and opens on the provider's word."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import Conflict, NotFound, Unavailable
from payments.domain import chart
from payments.domain.purchases import Bought, Offer, Share
from payments.models import Payment
from propfirm.domain import states
from propfirm.domain.plans import PlanDefinition
from propfirm.domain.references import Wanted, wanted_of
from propfirm.locks import account_of_payment_lock, person_lock, phase_lock
from propfirm.models import Affiliate, PropAccount, PropPhase, PropPlan, Referral
from propfirm.selectors.plans import definition_of
from propfirm.services.moves import activity_in_tx, move_in_tx
from propfirm.services.phases import phase_end_in_tx, phase_open_in_tx
from propfirm.services.plans import plan_market

KIND = "challenge"
REVENUE = chart.revenue("challenges")
_TRIES = 20


class ChallengeKind:
    """Sells plans of the firm: `reference` is propfirm.domain.references."""

    label = "Evaluation"

    def offer(self, *, user_id: int, reference: str, params: Mapping[str, Any], currency: str) -> Offer:  # noqa: ARG002
        """The price in the plan's currency. Raises NotFound, Conflict `plan_withdrawn`, `too_many_accounts`,
        Unavailable when there is no market to trade it in."""
        asked = wanted_of(reference)
        plan = plan_of(asked.code)
        read = definition_of(plan)
        price = read.price_with(asked.add_ons)
        price -= discount_minor(price, affiliate_of(asked, user_id))
        limit_require(plan, read, user_id)
        plan_market(plan)
        extras = ", ".join(read.add_on(code).name for code in asked.add_ons)
        return Offer(
            title=f"{plan.name}{' with ' + extras if extras else ''}"[:120],
            subtotal_minor=price,
            currency=plan.currency,
            shares=(Share(REVENUE, chart.REVENUE, 1),),
            about="The account opens as soon as it is paid. The rules are those of this version for good.",
            version=str(plan.pk),
        )

    def hold_in_tx(self, bought: Bought) -> None:
        """Give the account its number, waiting for the payment. Raises Conflict `plan_changed`."""
        asked = wanted_of(bought.reference)
        plan = plan_of(asked.code)
        if bought.version and bought.version != str(plan.pk):
            words = "This plan has just changed. Look at it again, and buy what it is now."
            raise Conflict("plan_changed", words, {"code": plan.code, "version": plan.version})
        affiliate = affiliate_of(asked, bought.user_id)
        _account_create(
            owner_id=bought.user_id,
            plan=plan,
            add_ons=list(asked.add_ons),
            payment_id=bought.payment_id,
            fee_minor=bought.total_minor,
            affiliate=affiliate,
        )

    def grant_in_tx(self, bought: Bought) -> None:
        """Open the account. A DomainError means that it cannot be had any more: the money is given back."""
        account = _account_require(bought.payment_id)
        read = definition_of(account.plan)
        # Two pages paid at once: the second account would be one too many.
        limit_require(account.plan, read, account.owner_id, waiting=False)
        target = states.FUNDED if read.steps == "instant" else states.ACTIVE
        move_in_tx(account, target, message=f"{account.plan.name} is paid for: the account is open.")
        phase_open_in_tx(account, 0)
        _referral_in_tx(account, bought)

    def release_in_tx(self, bought: Bought) -> None:
        """Nobody paid."""
        account = account_of_payment_lock(bought.payment_id)
        if account is not None and account.status == states.PENDING:
            move_in_tx(account, states.VOID)

    def revoke_in_tx(self, bought: Bought, *, reason: str) -> None:
        """The fee has gone back, or its dispute is lost: a live account is closed; a verdict that ended one stands."""
        account = account_of_payment_lock(bought.payment_id)
        if account is None or is_promised(account, bought.refunded_minor, bought.lost_minor):
            return
        fee_gone_in_tx(account, reason)


def fee_gone_in_tx(account: PropAccount, reason: str) -> None:
    """Close a locked account whose fee is gone, while it lives; a verdict that ended it stands. Nothing is earned."""
    Referral.objects.filter(account=account, status=Referral.Status.HELD).update(status=Referral.Status.REVERSED)
    if account.status not in states.LIVE:
        activity_in_tx(account, "refunded", f"The fee was given back: {reason}. The verdict stands.")
        return
    phase = phase_lock(account)
    if phase is not None:
        phase_end_in_tx(phase, PropPhase.Status.CLOSED, reason="The fee was given back.")
    move_in_tx(account, states.CLOSED, message=f"The fee was given back: {reason}"[:300])


def is_promised(account: PropAccount, refunded_minor: int, lost_minor: int) -> bool:
    """Whether what went back of a fee is what a payout has promised, which takes nothing away.

    What is lost in a dispute is not. A promise that could not be kept by itself is one all the same: finance may have
    kept it by hand.
    """
    promised = account.fee_refund_minor if account.fee_refund != PropAccount.FeeRefund.NONE else 0
    return bool(promised) and not lost_minor and refunded_minor <= promised


def fee_require(account: PropAccount) -> None:
    """Raise Conflict `fee_returned` when the fee of an account has gone back: then nothing of it begins again."""
    payment = account.payment
    if payment.revoked_at is not None and not is_promised(account, payment.refunded_minor, payment.lost_minor):
        raise Conflict("fee_returned", "The fee of this account has gone back: nothing of it begins again.")


def plan_of(code: str) -> PropPlan:
    """The version of a plan that is sold now. Raises NotFound; Conflict `plan_withdrawn`."""
    plan = PropPlan.objects.filter(code=code, status=PropPlan.Status.OFFERED).first()
    if plan is None:
        if PropPlan.objects.filter(code=code, status=PropPlan.Status.WITHDRAWN).exists():
            raise Conflict("plan_withdrawn", "This plan is no longer sold. Choose another one.", {"code": code})
        raise NotFound("plan_not_found", "There is no such plan.")
    return plan


def affiliate_of(asked: Wanted, user_id: int | None) -> Affiliate | None:
    """Who brought the buyer. Raises NotFound `affiliate_unknown`; Conflict `affiliate_own`."""
    if not asked.affiliate:
        return None
    # No database takes a NUL, wherever it was typed.
    found = Affiliate.objects.filter(code=asked.affiliate.replace("\0", " "), is_active=True).first()
    if found is None:
        raise NotFound("affiliate_unknown", "There is no such affiliate code. Check its spelling, or go on without it.")
    if found.user_id == user_id:
        raise Conflict("affiliate_own", "Your own affiliate code is for others.")
    return found


def discount_minor(price_minor: int, affiliate: Affiliate | None) -> int:
    """What who comes by an affiliate's code pays less, minor units, rounded half-even once."""
    return 0 if affiliate is None else round(Fraction(price_minor * affiliate.discount_bp, 10_000))


def limit_require(plan: PropPlan, read: PlanDefinition, user_id: int, *, waiting: bool = True) -> None:
    """Raise Conflict `too_many_accounts` when the person has as many live accounts of the plan as it allows.

    An account that waits for its payment does not count: it is paid for on the same page.
    """
    if not waiting:
        person_lock(user_id)
    rows = PropAccount.objects.filter(owner_id=user_id, plan__code=plan.code, status__in=states.LIVE)
    if rows.count() >= read.max_accounts:
        raise Conflict(
            "too_many_accounts",
            f"You have {read.max_accounts} of these accounts already, which is as many as the plan allows.",
            {"max_accounts": read.max_accounts, "url": "/prop-firm/accounts"},
        )


def _account_create(**values: Any) -> PropAccount:
    for _ in range(_TRIES):
        number = f"PA{secrets.randbelow(10**8):08d}"
        try:
            with transaction.atomic():
                account = PropAccount.objects.create(number=number, **values)
        except IntegrityError:
            if PropAccount.objects.filter(payment_id=values["payment_id"]).exists():
                raise
            continue
        activity_in_tx(account, "bought", f"{account.plan.name} was chosen; the payment is awaited.")
        return account
    raise Unavailable("numbers_taken", "No account number is free just now. Try again.")


def _account_require(payment_id: int) -> PropAccount:
    account = account_of_payment_lock(payment_id)
    if account is None:
        raise NotFound("prop_account_not_found", "There is no account for this payment.")
    if account.status not in (states.PENDING, states.VOID):
        raise Conflict("prop_account_state", "This account was opened already.", {"status": account.status})
    return account


def _referral_in_tx(account: PropAccount, bought: Bought) -> None:
    """Note what the affiliate will be owed: a share of the price after discounts, before tax."""
    if account.affiliate is None:
        return
    payment = Payment.objects.get(pk=bought.payment_id)
    base = payment.subtotal_minor - payment.discount_minor
    commission = base * account.affiliate.commission_bp // 10_000
    if commission <= 0:
        return
    read = definition_of(account.plan)
    Referral.objects.create(
        affiliate=account.affiliate,
        payment=payment,
        account=account,
        commission_minor=commission,
        currency=payment.currency,
        due_at=timezone.now() + timedelta(days=max(read.refund_days, 14)),
    )


__all__ = [
    "KIND", "REVENUE", "ChallengeKind", "affiliate_of", "discount_minor", "fee_gone_in_tx", "fee_require",
    "is_promised", "limit_require", "plan_of",
]  # fmt: skip
