"""Papers: an unbroken series, whoever draws from it; tax that adds up; the same bytes every time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.tests.factories import UserFactory
from payments.adapters.invoice_pdf import invoice_pdf
from payments.domain.amounts import tax_of
from payments.models import Invoice, Refund
from payments.selectors.invoices import paper_get
from payments.services import invoices
from payments.services.invoices import credit_note_issue_in_tx, invoice_issue_in_tx
from payments.tests.factories import PaymentFactory


def issue(payment):
    with transaction.atomic():
        return invoice_issue_in_tx(payment)


def refund(payment, minor):
    row = Refund.objects.create(payment=payment, amount_minor=minor, currency="USD", reason="x", status="succeeded")
    with transaction.atomic():
        return credit_note_issue_in_tx(row)


@pytest.mark.django_db(transaction=True)
def test_sixteen_at_once_have_sixteen_numbers_without_a_gap():
    payments = [PaymentFactory() for _ in range(16)]

    def act(payment):
        try:
            return issue(payment).number
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(act, payments))
    year = datetime.now(tz=UTC).year
    assert numbers == [f"INV-{year}-{n:06d}" for n in range(1, 17)]
    assert issue(payments[0]).number in numbers  # the one that there is


@pytest.mark.django_db
def test_one_that_is_rolled_back_leaves_no_gap():
    class Stop(Exception):
        pass

    def give_up():
        with transaction.atomic():
            invoice_issue_in_tx(PaymentFactory())
            raise Stop

    with pytest.raises(Stop):
        give_up()
    assert issue(PaymentFactory()).number.endswith("-000001")


@pytest.mark.django_db
def test_a_year_begins_anew_and_a_million_goes_on(monkeypatch):
    first = issue(PaymentFactory())
    series = first.number.rsplit("-", 1)[0]
    fields = {"kind": "invoice", "currency": "USD", "net_minor": 1, "tax_minor": 0, "total_minor": 1, "document": {}}
    for number in ("999999", "1000000"):
        payment = PaymentFactory()
        Invoice.objects.create(number=f"{series}-{number}", user=payment.user, payment=payment, **fields)
    assert issue(PaymentFactory()).number == f"{series}-1000001"
    later = datetime(int(series[4:]) + 1, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(invoices.timezone, "now", lambda: later)
    assert issue(PaymentFactory()).number == f"INV-{later.year}-000001"


@pytest.mark.django_db
def test_several_credit_notes_give_back_the_invoices_tax():
    payment = PaymentFactory(subtotal_minor=1_000, tax_minor=77, tax_bp=770, total_minor=1_077)
    notes = [refund(payment, minor) for minor in (7, 7, 7, 7, 1_049)]
    assert sum(note.tax_minor for note in notes) == -77
    assert sum(note.total_minor for note in notes) == -1_077
    assert all(note.net_minor + note.tax_minor == note.total_minor for note in notes)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_parts_of_a_tax_add_up_to_it(net, tax, parts):
    total = net + tax
    bounds = [0]
    for part in parts:
        bounds.append(min(total, bounds[-1] + part))
    bounds.append(total)
    taxes = [tax_of(tax, total, until) - tax_of(tax, total, since) for since, until in pairwise(bounds)]
    assert sum(taxes) == (tax if total else 0)
    assert min(taxes) >= 0


@pytest.mark.django_db
def test_the_same_paper_is_the_same_bytes():
    payment = PaymentFactory(user__display_name="Ünï <b>Cöde</b>")
    issue(payment)
    number = refund(payment, 5_000).number
    paper = paper_get(number, payment.user_id)
    made = invoice_pdf(paper)
    assert made == invoice_pdf(paper_get(number, payment.user_id))
    assert made.startswith(b"%PDF-")


@pytest.mark.django_db
def test_the_api_lists_reads_and_downloads_ones_own(client, django_assert_max_num_queries):
    payment = PaymentFactory()
    number = issue(payment).number
    client.force_login(payment.user)
    with django_assert_max_num_queries(12):
        listed = client.get("/api/v1/invoices").json()
    assert [row["number"] for row in listed["results"]] == [number]
    assert client.get(f"/api/v1/invoices/{number}").json()["document"]["payment"] == str(payment.public_id)
    file = client.get(f"/api/v1/invoices/{number}.pdf")
    assert (file["Content-Type"], file.content[:5]) == ("application/pdf", b"%PDF-")
    client.force_login(UserFactory())
    for address in (f"/api/v1/invoices/{number}", f"/api/v1/invoices/{number}.pdf"):
        assert client.get(address).status_code == 404
