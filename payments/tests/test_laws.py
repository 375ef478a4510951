"""What PostgreSQL refuses."""

from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from payments.models import Invoice, PlanPrice, PlanVersion
from payments.services.invoices import invoice_issue_in_tx
from payments.services.plans import plans_sync
from payments.tests.factories import PaymentFactory

pytestmark = pytest.mark.django_db


def refused(act):
    with pytest.raises(IntegrityError, match="keeps what it says"), transaction.atomic():
        act()


def test_plans_and_prices_stay_as_they_were_sold():
    plans_sync()
    pro = PlanVersion.objects.filter(code="pro")
    refused(lambda: pro.update(limits={"trades": 1}))
    refused(lambda: pro.update(version=9))
    refused(lambda: PlanPrice.objects.filter(plan__code="pro").update(amount_minor=1))
    refused(lambda: PlanPrice.objects.first().delete())
    assert pro.update(is_offered=False) == 1
    made = plans_sync()
    assert made == ["Pro version 2"]
    assert PlanPrice.objects.filter(plan__code="pro", plan__is_offered=True).count() == 6


def test_an_invoice_keeps_number_and_amounts():
    payment = PaymentFactory()
    invoice = invoice_issue_in_tx(payment)
    rows = Invoice.objects.filter(pk=invoice.pk)
    refused(lambda: rows.update(total_minor=1))
    refused(lambda: rows.update(number="INV-1"))
    refused(rows.delete)
    assert rows.update(document={**invoice.document, "buyer": {"name": "", "country": ""}}) == 1
    assert invoice_issue_in_tx(payment).pk == invoice.pk
    second = invoice_issue_in_tx(PaymentFactory())
    assert int(second.number[-6:]) == int(invoice.number[-6:]) + 1


@pytest.mark.django_db(transaction=True)
def test_the_laws_can_be_taken_back():
    folder = Path(apps.get_app_config("payments").path) / "sql"
    plans_sync()
    with connection.cursor() as cursor:
        cursor.execute((folder / "laws_drop.sql").read_text())
        assert PlanVersion.objects.filter(code="pro").update(rank=7) == 1
        cursor.execute((folder / "laws.sql").read_text())
    refused(lambda: PlanVersion.objects.filter(code="pro").update(rank=8))
