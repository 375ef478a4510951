"""Writes to the double-entry ledger, in the caller's transaction. PostgreSQL refuses an unbalanced one at commit."""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from core.errors import Conflict, Invalid, NotFound
from core.models import Journal, LedgerAccount, Posting
from core.money import Money

Leg = tuple[int, Money]


def ledger_account_get_or_create_in_tx(*, book: str, code: str, kind: str, currency: str) -> int:
    """The id of the ledger account (book, code, currency), made when it is not there yet."""
    account, _ = LedgerAccount.objects.get_or_create(book=book, code=code, currency=currency, defaults={"kind": kind})
    if account.kind != kind:
        raise Conflict("ledger_account_kind", f"The ledger account {code} is of another kind.", {"kind": account.kind})
    return account.pk


def journal_post_in_tx(
    *, book: str, kind: str, reference: str, legs: Sequence[Leg], memo: str = "", market_at: datetime | None = None
) -> int:
    """Post one balanced journal and return its id. Legs of zero are left out; a reference is posted once."""
    legs = [leg for leg in legs if leg[1].minor != 0]
    _check_balanced(legs)
    try:
        with transaction.atomic():
            journal = Journal.objects.create(book=book, kind=kind, reference=reference, memo=memo, market_at=market_at)
    except IntegrityError as error:
        raise Conflict("journal_exists", "This has already been posted.", {"reference": reference}) from error
    Posting.objects.bulk_create(
        Posting(journal=journal, account_id=account_id, amount_minor=money.minor, currency=money.currency)
        for account_id, money in legs
    )
    return journal.pk


def journal_reverse_in_tx(*, journal_id: int, memo: str) -> int:
    """Correct a journal by posting its mirror image; a journal can be reversed once."""
    journal = Journal.objects.filter(pk=journal_id).first()
    if journal is None:
        raise NotFound("journal_not_found", "There is no such journal.")
    postings = Posting.objects.filter(journal=journal).order_by("pk")
    legs = [(posting.account_id, Money(-posting.amount_minor, posting.currency)) for posting in postings]
    return journal_post_in_tx(
        book=journal.book, kind="reversal", reference=f"reversal:{journal.pk}", legs=legs, memo=memo
    )


def _check_balanced(legs: Sequence[Leg]) -> None:
    totals: dict[str, int] = {}
    for _, money in legs:
        totals[money.currency] = totals.get(money.currency, 0) + money.minor
    if len(legs) < 2 or any(totals.values()):
        raise Invalid("journal_unbalanced", "The legs of a journal must balance to zero in each currency.")
