"""The provider's statement against the books."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import Conflict
from core.models import Journal
from core.services.books import verify
from payments.adapters.sandbox import charges, checkouts, store
from payments.domain.ports import MovementKind
from payments.models import Difference, Payment, SandboxMovement
from payments.selectors.books import balance_of
from payments.services import reconciliation
from payments.services.checkout import purchase_begin
from payments.services.reconciliation import difference_book, difference_dismiss, reconcile
from payments.services.refunding import refund_request
from payments.services.sandbox import events_deliver

pytestmark = pytest.mark.django_db


def run():
    until = timezone.now() + timedelta(minutes=1)
    return reconcile(provider="sandbox", since=until - timedelta(days=1), until=until)


@pytest.fixture
def paid(things):
    view = purchase_begin(actor=UserFactory(), kind="thing", reference="one", idempotency_key="k")
    checkouts.checkout_pay(view.url.rsplit("/", 1)[1], "pay")
    events_deliver()
    return Payment.objects.get(pk=view.id)


def provider_balance():
    return sum(row.amount_minor - row.fee_minor for row in SandboxMovement.objects.all())


def test_fees_are_booked_once_and_then_both_agree(paid):
    assert balance_of("clearing:sandbox", "USD") == 5_000
    first = run()
    assert (first.status, first.movements, first.fees_booked) == ("clean", 1, 1)
    assert balance_of("fees:sandbox", "USD") == charges.fee_of(5_000) == 175
    assert balance_of("clearing:sandbox", "USD") == provider_balance() == 4_825
    again = run()
    assert (again.status, again.fees_booked, again.balances) == ("clean", 0, {"USD": [4_825, 4_825]})
    refund_request(actor=None, payment_id=paid.pk, amount_minor=700, reason="x", idempotency_key="r")
    charges.dispute_open(paid.charge_ref, 1_000)
    events_deliver()
    assert run().status == "clean"
    assert balance_of("clearing:sandbox", "USD") == provider_balance()
    out = StringIO()
    call_command("reconcile_payments", "--provider", "sandbox", stdout=out)
    assert "clean" in out.getvalue()
    assert verify().is_sound


def test_what_the_books_do_not_know_is_named_with_its_journal_and_booked_by_a_person(paid):
    store.move(MovementKind.CHARGE, "sch_unknown", 333, "USD", fee=3)
    assert run().status == "differs"
    row = Difference.objects.get()
    assert (row.kind, row.provider_minor, row.books_minor) == ("not_booked", 333, 0)
    assert row.proposal == [["clearing:sandbox", 333], ["suspense", -333]]
    with pytest.raises(CommandError):
        call_command("reconcile_payments", stdout=StringIO())
    difference_book(actor=UserFactory(), difference_id=row.pk, reason="A charge made by hand.")
    assert balance_of("suspense", "USD") == -333
    assert run().status == "clean"
    assert balance_of("clearing:sandbox", "USD") == provider_balance()
    with pytest.raises(Conflict):
        difference_dismiss(actor=UserFactory(), difference_id=row.pk, reason="No.")


def test_what_only_the_books_know_counts_after_an_hour(paid):
    SandboxMovement.objects.all().delete()
    assert run().status == "clean"  # a statement may lag
    # The ledger cannot be changed, so the clock of the comparison is moved instead.
    from payments.services import reconciliation

    late, reconciliation.LATE = reconciliation.LATE, timedelta(0)
    try:
        assert run().status == "differs"
    finally:
        reconciliation.LATE = late
    row = Difference.objects.get()
    assert (row.kind, row.provider_minor, row.books_minor) == ("not_there", 0, 5_000)
    assert Journal.objects.filter(kind="reconciliation").count() == 0


def test_amounts_that_differ_and_differences_that_go_away(paid):
    SandboxMovement.objects.filter(source_ref=paid.charge_ref).update(amount_minor=4_990)
    assert run().status == "differs"
    row = Difference.objects.get()
    assert (row.kind, row.proposal[0]) == ("amount", ["clearing:sandbox", -10])
    from payments.models import BalanceMovement

    BalanceMovement.objects.update(amount_minor=5_000)
    assert run().status == "clean"
    row.refresh_from_db()
    assert row.status == "gone"


def test_with_nothing_set_up_there_is_nothing_to_compare(settings):
    settings.SANDBOX_PAYMENTS = False
    out = StringIO()
    call_command("reconcile_payments", stdout=out)
    assert "nothing to compare" in out.getvalue()


def test_what_was_never_told_is_asked_about_before_it_is_a_difference(things):
    view = purchase_begin(actor=UserFactory(), kind="thing", reference="one", idempotency_key="k")
    checkouts.checkout_pay(view.url.rsplit("/", 1)[1], "pay")
    assert run().status == "clean"
    assert things.granted == [view.id]


def test_a_movement_of_another_day_is_the_same_movement(paid, monkeypatch):
    monkeypatch.setattr(reconciliation, "LATE", -timedelta(hours=1))  # no statement is late here
    SandboxMovement.objects.update(at=timezone.now() - timedelta(days=3))
    until = timezone.now() + timedelta(minutes=1)
    reconcile(provider="sandbox", since=until - timedelta(days=9), until=until)
    assert run().status == "clean"
