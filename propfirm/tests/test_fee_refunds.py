"""Fees that go back: with a payout, and to who has not traded."""

from datetime import timedelta
from itertools import count

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import UserFactory
from core.errors import Conflict, NotFound
from core.services.books import verify
from core.tests.threads import race
from marketdata.tests.factories import advance
from payments.adapters.sandbox import checkouts
from payments.models import Payment, Refund
from payments.selectors.books import balance_of
from payments.services.checkout import purchase_begin
from payments.services.sandbox import events_deliver
from payments.tests.factories_payouts import finance, payable
from propfirm.models import PropAccount, PropActivity
from propfirm.services.fee_refunds import fee_refunds_due, withdraw_purchase
from propfirm.services.payouts import payout_approve, payout_request, payout_review
from propfirm.tests import factories as make
from trading.models import Account
from trading.tests.factories import actor

pytestmark = pytest.mark.django_db
_keys = count()


def bought(plan, user=None):
    """An account that was paid for at the sandbox, and its owner."""
    user = user or UserFactory()
    payment = purchase_begin(actor=user, kind="challenge", reference=plan.code, idempotency_key=f"f{next(_keys)}")
    checkouts.checkout_pay(payment.url.rsplit("/", 1)[1], "pay")
    events_deliver()
    return PropAccount.objects.get(payment__public_id=payment.public_id), actor(user)


def settle():
    while events_deliver():
        pass


def code_of(account, who):
    with pytest.raises(Conflict) as refused:
        withdraw_purchase(actor=who, number=account.number)
    return refused.value.code


def funded_in_profit():
    market = make.market({"AAA": [(100,) * 4, (104,) * 4, (104,) * 4, (104,) * 4]})
    chance = {"kind": "second_chance", "refund_fee_with_payout": 1, "refund_percent": "60"}
    plan = make.plan(market, steps="instant", funded=[make.DAILY, make.MOST, make.PAYOUT, chance])
    account, who = bought(plan, payable(0))
    make.trade(account, who, "buy", 1000)
    advance(market.id, 4)
    make.trade(account, who, "sell", 1000)
    return account, who


def paid_out(account, who, key):
    payout = payout_request(actor=who, number=account.number, amount_minor=100_000, idempotency_key=key)
    first, second = finance()
    payout_review(actor=first, payout_id=payout.pk)
    return payout_approve(actor=second, payout_id=payout.pk, note="Looked at.")


def test_the_fee_comes_back_with_the_first_payout_once_and_the_account_goes_on():
    account, who = funded_in_profit()
    assert paid_out(account, who, "1").refund_minor == 6_000
    account.refresh_from_db()
    assert (account.fee_refund, account.fee_refund_minor) == ("due", 6_000)
    assert not Refund.objects.exists()
    for _ in range(3):
        fee_refunds_due()
        settle()
    account.refresh_from_db()
    assert (account.fee_refund, account.status) == ("done", "funded")
    assert [row.amount_minor for row in Refund.objects.all()] == [6_000]
    assert Payment.objects.get(pk=account.payment_id).refunded_minor == 6_000
    assert -balance_of("revenue:challenges", "USD") == 4_000
    assert PropActivity.objects.filter(kind="fee_returned").count() == 1
    assert paid_out(account, who, "2").refund_minor == 0
    fee_refunds_due()
    assert Refund.objects.count() == 1
    assert verify().is_sound


def test_a_whole_fee_that_comes_back_with_a_payout_closes_nothing():
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    PropAccount.objects.filter(pk=account.pk).update(fee_refund_minor=10_000)
    for _ in range(2):
        fee_refunds_due()
        settle()
    account.refresh_from_db()
    assert (account.fee_refund, account.status) == ("done", "funded")
    assert Payment.objects.get(pk=account.payment_id).revoked_at is not None


def test_a_fee_that_went_back_in_another_way_is_said_and_not_tried_for_ever():
    account, who = funded_in_profit()
    paid_out(account, who, "1")
    PropAccount.objects.filter(pk=account.pk).update(fee_refund_minor=10_001)
    fee_refunds_due()
    account.refresh_from_db()
    assert account.fee_refund == "failed"
    assert PropActivity.objects.filter(kind="fee_failed").exists()
    assert fee_refunds_due() == 0


def test_who_has_not_traded_gets_all_of_it_back_and_the_account_closes():
    account, who = bought(make.plan(make.market()))
    make.trade(account, who, "buy", 1, limit="50")  # rests, and has not filled
    with pytest.raises(NotFound):
        withdraw_purchase(actor=actor(UserFactory()), number=account.number)
    withdraw_purchase(actor=who, number=account.number)
    withdraw_purchase(actor=who, number=account.number)  # the second click
    assert make.trade(account, who, "buy", 1).status == "denied"
    settle()
    account.refresh_from_db()
    assert account.status == "closed"
    assert [row.amount_minor for row in Refund.objects.all()] == [10_000]
    assert balance_of("revenue:challenges", "USD") == 0
    assert verify().is_sound


def test_who_has_traded_or_waited_too_long_or_failed_gets_none():
    market = make.market()
    plan = make.plan(market, refund_days=7)
    account, who = bought(plan)
    PropAccount.objects.filter(pk=account.pk).update(activated_at=timezone.now() - timedelta(days=7))
    assert code_of(account, who) == "refund_over"
    trading_id = make.phase_of(account).trading_account_id
    # A refusal locks nothing.
    assert Account.objects.get(pk=trading_id).status == "active"
    make.trade(account, who, "buy", 1)
    assert code_of(account, who) == "traded_already"
    PropAccount.objects.filter(pk=account.pk).update(status="failed")
    assert code_of(account, who) == "account_over"
    assert not Refund.objects.exists()


def test_the_page_asks_first():
    account, _ = bought(make.plan(make.market()))
    page = Client()
    page.force_login(account.owner)
    url = f"/prop-firm/accounts/{account.number}/withdraw"
    assert "Give the account back" in page.get(f"/prop-firm/accounts/{account.number}/payouts").content.decode()
    page.post(url)
    assert not Refund.objects.exists()
    page.post(url, {"confirm": "yes"})
    assert Refund.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_order_and_the_way_back_at_once():
    account, who = bought(make.plan(make.market()))

    def act(index):
        if index:
            return make.trade(account, who, "buy", 1).status
        return withdraw_purchase(actor=who, number=account.number)

    back, order = race(2, act)
    if order == "filled":
        assert back.code == "traded_already"
        assert not Refund.objects.exists()
    else:
        assert order == "denied"
        assert Refund.objects.count() == 1
