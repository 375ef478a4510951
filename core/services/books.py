"""Proof of the books: every journal balanced, the seals intact, every cached balance equal to the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from core.books import CheckResult, balance_checks
from core.models import Journal, LedgerAccount, Posting
from core.services import seal


@dataclass(frozen=True, slots=True)
class JournalMismatch:
    """A journal that breaks the ledger's laws."""

    journal_id: int
    problem: str


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check: what it is called, how many rows it looked at (None when it does not say), what disagrees."""

    name: str
    checked: int | None
    mismatches: list[Any]


@dataclass(frozen=True, slots=True)
class BooksReport:
    """The whole verification."""

    ledger_accounts: int
    journals: int
    postings: int
    unsealed: int
    outcomes: list[CheckOutcome]

    @property
    def is_sound(self) -> bool:
        """Whether nothing disagrees."""
        return not any(outcome.mismatches for outcome in self.outcomes)


def verify() -> BooksReport:
    """Check everything in one snapshot, so that postings made meanwhile cannot look like differences."""
    with _snapshot():
        journals = Journal.objects.count()
        seals, seal_mismatches = seal.verify_chain()
        outcomes = [
            CheckOutcome("journals balanced", journals, list(_journal_mismatches())),
            CheckOutcome("seal chain", seals, list(seal_mismatches)),
            *(_outcome(name, check()) for name, check in balance_checks().items()),
        ]
        return BooksReport(
            ledger_accounts=LedgerAccount.objects.count(),
            journals=journals,
            postings=Posting.objects.count(),
            unsealed=seal.unsealed_count(),
            outcomes=outcomes,
        )


@contextmanager
def _snapshot() -> Iterator[None]:
    """A read-only snapshot without a time limit; inside a transaction (a test) that one's view serves."""
    nested = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if not nested:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
        yield


def _outcome(name: str, result: Any) -> CheckOutcome:
    if isinstance(result, CheckResult):
        return CheckOutcome(name, result.checked, list(result.mismatches))
    return CheckOutcome(name, None, list(result))


def _journal_mismatches() -> Iterator[JournalMismatch]:
    for sql, problem in _JOURNAL_LAWS:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            for pk, detail in cursor.fetchall():
                yield JournalMismatch(pk, problem.format(detail))


_JOURNAL_LAWS = [
    (
        "SELECT journal_id, sum(amount_minor) || ' ' || currency FROM core_posting"
        " GROUP BY journal_id, currency HAVING sum(amount_minor) <> 0 ORDER BY 1",
        "it is off balance by {}",
    ),
    (
        "SELECT j.id, count(p.id) FROM core_journal j LEFT JOIN core_posting p ON p.journal_id = j.id"
        " GROUP BY j.id HAVING count(p.id) < 2 ORDER BY 1",
        "it has {} postings",
    ),
    (
        "SELECT j.id, p.id FROM core_posting p JOIN core_journal j ON j.id = p.journal_id"
        " JOIN core_ledgeraccount a ON a.id = p.account_id"
        " WHERE a.book <> j.book OR a.currency <> p.currency ORDER BY 1",
        "posting {} is in another book or currency than its ledger account",
    ),
]
