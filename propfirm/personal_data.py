"""What the firm holds about a person. Accounts, verdicts and payouts stay when they go; what they wrote does not."""

from django.db.models import Case, F, Max, Q, QuerySet, Value, When

from accounts.domain.privacy import day
from accounts.ports import Obstacle, PersonalData, Table
from propfirm.models import (
    Affiliate,
    PropAccount,
    PropActivity,
    PropCertificate,
    PropDispute,
    PropFinding,
    PropPayout,
    PropPhase,
    PropReset,
    Referral,
)
from propfirm.services.closing import accounts_close_gone
from propfirm.services.payout_lines import OPEN


def firm_obstacle(user_id: int) -> Obstacle | None:
    """What of the firm's must be settled before a person goes. Live accounts are no obstacle: they close with it."""
    accounts = PropAccount.objects.filter(owner_id=user_id)
    if PropPayout.objects.filter(account__in=accounts, status__in=OPEN).exists():
        words = "You have asked for a payout of profit. Take it back, or wait until it is decided."
        return Obstacle("prop_payout_open", words)
    if accounts.filter(fee_refund=PropAccount.FeeRefund.DUE).exists():
        return Obstacle("fee_refund_due", "A fee is on its way back to you. Wait until it has arrived.")
    until = _owed_referrals(user_id).aggregate(until=Max("due_at"))["until"]
    if until is not None:
        words = f"You have brought buyers who may still take their fee back, the last one until {day(until)}."
        return Obstacle("commission_held", f"{words} Have your code switched off, and come back after that.")
    return None


def _owed_referrals(user_id: int) -> QuerySet[Referral]:
    """Commissions that wait and will be earned as things stand: not the whole fee has gone back."""
    returned = Case(When(account__fee_refund=PropAccount.FeeRefund.NONE, then=F("payment__refunded_minor")),
                    default=Value(0))  # fmt: skip
    rows = Referral.objects.filter(affiliate__user_id=user_id, status=Referral.Status.HELD)
    return rows.filter(payment__captured_minor__gt=F("payment__lost_minor") + returned)


def _afterwards(user_id: int) -> None:
    """Close their live accounts, each under its own locks: trading has locked them already, so that none trades."""
    accounts_close_gone(user_id)


def _erase(user_id: int) -> None:
    PropDispute.objects.filter(account__owner_id=user_id).update(body="")
    Affiliate.objects.filter(user_id=user_id).update(is_active=False)


DATA = PersonalData(
    app="propfirm",
    tables=(
        Table(
            "prop_accounts", "Evaluations and funded accounts that you bought.", PropAccount, "owner_id",
            columns=("id", "number", "plan__code", "plan__version", "add_ons", "status", "payment_id", "fee_minor",
                     "created_at", "activated_at", "ended_at", "end_reason"),
        ),
        Table("prop_phases", "The phases of them that you traded.", PropPhase, "account__owner_id",
              columns=("id", "account__number", "name", "attempt", "status", "trading_account_id", "verdict_id",
                       "started_at", "ended_at")),
        Table("prop_activities", "What happened to them.", PropActivity, "account__owner_id",
              columns=("id", "account__number", "kind", "message", "created_at")),
        Table("prop_resets", "Resets that you bought.", PropReset, "account__owner_id",
              columns=("id", "account__number", "payment_id", "status", "created_at")),
        Table("prop_payouts", "Payouts of profit that you asked for.", PropPayout, "account__owner_id",
              columns=("id", "account__number", "gross_minor", "trader_minor", "currency", "status", "reason",
                       "created_at", "decided_at")),
        Table("prop_certificates", "Certificates of what you achieved.", PropCertificate, "account__owner_id",
              columns=("id", "account__number", "kind", "code", "created_at")),
        Table("prop_disputes", "Your objections to verdicts.", PropDispute, "account__owner_id",
              columns=("id", "account__number", "verdict_id", "body", "status", "note", "created_at", "decided_at")),
        Table("prop_leads", "Leads that name accounts of yours; the other one is not yours to see.", PropFinding,
              lambda user_id: Q(left__owner_id=user_id) | Q(right__owner_id=user_id),
              columns=("id", "kind", "score", "status", "first_seen_at", "last_seen_at")),
        Table("affiliate", "Your code as an affiliate.", Affiliate, "user_id",
              columns=("id", "code", "commission_bp", "discount_bp", "is_active", "created_at")),
        Table("referrals", "Purchases that you brought.", Referral, "affiliate__user_id",
              columns=("id", "commission_minor", "currency", "status", "due_at", "created_at")),
    ),
    left_out={
        "propfirm.PropPlan": "It names who runs the platform.",
    },
    erase=_erase,
    afterwards=_afterwards,
)  # fmt: skip
