"""Every row lock of the propfirm app. A plan is locked before an account, an account before its trading account."""

from __future__ import annotations

from collections.abc import Collection

from accounts.models import User
from core.errors import NotFound
from propfirm.models import (
    Affiliate,
    PropAccount,
    PropDispute,
    PropFinding,
    PropPayout,
    PropPhase,
    PropPlan,
    Referral,
)


def account_lock(account_id: int) -> PropAccount:
    """The account, locked until the transaction ends. Raises NotFound."""
    rows = PropAccount.objects.select_for_update(no_key=True, of=("self",)).select_related("plan")
    account = rows.filter(pk=account_id).first()
    if account is None:
        raise NotFound("prop_account_not_found", "There is no such account.")
    return account


def account_of_payment_lock(payment_id: int) -> PropAccount | None:
    """The account that a payment bought, locked; None when there is none."""
    found = PropAccount.objects.filter(payment_id=payment_id).values_list("pk", flat=True).first()
    return None if found is None else account_lock(found)


def plan_lock(plan_id: int) -> PropPlan:
    """The version of a plan, locked until the transaction ends. Raises NotFound."""
    plan = PropPlan.objects.select_for_update(no_key=True, of=("self",)).filter(pk=plan_id).first()
    if plan is None:
        raise NotFound("plan_not_found", "There is no such plan.")
    return plan


def phase_lock(account: PropAccount) -> PropPhase | None:
    """The active phase of a locked account."""
    rows = PropPhase.objects.select_for_update(no_key=True, of=("self",))
    return rows.filter(account=account, status=PropPhase.Status.ACTIVE).first()


def payout_lock(payout_id: int) -> PropPayout:
    """The payout, locked; lock its account first. Raises NotFound."""
    rows = PropPayout.objects.select_for_update(no_key=True, of=("self",)).select_related("phase")
    payout = rows.filter(pk=payout_id).first()
    if payout is None:
        raise NotFound("payout_not_found", "There is no such payout.")
    return payout


def dispute_lock(dispute_id: int) -> PropDispute:
    """The dispute, locked; lock its account first. Raises NotFound."""
    rows = PropDispute.objects.select_for_update(no_key=True, of=("self",)).select_related("verdict")
    dispute = rows.filter(pk=dispute_id).first()
    if dispute is None:
        raise NotFound("dispute_not_found", "There is no such dispute.")
    return dispute


def person_lock(user_id: int) -> None:
    """The person, locked: one account of theirs opens at a time."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user_id)


def plans_offered_lock(code: str) -> list[PropPlan]:
    """The versions of a plan that are offered, locked."""
    return list(PropPlan.objects.select_for_update(no_key=True).filter(code=code, status=PropPlan.Status.OFFERED))


def phase_of_verdict_lock(verdict_id: int) -> PropPhase:
    """The phase that a verdict ended, locked; lock its account first."""
    return PropPhase.objects.select_for_update(no_key=True, of=("self",)).get(verdict_id=verdict_id)


def affiliate_lock(affiliate_id: int) -> Affiliate:
    """The affiliate, locked. Raises NotFound."""
    row = Affiliate.objects.select_for_update(no_key=True).filter(pk=affiliate_id).first()
    if row is None:
        raise NotFound("affiliate_unknown", "There is no such affiliate.")
    return row


def referral_lock(referral_id: int) -> Referral:
    """The referral, locked; lock its account first."""
    rows = Referral.objects.select_for_update(no_key=True, of=("self",)).select_related("affiliate")
    return rows.get(pk=referral_id)


def finding_lock(finding_id: int) -> PropFinding:
    """The finding with its two accounts, locked. Raises NotFound."""
    rows = PropFinding.objects.select_for_update(no_key=True, of=("self",)).select_related("left", "right")
    finding = rows.filter(pk=finding_id).first()
    if finding is None:
        raise NotFound("finding_not_found", "There is no such finding.")
    return finding


def findings_lock(account_ids: Collection[int]) -> list[PropFinding]:
    """The findings about pairs of some accounts, locked in their order."""
    rows = PropFinding.objects.select_for_update(no_key=True).order_by("pk")
    return list(rows.filter(left_id__in=account_ids, right_id__in=account_ids))
