"""Accounts that grow, once a period."""

import pytest

from core.services.books import verify
from marketdata.tests.factories import advance
from payments.tests.factories_payouts import payable
from propfirm.models import PropActivity
from propfirm.services.payouts import payout_cancel, payout_request
from propfirm.services.scaling import scaling_run
from propfirm.tests import factories as make
from trading.models import Account, AccountRules, Verdict
from trading.services.rewards import scaling_check
from trading.tests.ruled import state

pytestmark = pytest.mark.django_db

GROWS = {"kind": "scaling", "every_months": 1, "min_profit_percent": "3", "increase_percent": "25"}


def account_in_profit():
    market = make.market({"AAA": [(100,) * 4, (104,) * 4, (104,) * 4]})
    plan = make.plan(market, steps="instant", funded=[make.DAILY, make.MOST, make.PAYOUT, GROWS])
    account, who = make.prop_account(plan, payable(0))
    make.trade(account, who, "buy", 1000)
    advance(market.id, 4)
    make.trade(account, who, "sell", 1000)
    return account, who, make.phase_of(account).trading_account_id


def months_ago(trading_id):
    """As if the account had begun long before: only its period is older."""
    row = AccountRules.objects.get(pk=trading_id)
    row.state["scale_at"] = row.state["scale_at"].replace("2024", "2023", 1)
    row.save()


def test_it_grows_when_its_period_is_over_and_not_twice():
    account, who, trading_id = account_in_profit()
    assert scaling_run() == 0
    assert not Verdict.objects.filter(code="scaling_due").exists()
    months_ago(trading_id)
    found = scaling_check(account_id=trading_id)
    assert found.kind == "eligible", found.message
    # What is being looked at stays as it was found.
    payout = payout_request(actor=who, number=account.number, amount_minor=None, idempotency_key="k")
    assert scaling_run() == 0
    payout_cancel(actor=who, public_id=payout.public_id)
    assert scaling_run() == 1
    assert Account.objects.get(pk=trading_id).cash_minor == 10_400_000 + 2_500_000
    assert state(trading_id).initial_minor == 12_500_000
    assert PropActivity.objects.get(kind="scaled").data["increase_minor"] == 2_500_000
    assert scaling_run() == 0
    assert verify().is_sound


def test_one_without_enough_profit_stays_as_it_is():
    account, _, trading_id = account_in_profit()
    months_ago(trading_id)
    row = AccountRules.objects.get(pk=trading_id)
    row.state["scale_balance_minor"] += 200_000
    row.save()
    assert scaling_run() == 0
    assert Account.objects.get(pk=trading_id).cash_minor == 10_400_000
    assert not PropActivity.objects.filter(account=account, kind="scaled").exists()
