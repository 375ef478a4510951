"""Journals of the book `real`, by the codes of payments.domain.chart."""

from collections.abc import Sequence

from core.models import Journal, LedgerAccount
from core.money import Money
from core.services import ledger
from payments.domain import chart

REAL = LedgerAccount.Book.REAL.value


def account_id_in_tx(code: str, currency: str) -> int:
    """The ledger account of a code, made when it is not there yet."""
    return ledger.ledger_account_get_or_create_in_tx(book=REAL, code=code, kind=chart.kind_of(code), currency=currency)


def post_in_tx(*, kind: str, reference: str, currency: str, legs: Sequence[tuple[str, int]], memo: str = "") -> None:
    """Post one balanced journal of (account code, minor units; positive is a debit). Raises Conflict `journal_exists`.

    Legs of one account are added up; nothing is posted when all of it comes to zero. Ledger accounts are made in the
    order of their codes, so that two transactions never wait for each other.
    """
    totals: dict[str, int] = {}
    for code, minor in legs:
        totals[code] = totals.get(code, 0) + minor
    wanted = {code: minor for code, minor in totals.items() if minor}
    if not wanted:
        return
    ids = {code: account_id_in_tx(code, currency) for code in sorted(wanted)}
    ledger.journal_post_in_tx(
        book=REAL,
        kind=kind,
        reference=reference,
        legs=[(ids[code], Money(minor, currency)) for code, minor in wanted.items()],
        memo=memo[:200],
    )


def is_posted(reference: str) -> bool:
    """Whether a journal with this reference is in the books."""
    return Journal.objects.filter(reference=reference).exists()
