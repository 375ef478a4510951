"""The ledger's laws, tried against PostgreSQL itself."""

from pathlib import Path

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

import core
from core.errors import Conflict, Invalid
from core.models import AuditEntry, Journal, LedgerAccount, Posting, Seal, SealedJournal
from core.money import Money
from core.services import audit, ledger, seal
from core.tests.factories import LedgerAccountFactory


def usd(minor: int) -> Money:
    return Money(minor, "USD")


@pytest.fixture
def accounts(transactional_db):
    return [LedgerAccountFactory().pk for _ in range(3)]


def post(accounts, reference="r1", legs=None, **options) -> int:
    legs = legs or [(accounts[0], usd(-1000)), (accounts[1], usd(990)), (accounts[2], usd(10))]
    with transaction.atomic():
        return ledger.journal_post_in_tx(book="virtual", kind="test", reference=reference, legs=legs, **options)


def raw_post(legs, book="virtual", reference="raw") -> None:
    """Write rows past the service: only the database stands guard."""
    with transaction.atomic():
        journal = Journal.objects.create(book=book, kind="raw", reference=reference)
        for account_id, minor, currency in legs:
            Posting.objects.create(journal=journal, account_id=account_id, amount_minor=minor, currency=currency)


def test_a_balanced_journal_is_posted(accounts):
    journal_id = post(accounts, memo="hello")
    assert Posting.objects.filter(journal_id=journal_id).count() == 3
    assert Journal.objects.get().memo == "hello"


def test_legs_of_zero_are_left_out(accounts):
    legs = [(accounts[0], usd(-5)), (accounts[1], usd(5)), (accounts[2], usd(0))]
    assert Posting.objects.filter(journal_id=post(accounts, legs=legs)).count() == 2


@pytest.mark.parametrize("amounts", [[], [0, 0], [5], [5, -4]])
def test_the_service_refuses_unbalanced_legs(accounts, amounts):
    with pytest.raises(Invalid) as caught:
        ledger.journal_post_in_tx(
            book="virtual", kind="t", reference="r", legs=[(accounts[0], usd(amount)) for amount in amounts]
        )
    assert caught.value.code == "journal_unbalanced"


def test_a_reference_is_posted_once(accounts):
    post(accounts)
    with pytest.raises(Conflict):
        post(accounts)
    assert Journal.objects.count() == 1


def test_a_reversal_mirrors_and_happens_once(accounts):
    journal_id = post(accounts)
    with transaction.atomic():
        mirror = ledger.journal_reverse_in_tx(journal_id=journal_id, memo="mistake")
    amounts = Posting.objects.filter(journal_id=mirror).order_by("pk").values_list("amount_minor", flat=True)
    assert list(amounts) == [1000, -990, -10]
    with pytest.raises(Conflict), transaction.atomic():
        ledger.journal_reverse_in_tx(journal_id=journal_id, memo="again")


@pytest.mark.parametrize(
    ("legs", "message"),
    [
        ([(0, 100, "USD"), (1, -99, "USD")], "does not balance"),
        ([(0, 100, "USD")], "fewer than two"),
        ([], "fewer than two"),
        ([(0, 100, "USD"), (1, -100, "EUR")], "another book or currency"),
    ],
)
def test_the_database_refuses_a_lawless_journal_at_commit(accounts, legs, message):
    with pytest.raises(IntegrityError, match=message):
        raw_post([(accounts[index], minor, currency) for index, minor, currency in legs])
    assert not Journal.objects.exists()
    assert not Posting.objects.exists()


def test_each_currency_balances_by_itself(accounts):
    euro = [LedgerAccountFactory(currency="EUR").pk for _ in range(2)]
    raw_post([(accounts[0], 5, "USD"), (accounts[1], -5, "USD"), (euro[0], 7, "EUR"), (euro[1], -7, "EUR")])
    with pytest.raises(IntegrityError, match="does not balance"):
        raw_post(
            [(accounts[0], 5, "USD"), (accounts[1], -4, "USD"), (euro[0], -1, "EUR"), (euro[1], -1, "EUR")],
            reference="raw2",
        )


def test_books_do_not_mix(accounts):
    real = LedgerAccountFactory(book="real").pk
    with pytest.raises(IntegrityError, match="another book or currency"):
        raw_post([(accounts[0], 5, "USD"), (real, -5, "USD")])


def test_the_order_of_legs_inside_the_transaction_is_free(accounts):
    """The balance is looked at when the transaction commits, not before; savepoints make no difference."""
    with transaction.atomic():
        with transaction.atomic():
            journal = Journal.objects.create(book="virtual", kind="t", reference="r")
            Posting.objects.create(journal=journal, account_id=accounts[0], amount_minor=3, currency="USD")
        with transaction.atomic():
            Posting.objects.create(journal=journal, account_id=accounts[1], amount_minor=-3, currency="USD")
    assert Posting.objects.count() == 2


@pytest.mark.parametrize("amounts", [[1], [1, -1]])
def test_nothing_is_added_to_an_earlier_journal(accounts, amounts):
    journal_id = post(accounts)
    with pytest.raises(IntegrityError, match="earlier transaction"), transaction.atomic():
        Posting.objects.bulk_create(
            Posting(journal_id=journal_id, account_id=accounts[0], amount_minor=amount, currency="USD")
            for amount in amounts
        )
    assert Posting.objects.count() == 3


def test_a_zero_posting_is_refused(accounts):
    with pytest.raises(IntegrityError):
        raw_post([(accounts[0], 0, "USD"), (accounts[1], 0, "USD")])


TABLES = ["core_ledgeraccount", "core_journal", "core_posting", "core_seal", "core_sealedjournal", "core_auditentry"]


@pytest.fixture
def written(accounts):
    post(accounts)
    seal.seal_journals()
    audit.record(actor=None, action="a", subject_type="s", subject_id=1)


@pytest.mark.parametrize("model", [LedgerAccount, Journal, Posting, Seal, SealedJournal, AuditEntry])
def test_rows_cannot_be_changed_or_deleted(written, model):
    column = {SealedJournal: "seal_id", Posting: "amount_minor", Seal: "journals", Journal: "memo"}.get(model, "id")
    before = list(model.objects.values())
    assert before
    with connection.cursor() as cursor:
        for statement in (
            f"UPDATE {model._meta.db_table} SET {column} = {column}",
            f"DELETE FROM {model._meta.db_table}",
        ):
            with pytest.raises(IntegrityError, match="append-only"):
                cursor.execute(statement)
    assert list(model.objects.values()) == before


@pytest.mark.parametrize("table", TABLES)
def test_tables_cannot_be_emptied(written, table):
    with connection.cursor() as cursor:
        cursor.execute("SET arena.allow_truncate = off")
        try:
            with pytest.raises(DatabaseError, match="append-only"):
                cursor.execute(f"TRUNCATE {table} CASCADE")
        finally:
            cursor.execute("SET arena.allow_truncate = on")


def test_ledger_accounts_are_made_once_and_keep_their_kind(db):
    wanted = {"book": "virtual", "code": "market:1:clearing", "currency": "USD"}
    first = ledger.ledger_account_get_or_create_in_tx(kind="clearing", **wanted)
    assert ledger.ledger_account_get_or_create_in_tx(kind="clearing", **wanted) == first
    with pytest.raises(Conflict):
        ledger.ledger_account_get_or_create_in_tx(kind="cash", **wanted)


def test_the_sql_can_be_undone_and_done_again(transactional_db):
    folder = Path(core.__file__).parent / "sql"
    down = (folder / "ledger_drop.sql").read_text().replace("core_append_only();", "core_append_only() CASCADE;")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(down)
        cursor.execute((folder / "ledger.sql").read_text())
        transaction.set_rollback(True)
