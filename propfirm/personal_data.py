"""What the firm holds about a person. Accounts, verdicts and payouts stay when they go; what they wrote does not."""

from django.db.models import Q

from accounts.ports import PersonalData, Table
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
)  # fmt: skip
