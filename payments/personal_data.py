"""What payments hold about a person. Money that moved stays in the books when they go; what names them does not."""

from django.db.models import Q

from accounts.domain.privacy import DELETED_NAME
from accounts.ports import Obstacle, PersonalData, Table
from core.models import LedgerAccount, Posting
from payments import models
from payments.domain import chart, states
from payments.selectors.payouts import owed_to
from payments.selectors.plans import subscription_row

_OPERATOR = "Who did it: it may be somebody who runs the platform."
_SECRET = "It is encrypted, and would let others pay into or ask about your account."  # noqa: S105


def _postings(user_id: int) -> Q:
    codes = [chart.customer(user_id), chart.payable(user_id), chart.reserved(user_id)]
    return Q(account__book=LedgerAccount.Book.REAL, account__code__in=codes)


TABLES = (
    Table("customers", "As whom payment providers know you.", models.Customer, "user_id"),
    Table("payments", "What you bought, and what it cost.", models.Payment, "user_id"),
    Table("payment_steps", "Each step of each payment.", models.PaymentStep, "payment__user_id"),
    Table("refunds", "What went back to you.", models.Refund, "payment__user_id",
          leave_out={"requested_by_id": _OPERATOR}),
    Table("disputes", "Payments that you contested at your bank.", models.Dispute, "payment__user_id"),
    Table("invoices", "Your invoices and credit notes.", models.Invoice, "user_id"),
    Table("coupons_used", "Coupons that you used.", models.CouponUse, "user_id"),
    Table("subscriptions", "Plans of yours that renew.", models.Subscription, "user_id"),
    Table("plans", "Plans that you had, and when.", models.PlanGrant, "user_id", leave_out={"given_by_id": _OPERATOR}),
    Table("usage", "How often you used what is counted.", models.Usage, "user_id"),
    Table("payees", "Where you are paid.", models.Payee, "user_id", leave_out={"details": _SECRET}),
    Table("payouts", "What was paid out to you.", models.Payout, "user_id",
          leave_out={"reviewed_by_id": _OPERATOR, "approved_by_id": _OPERATOR,
                     "flags": "What reviewers look at, to keep out those who must not be paid."}),
    Table("payout_steps", "Each step of each payout.", models.PayoutStep, "payout__user_id",
          leave_out={"actor_id": _OPERATOR}),
    Table(
        "money", "Every movement of money on your accounts in the books.", Posting, _postings,
        columns=("id", "journal_id", "account__code", "amount_minor", "currency", "journal__kind", "journal__reference",
                 "journal__memo", "journal__created_at"),
    ),
)  # fmt: skip

LEFT_OUT = {
    "payments.PayoutBatch": "It names who runs the platform.",
    "payments.Difference": "It names who runs the platform.",
}


def _erase(user_id: int) -> None:
    """Forget where the person was paid, and their name on papers; amounts and numbers stay."""
    models.Payee.objects.filter(user_id=user_id).update(details="", label=DELETED_NAME, is_active=False)
    for invoice in models.Invoice.objects.filter(user_id=user_id):
        invoice.document = {**invoice.document, "buyer": {"name": DELETED_NAME, "country": ""}}
        invoice.save(update_fields=["document"])


def money_obstacle(user_id: int) -> Obstacle | None:
    """What of a person's money must be settled before they go."""
    if models.Payout.objects.filter(user_id=user_id, status__in=states.UNSETTLED_PAYOUTS).exists():
        return Obstacle("payout_on_its_way", "A payout of yours is on its way. Wait until it has arrived.")
    if any(owed.available_minor > 0 for owed in owed_to(user_id)):
        return Obstacle("money_owed", "We owe you money. Ask for a payout first, or tell us to keep it.")
    if subscription_row(user_id) is not None:
        return Obstacle("plan_running", "A plan of yours renews. End it on your billing page first.")
    rows = models.Payment.objects.filter(user_id=user_id, status__in=states.OPEN_PAYMENTS)
    if rows.exclude(checkout_ref="").exists():
        return Obstacle("payment_open", "A payment of yours is open. Pay it, give it up, or wait an hour.")
    return None


DATA = PersonalData(app="payments", tables=TABLES, left_out=LEFT_OUT, erase=_erase)
