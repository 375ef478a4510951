"""Second chances: paid after a breach, free when the time ran out in profit, none where the plan gives none."""

import pytest
from django.db import transaction

from core.errors import Conflict, NotFound
from marketdata.tests.factories import advance
from payments.services.granting import bought_of, payment_release_in_tx, payment_revoke_in_tx
from payments.services.quoting import purchase_quote
from propfirm.models import PropReset
from propfirm.services.resets import KIND, ResetKind, retry_take
from propfirm.tests import factories as make
from trading.models import AccountRules
from trading.tests import factories as trading

pytestmark = pytest.mark.django_db
CHANCE = {"kind": "second_chance", "reset_price": "80", "max_resets": 1, "free_retries": 1}
LIMIT = {"kind": "time_limit", "days": 1}


def broken(**fields):
    """An account that has failed."""
    market = make.market({"AAA": [(100, 100, 94, 94), *[(94, 94, 94, 94)] * 4]})
    account, who = make.prop_account(make.plan(market, evaluation=[make.DAILY, make.MOST, make.TARGET, CHANCE]))
    breach(market, account, who)
    return market, account, who


def breach(market, account, who):
    make.trade(account, who, "buy", 900)
    advance(market.id, 3)
    make.deliver()
    account.refresh_from_db()
    assert account.status == "failed"


def reset_begun(account, who):
    row = make.payment(account.plan, account.owner, reference=account.number, kind=KIND, total=80_00)
    with transaction.atomic():
        ResetKind().hold_in_tx(bought_of(row))
    return row


def test_a_paid_reset_begins_the_phase_anew_once():
    _market, account, who = broken()
    quote = purchase_quote(user=account.owner, kind=KIND, reference=account.number)
    assert quote.subtotal_minor == 80_00
    row = make.pay(reset_begun(account, who))
    account.refresh_from_db()
    first, second = account.phases.order_by("pk")
    assert (account.status, account.resets, second.attempt, second.index) == ("active", 1, 2, 0)
    assert second.trading_account.cash_minor == 100_000_00
    assert first.status == "failed"
    assert PropReset.objects.get(payment=row).phase_id == second.pk
    assert AccountRules.objects.get(pk=second.trading_account_id).state["resets"] == 1
    assert make.trade(account, who, "buy", 1).status == "filled"
    with pytest.raises(Conflict) as error:
        purchase_quote(user=account.owner, kind=KIND, reference=account.number)
    assert error.value.code == "account_not_over"


def test_two_resets_paid_at_once_are_one_and_the_other_is_given_back():
    _, account, who = broken()
    rows = [reset_begun(account, who) for _ in range(2)]
    for row in rows:
        make.pay(row)
    account.refresh_from_db()
    assert (account.resets, account.phases.count()) == (1, 2)
    assert [row.problem for row in rows] == ["", "not_granted:account_not_over"]


def test_a_reset_that_nobody_pays_changes_nothing_and_one_that_is_given_back_closes_what_it_began():
    _, account, who = broken()
    row = reset_begun(account, who)
    with transaction.atomic():
        payment_release_in_tx(row)
    account.refresh_from_db()
    assert account.status == "failed"
    row = make.pay(reset_begun(account, who))
    with transaction.atomic():
        payment_revoke_in_tx(row, reason="Disputed.")
    account.refresh_from_db()
    assert account.status == "closed"


def test_a_reset_is_for_ones_own_account_that_ended():
    _, account, _ = broken()
    with pytest.raises(NotFound):
        purchase_quote(user=trading.user(), kind=KIND, reference=account.number)
    market = make.market()
    other, _ = make.prop_account(make.plan(market, evaluation=[make.TARGET, CHANCE]))
    with pytest.raises(Conflict):
        purchase_quote(user=other.owner, kind=KIND, reference=other.number)


def expired_in_profit(**fields):
    """An account whose time ran out in profit: it may be tried again for nothing."""
    market = make.market({"AAA": [(100, 101, 100, 101), *[(101,) * 4] * 8]})
    account, who = make.prop_account(make.plan(market, evaluation=[make.TARGET, LIMIT, CHANCE], **fields))
    make.trade(account, who, "buy", 100)
    advance(market.id, 3)
    make.trade(account, who, "sell", 100)
    advance(market.id, 4)
    make.deliver()
    account.refresh_from_db()
    assert account.status == "expired"
    return market, account, who


def test_time_that_ran_out_in_profit_is_tried_again_for_nothing_once():
    market, account, who = expired_in_profit()
    with pytest.raises(Conflict) as error:
        purchase_quote(user=account.owner, kind=KIND, reference=account.number)
    assert error.value.code == "retry_is_free"
    with pytest.raises(NotFound):
        retry_take(actor=trading.actor(trading.user()), number=account.number)
    retry_take(actor=who, number=account.number)
    account.refresh_from_db()
    assert (account.status, account.retries, account.phases.count()) == ("active", 1, 2)
    with pytest.raises(Conflict):
        retry_take(actor=who, number=account.number)
    advance(market.id, 12)
    make.deliver()
    account.refresh_from_db()
    assert account.status == "expired"
    # No profit this time, and the one free retry is taken: it costs something now.
    with pytest.raises(Conflict):
        retry_take(actor=who, number=account.number)
    assert purchase_quote(user=account.owner, kind=KIND, reference=account.number).subtotal_minor == 80_00
