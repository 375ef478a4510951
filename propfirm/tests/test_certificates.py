"""Certificates: what anyone may see, and whether it still is so."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.test import Client
from rest_framework.test import APIClient

from core.errors import NotFound
from marketdata.models import Market
from propfirm.adapters.certificate_pdf import certificate_pdf
from propfirm.domain.certificates import standing_words
from propfirm.locks import account_lock
from propfirm.models import PropCertificate
from propfirm.selectors.certificates import certificate_by_code, certificates_query
from propfirm.services.certificates import certificate_make_in_tx
from propfirm.services.moves import move_in_tx
from propfirm.tests import factories as make


@pytest.mark.parametrize(
    ("kind", "status", "paid", "holds", "word"),
    [
        ("passed", "funded", "", True, "goes on today"),
        ("passed", "failed", "", True, "has ended on 02 March 2026 since"),
        ("funded", "funded", "", True, "funded today"),
        ("funded", "failed", "", False, "was funded then"),
        ("payout", "failed", "paid", True, "has arrived"),
        ("payout", "funded", "returned", False, "returned"),
    ],
)
def test_what_has_become_of_it_is_said(kind, status, paid, holds, word):
    ended = datetime(2026, 3, 2, tzinfo=UTC) if status == "failed" else None
    found, words = standing_words(kind, status=status, ended_at=ended, paid=paid)
    assert found is holds
    assert word in words


@pytest.mark.django_db
def test_anyone_may_look_and_sees_the_name_alone():
    account, _ = make.prop_account(make.plan(make.market(), steps="instant"))
    Market.objects.update(is_simulated=True)
    with transaction.atomic():
        made = certificate_make_in_tx(account_lock(account.pk), "funded", phase=make.phase_of(account))
        assert certificate_make_in_tx(account, "funded", phase=make.phase_of(account)) == made
    url = f"/prop-firm/certificates/{made.code}"
    text = Client().get(url).content.decode()
    assert account.owner.display_name in text
    assert "100,000.00" in text
    assert "SIMULATED" in text
    for secret in (account.owner.email, account.number):
        assert secret not in text
    found = APIClient().get(f"/api/v1{url}").json()
    assert (found["holds"], found["size"], found["is_simulated"]) == (True, "100000.00", True)
    assert not {"email", "number", "owner_id"} & set(found)
    assert [row.pk for row in certificates_query(account.pk)] == [made.pk]
    with transaction.atomic():
        move_in_tx(account_lock(account.pk), "failed", message="Too much was lost.")
    again = certificate_by_code(made.code)
    assert (again.holds, "has ended" in again.standing) == (False, True)
    assert "Was so then" in Client().get(url).content.decode()
    pdf = Client().get(f"{url}.pdf")
    assert pdf.content.startswith(b"%PDF")
    assert certificate_pdf(again, "x") == certificate_pdf(again, "x")
    assert Client().get(f"{url[:-1]}x").status_code == 404
    with pytest.raises(NotFound):
        certificate_by_code("")
    assert PropCertificate.objects.count() == 1
