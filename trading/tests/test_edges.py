"""What only happens rarely: odd text, worthless fills, races that a crash or a slow commit loses."""

from decimal import Decimal

import pytest
from django.db import OperationalError

from accounts.models import User
from core.errors import Invalid
from core.models import IdempotencyRecord
from core.services.books import verify
from marketdata.tests.factories import advance, replay_market
from trading import selectors
from trading.models import Account, AccountGroup, Fill, Order
from trading.services import orders
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return replay_market(ticks=1)


@pytest.fixture
def book(market):
    return make.account(market)


def assert_sound():
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


@pytest.mark.parametrize("key", ["", "k" * 129, "a\x00b", "a\nb", "\ud800", "\u202e"])
def test_a_key_that_cannot_be_kept_is_malformed(book, key):
    account_id, who = book
    with pytest.raises(Invalid) as caught:
        make.place(who, account_id, "buy", 1, key=key)
    assert caught.value.code == "invalid_idempotency_key"
    assert not Order.objects.exists()


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "a\nb"])
def test_a_client_order_id_that_cannot_be_kept_is_malformed(book, text):
    account_id, who = book
    with pytest.raises(Invalid) as caught:
        make.place(who, account_id, "buy", 1, client_order_id=text)
    assert caught.value.code == "invalid_client_order_id"


def test_places_beyond_the_sixth_are_malformed_however_many_digits_there_are(book):
    account_id, who = book
    for quantity in ("1.0000001", "1.0000000000000000000000000000000001"):
        with pytest.raises(Invalid) as caught:
            make.place(who, account_id, "buy", Decimal(quantity))
        assert caught.value.code == "invalid_quantity"


PENNIES = {"PNY": [("0.001", "0.009", "0.001", "0.002"), ("0.002", "0.002", "0.001", "0.001")] * 2}


def test_an_order_worth_nothing_is_denied():
    market = replay_market(PENNIES, ticks=1, instrument={"tick_size": Decimal("0.0001")}, spread_bps="0")
    account_id, who = make.account(market)
    view = make.place(who, account_id, "buy", 1, symbol="PNY")
    assert (view.status, view.code) == ("denied", "order_too_small")
    assert make.place(who, account_id, "buy", 100, symbol="PNY").status == "filled"
    assert_sound()


def test_a_resting_order_that_a_gap_makes_worthless_does_not_stop_the_market():
    bars = {"GAP": [("0.010", "0.010", "0.010", "0.010"), ("0.001", "0.001", "0.001", "0.001")]}
    market = replay_market(bars, ticks=1, instrument={"tick_size": Decimal("0.0001")}, spread_bps="0")
    account_id, who = make.account(market)
    view = make.place(who, account_id, "buy", 1, symbol="GAP", limit="0.0060", time_in_force="gtc")
    assert view.status == "accepted"
    assert advance(market.id, 4).is_new_day
    assert Order.objects.get().status == "accepted"
    advance(market.id)  # not an opening print: the fill is at the limit, which is worth a cent
    assert Order.objects.get().status == "filled"
    assert_sound()


def test_an_accepted_order_is_answered_even_when_its_second_look_at_the_market_fails(book, monkeypatch):
    account_id, who = book

    def broken(**_):
        raise OperationalError("the server went away")

    monkeypatch.setattr(orders, "order_match", broken)
    view = make.place(who, account_id, "buy", 1, limit="90", key="once")
    assert view.status == "accepted"
    assert make.place(who, account_id, "buy", 1, limit="90", key="once").id == view.id


def place_late(monkeypatch, market, who, account_id, **order):
    """Place an order whose commit the market's next tick overtakes: no pass of that tick has seen it."""
    asked = orders.order_match
    late = []

    def overtaken(**call):
        Order.objects.filter(pk=call["order_id"]).update(status="hidden")
        advance(market.id)
        Order.objects.filter(pk=call["order_id"]).update(status="accepted")
        late.append(asked(**call))
        return late[-1]

    monkeypatch.setattr(orders, "order_match", overtaken)
    view = make.place(who, account_id, "buy", 1, **order)
    monkeypatch.undo()
    return view


def test_a_day_order_committed_after_the_day_rolled_expires_at_once(market, book, monkeypatch):
    account_id, who = book
    advance(market.id, 3)  # the close of the first day, 102
    view = place_late(monkeypatch, market, who, account_id, limit="101", time_in_force="day")
    assert Order.objects.get(pk=view.id).status == "expired"
    assert not Fill.objects.exists()
    assert Account.objects.get(pk=account_id).reserved_minor == 0
    assert_sound()


def test_a_day_order_that_a_crash_left_over_expires_at_the_next_print(market, book, monkeypatch):
    account_id, who = book
    advance(market.id, 3)
    monkeypatch.setattr(orders, "order_match", lambda **_: None)
    view = make.place(who, account_id, "buy", 1, limit="101.50", time_in_force="day")
    Order.objects.filter(pk=view.id).update(status="hidden")
    advance(market.id)  # the roll does not see it
    Order.objects.filter(pk=view.id).update(status="accepted")
    advance(market.id)  # 101: would fill it
    assert Order.objects.get(pk=view.id).status == "expired"
    assert not Fill.objects.exists()


@pytest.mark.parametrize("status", ["paused", "closed"])
def test_nothing_fills_while_the_group_does_not_trade(market, status):
    group_id = make.group(market)
    account_id, who = make.account(market, group_id=group_id)
    view = make.place(who, account_id, "buy", 1, limit="99", time_in_force="gtc")
    AccountGroup.objects.filter(pk=group_id).update(status=status)
    advance(market.id, 3)
    assert Order.objects.get(pk=view.id).status == "accepted"
    assert selectors.positions(account_id) == []


@pytest.mark.parametrize("model", [User, Account])
def test_nothing_fills_for_who_may_not_trade(market, model):
    account_id, who = make.account(market)
    view = make.place(who, account_id, "buy", 1, limit="99", time_in_force="gtc")
    model.objects.update(status="suspended" if model is User else "locked")
    advance(market.id, 3)
    assert Order.objects.get(pk=view.id).status == "accepted"
    model.objects.update(status="active")
    advance(market.id, 12)
    assert Order.objects.get(pk=view.id).status == "filled"


def test_an_answer_recorded_by_an_older_version_is_still_replayed(book):
    account_id, who = book
    view = make.place(who, account_id, "buy", 1, key="k")
    record = IdempotencyRecord.objects.get()
    record.response = {**record.response, "a_field_of_the_past": 1}
    record.save()
    assert make.place(who, account_id, "buy", 1, key="k").id == view.id
