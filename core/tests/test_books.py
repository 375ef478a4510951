"""Verification of the books, and the seal over them."""

from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from core import books as registry
from core.models import Journal, Posting, Seal, SealedJournal
from core.money import Money
from core.services import books, ledger, seal
from core.tests.factories import LedgerAccountFactory


@pytest.fixture
def pair(transactional_db):
    return LedgerAccountFactory().pk, LedgerAccountFactory().pk


@pytest.fixture(autouse=True)
def no_checks(monkeypatch):
    monkeypatch.setattr(registry, "_checks", {})


def post(pair, count=1, start=0):
    for index in range(start, start + count):
        legs = [(pair[0], Money(-index - 1, "USD")), (pair[1], Money(index + 1, "USD"))]
        with transaction.atomic():
            ledger.journal_post_in_tx(book="virtual", kind="t", reference=f"r{index}", legs=legs, memo='a "b"\nc|d')


def tamper(sql, *values):
    """Change rows behind the triggers' back, as a superuser could."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            cursor.execute(sql, values)
        finally:
            cursor.execute("SET session_replication_role = origin")


def run() -> tuple[str, bool]:
    out = StringIO()
    try:
        call_command("verify_books", stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode != 1
    return out.getvalue(), True


def test_sound_books(pair):
    post(pair, 3)
    assert seal.seal_journals() == 3
    text, sound = run()
    assert sound
    assert "3 journals, 6 postings, 2 ledger accounts, 0 journals not sealed yet" in text
    assert "journals balanced: 3 checked, 0 differ" in text
    assert "seal chain: 1 checked, 0 differ" in text


def test_an_unbalanced_journal_is_named(pair):
    post(pair, 2)
    journal = Journal.objects.latest("pk")
    tamper(
        "UPDATE core_posting SET amount_minor = amount_minor + 7 WHERE journal_id = %s AND amount_minor > 0", journal.pk
    )
    text, sound = run()
    assert not sound
    assert f"journal_id={journal.pk}" in text
    assert "off balance by 7 USD" in text


def test_a_missing_posting_and_a_foreign_currency_are_named(pair):
    post(pair, 2)
    first, second = Journal.objects.order_by("pk")
    tamper("DELETE FROM core_posting WHERE journal_id = %s AND amount_minor > 0", first.pk)
    tamper("UPDATE core_posting SET currency = 'EUR' WHERE journal_id = %s", second.pk)
    problems = {(item.journal_id, item.problem.split(" ")[0]) for item in books.verify().outcomes[0].mismatches}
    assert problems == {(first.pk, "it"), (second.pk, "posting")}


@dataclass(frozen=True)
class CashMismatch:
    account_id: int
    cached: int
    ledger: int


def test_registered_balances_are_checked(pair):
    registry.register_balance_check("cash", lambda: [CashMismatch(42, 100, 99)])
    registry.register_balance_check("positions", lambda: registry.CheckResult(5, []))
    text, sound = run()
    assert not sound
    assert "cash: 1 differ" in text
    assert "CashMismatch(account_id=42, cached=100, ledger=99)" in text
    assert "positions: 5 checked, 0 differ" in text


def test_the_verification_is_one_read_only_snapshot(pair):
    def check():
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            level = cursor.fetchone()[0]
            cursor.execute("SHOW transaction_read_only")
            return [] if (level, cursor.fetchone()[0]) == ("repeatable read", "on") else ["not a snapshot"]

    registry.register_balance_check("snapshot", check)
    assert books.verify().is_sound


def test_seals_are_chained(pair, monkeypatch):
    monkeypatch.setattr(seal, "BATCH", 2)
    post(pair, 5)
    assert seal.seal_journals() == 5
    assert seal.seal_journals() == 0
    seals = list(Seal.objects.order_by("pk"))
    assert [item.journals for item in seals] == [2, 2, 1]
    assert seals[0].previous_hash == seal.GENESIS
    assert [item.previous_hash for item in seals[1:]] == [item.hash for item in seals[:-1]]
    assert seal.verify_chain() == (3, [])


def test_a_journal_that_commits_late_is_sealed_later(pair, monkeypatch):
    post(pair, 3)
    late = Journal.objects.order_by("pk")[1]
    monkeypatch.setattr(seal, "_unsealed_ids", lambda **_: [j.pk for j in Journal.objects.exclude(pk=late.pk)])
    seal._seal_batch(thorough=False)
    monkeypatch.undo()
    assert not SealedJournal.objects.filter(pk=late.pk).exists()
    assert seal.seal_journals() == 1
    assert seal.verify_chain() == (2, [])


def test_the_thorough_run_finds_journals_far_behind(pair, monkeypatch):
    post(pair, 3)
    monkeypatch.setattr(seal, "LOOK_BACK", 0)
    ids = list(Journal.objects.order_by("pk").values_list("pk", flat=True))
    monkeypatch.setattr(seal, "_unsealed_ids", lambda **_: ids[2:])
    seal._seal_batch(thorough=False)
    monkeypatch.undo()
    monkeypatch.setattr(seal, "LOOK_BACK", 0)
    assert seal.seal_journals() == 0
    assert seal.seal_journals(thorough=True) == 2


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE core_journal SET memo = 'other' WHERE id = (SELECT min(id) FROM core_journal)",
        "UPDATE core_posting SET amount_minor = -amount_minor WHERE journal_id = (SELECT min(id) FROM core_journal)",
        "UPDATE core_ledgeraccount SET code = 'mine' WHERE id = (SELECT min(id) FROM core_ledgeraccount)",
        "UPDATE core_seal SET hash = repeat('a', 64) WHERE id = (SELECT min(id) FROM core_seal)",
        "DELETE FROM core_sealedjournal WHERE journal_id = (SELECT min(id) FROM core_journal)",
        "DELETE FROM core_seal WHERE id = (SELECT min(id) FROM core_seal)",
    ],
)
def test_tampering_shows_in_the_chain(pair, monkeypatch, sql):
    monkeypatch.setattr(seal, "BATCH", 2)
    post(pair, 4)
    seal.seal_journals()
    assert seal.verify_chain()[1] == []
    tamper(sql)
    assert seal.verify_chain()[1]


def test_two_sealers_do_not_fork_the_chain(pair):
    """While one seals, another finds nothing to do."""
    post(pair, 2)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [seal._LOCK])
            assert seal.seal_journals() == 0
            cursor.execute("COMMIT")
    finally:
        other.close()
    assert seal.seal_journals() == 2
    assert Posting.objects.count() == 4
