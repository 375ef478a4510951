"""Balances of the book `real`, in integer minor units; positive is a debit."""

from django.db.models import Sum

from core.models import LedgerAccount, Posting


def balance_of(code: str, currency: str) -> int:
    """The balance of one account; 0 when it does not exist yet."""
    account = {"account__book": LedgerAccount.Book.REAL, "account__code": code, "account__currency": currency}
    return int(Posting.objects.filter(**account).aggregate(total=Sum("amount_minor"))["total"] or 0)


def balances(prefix: str) -> dict[tuple[str, str], int]:
    """The balances of the accounts whose codes begin so, by (code, currency)."""
    rows = Posting.objects.filter(account__book=LedgerAccount.Book.REAL, account__code__startswith=prefix)
    found = rows.values_list("account__code", "account__currency").annotate(total=Sum("amount_minor")).order_by()
    return {(code, currency): int(total) for code, currency, total in found}
