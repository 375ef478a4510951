"""What trading holds about a person: accounts and all that happened in them. The books stay when the person goes."""

from django.db.models import Q

from accounts.ports import PersonalData, Table
from core.models import Posting
from trading import models
from trading.domain.types import SYSTEM
from trading.models import Account
from trading.services.flatten import cancel_all
from trading.services.locking import account_lock_in_tx

_WHO = "Who moved it: it may be somebody who runs the platform."
GONE = "The owner's account was deleted."


def _postings(user_id: int) -> Q:
    return Q(account_id__in=Account.objects.filter(owner_id=user_id).values("ledger_account_id"))


TABLES = (
    Table("accounts", "Your trading accounts.", Account, "owner_id"),
    Table("account_marks", "What they were worth last.", models.AccountMark, "account__owner_id"),
    Table("equity", "What they were worth over time.", models.EquityPoint, "account__owner_id"),
    Table("orders", "Your orders.", models.Order, "account__owner_id", leave_out={"actor_id": _WHO}),
    Table("order_steps", "Each step of each order.", models.OrderTransition, "order__account__owner_id",
          leave_out={"actor_id": _WHO}),
    Table("fills", "What was traded, at which price, and by which quote.", models.Fill, "account__owner_id"),
    Table("positions", "What you hold and held.", models.Position, "account__owner_id"),
    Table("adjustments", "Dividends, splits and the like.", models.Adjustment, "account__owner_id"),
    Table(
        "statement", "Every movement of cash in your accounts, from the books.", Posting, _postings,
        columns=("id", "journal_id", "account__code", "amount_minor", "currency", "journal__kind", "journal__reference",
                 "journal__memo", "journal__market_at", "journal__created_at"),
    ),
    Table("risk_settings", "The limits that you set yourself.", models.RiskSettings, "owner_id"),
    Table("margin_calls", "Margin calls.", models.MarginCall, "account__owner_id"),
    Table("risk_notices", "Limits that were reached.", models.RiskNotice, "account__owner_id"),
    Table("rules", "The rules that your accounts keep.", models.AccountRules, "account__owner_id"),
    Table("floors", "Where the floors of those rules lay over time.", models.FloorStep, "account__owner_id"),
    Table("verdicts", "What the rules found, with the evidence.", models.Verdict, "account__owner_id"),
)  # fmt: skip

LEFT_OUT = {
    "trading.RuleLines": "Worked out from the rules and your accounts, to look at them in time.",
    "trading.BookChange": "Notes between processes, gone after two hours.",
    "trading.EnforcementPause": "About a listing's price, and which operator let it go on.",
}


def _erase(user_id: int) -> None:
    """Take no more orders in the person's accounts. What was traded stays as it was."""
    models.RiskSettings.objects.filter(owner_id=user_id).delete()
    rows = Account.objects.filter(owner_id=user_id).exclude(status=Account.Status.CLOSED).order_by("pk")
    for account_id in rows.values_list("pk", flat=True):
        account_lock_in_tx(account_id=account_id, reason=GONE)


def _afterwards(user_id: int) -> None:
    """Cancel what still rests in the market."""
    for account_id in Account.objects.filter(owner_id=user_id).order_by("pk").values_list("pk", flat=True):
        cancel_all(actor=SYSTEM, account_id=account_id, code="owner_left")


DATA = PersonalData(app="trading", tables=TABLES, left_out=LEFT_OUT, erase=_erase, afterwards=_afterwards)
