"""Every row lock of the propfirm app. A plan is locked before an account, an account before its trading account."""

from __future__ import annotations

from core.errors import NotFound
from propfirm.models import PropAccount, PropDispute, PropPayout, PropPhase, PropPlan


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
