"""The cockpit's pages: what a move of the account does to a page that is open, and the ways to it."""

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from accounts.tests.factories import UserFactory
from marketdata.tests.factories import advance
from payments.services.granting import bought_of
from propfirm.models import PropAccount, PropDispute, PropPhase
from propfirm.selectors.accounts import account_detail
from propfirm.services.lifecycle import phases_close_due
from propfirm.services.phases import phase_end_in_tx
from propfirm.services.purchases import ChallengeKind
from propfirm.tests import factories as make

pytestmark = pytest.mark.django_db


def owner_of(account):
    client = Client()
    client.force_login(User.objects.get(pk=account.owner_id))
    return client


def test_a_page_about_what_is_over_is_loaded_anew():
    on = make.market({"AAA": [(100, 100, 94, 94), *[(94, 94, 94, 94)] * 4]})
    account, who = make.prop_account(make.plan(on))
    make.trade(account, who, "buy", 900)
    client = owner_of(account)
    live = f"/prop-firm/accounts/{account.number}/live"
    page = client.get(f"/prop-firm/accounts/{account.number}").content.decode()
    state = f"active-{make.phase_of(account).trading_account_id}"
    assert f'hx-get="{live}?state={state}"' in page
    assert "so far" in page
    assert client.get(f"{live}?state={state}").status_code == 200
    advance(on.id, 4)
    make.deliver()
    answer = client.get(f"{live}?state={state}")
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


def test_the_day_of_the_breach_is_in_the_calendar():
    _, account, _ = make.failed()
    page = owner_of(account).get(f"/prop-firm/accounts/{account.number}").content.decode()
    assert '<table class="prop-month">' in page
    assert "−5,400.00" in page
    assert "so far" not in page


def test_an_account_that_waits_for_its_money_leads_to_its_payment():
    plan, user = make.plan(make.market()), UserFactory()
    row = make.payment(plan, user)
    ChallengeKind().hold_in_tx(bought_of(row))
    account = PropAccount.objects.get(payment=row)
    client = owner_of(account)
    link = f'href="/billing/payments/{row.public_id}"'
    assert link in client.get("/prop-firm/accounts").content.decode()
    assert link in client.get(f"/prop-firm/accounts/{account.number}").content.decode()


def test_a_trading_account_leads_to_its_cockpit_and_only_its_owner_and_operators():
    account, _ = make.prop_account(make.plan(make.market()))
    trading_id = make.phase_of(account).trading_account_id
    path = f"/prop-firm/accounts/of/{trading_id}"
    client = owner_of(account)
    assert f'href="{path}"' in client.get(f"/accounts/{trading_id}").content.decode()
    assert client.get(path).headers["Location"] == f"/prop-firm/accounts/{account.number}"
    stranger = Client()
    stranger.force_login(UserFactory())
    assert stranger.get(path).status_code == 404
    assert client.get(f"/prop-firm/accounts/of/{trading_id + 1_000}").status_code == 404


def test_an_objection_that_was_granted_stays_on_the_page():
    _, account, _ = make.failed()
    phase = make.phase_of(account)
    PropDispute.objects.create(
        account=account, verdict_id=phase.verdict_id, body="A bad print.", status="reinstated", note="You were right."
    )
    PropAccount.objects.filter(pk=account.pk).update(status="active")
    page = owner_of(account).get(f"/prop-firm/accounts/{account.number}").content.decode()
    assert "Objections" in page
    assert "A bad print." in page


def test_many_failures_do_not_keep_others_from_being_closed(monkeypatch):
    monkeypatch.setattr("propfirm.services.lifecycle.BATCH", 1)
    make.failed()
    account, _ = make.prop_account(make.plan(make.market()))
    with transaction.atomic():
        phase_end_in_tx(make.phase_of(account), PropPhase.Status.PASSED, reason="Passed.")
    assert phases_close_due() == 1


def test_days_are_those_of_the_daily_loss_and_not_of_a_floor_that_stands_still():
    chicago = {"time": "17:00", "zone": "America/Chicago"}
    rules = [make.MOST, {**make.DAILY, "reset": chicago}, make.TARGET]
    account, who = make.prop_account(make.plan(make.market(), evaluation=rules))
    detail = account_detail(account.number, who)
    limit = next(item.limit for item in detail.objectives if item.key == "daily_loss")
    assert detail.rules.next_reset_at == limit.resets_at
    assert detail.rules.day.reset.zone == "America/Chicago"
