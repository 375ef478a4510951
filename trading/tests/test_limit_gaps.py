"""Ways around a limit that are shut: orders that rest, and a kill switch in a pause."""

from decimal import Decimal

import pytest
from django.db import transaction

from accounts.models import User
from core.errors import Denied, Invalid
from core.services.books import verify
from marketdata import selectors
from marketdata.tests.factories import advance, replay_market
from trading.domain import plan
from trading.domain.case import margin_at
from trading.domain.fills import Execution
from trading.domain.margin import initial_minor
from trading.domain.revision import Revision
from trading.domain.types import Actor
from trading.locks import account_snapshot
from trading.models import Account, Order, Position
from trading.services import locking, risk
from trading.services.accounts import group_set_status_in_tx
from trading.services.changes import order_replace
from trading.services.context import instrument_of, marks_of, quote_state
from trading.tests import factories as make
from trading.tests.test_order_kinds import margin_account, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_hold():
    yield
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


@pytest.fixture
def market():
    return replay_market(ticks=1)


def marks(market):
    return marks_of(market.id, "USD", selectors.quotes_all(market.id).values())


def test_entries_that_rest_count_towards_the_most_in_one_symbol(market):
    group = make.group(market, limits={"max_position_pct": "30"})
    account_id, who = make.account(market, group_id=group)
    first = make.place(who, account_id, "buy", 25, limit="99", time_in_force="gtc")
    assert first.status == "accepted"
    assert make.place(who, account_id, "buy", 25, limit="99", time_in_force="gtc").code == "position_share_limit"
    assert make.place(who, account_id, "buy", 25).code == "position_share_limit"
    # The other symbol has its own share, and a smaller order fits beside the first.
    assert make.place(who, account_id, "buy", 20, symbol="BBB", limit="49", time_in_force="gtc").status == "accepted"
    assert make.place(who, account_id, "buy", 4, limit="99", time_in_force="gtc").status == "accepted"


def test_entries_that_rest_count_towards_the_trades_of_a_day(market):
    group = make.group(market, limits={"max_trades_per_day": 2})
    account_id, who = make.account(market, group_id=group)
    assert make.place(who, account_id, "buy", 10).status == "filled"
    assert make.place(who, account_id, "buy", 1, limit="99", time_in_force="gtc").status == "accepted"
    assert make.place(who, account_id, "buy", 1, limit="98", time_in_force="gtc").code == "daily_trade_limit"
    assert make.place(who, account_id, "sell", 5).status == "filled"
    advance(market.id, 1)
    assert Order.objects.filter(account_id=account_id, status="denied").count() == 1


def test_the_kill_switch_is_no_door_out_of_a_pause_or_a_lock(market):
    group = make.group(market)
    paused, who = make.account(market, group_id=group)
    locked, _ = make.account(market, owner=User.objects.get(pk=who.user_id))
    for account_id in (paused, locked):
        make.place(who, account_id, "buy", 10)
        make.place(who, account_id, "buy", 1, limit="60", time_in_force="gtc")
    with transaction.atomic():
        group_set_status_in_tx(group_id=group, status="paused")
    locking.account_lock(actor=Actor(None), account_id=locked, reason="looked into")
    report = risk.kill_switch(actor=who, user_id=who.user_id)
    assert not report.is_done
    assert [[left.code for left in part.left] for part in report.accounts] == [
        ["trading_not_open"],
        ["account_not_active"],
    ]
    assert not Order.objects.filter(account__owner_id=who.user_id, status="accepted").exists()
    assert set(Position.objects.filter(account__owner_id=who.user_id).values_list("quantity", flat=True)) == {10}
    # An operator may.
    staff = Actor(user_id=make.user(is_staff=True).pk, is_staff=True)
    assert risk.kill_switch(actor=staff, user_id=who.user_id).is_done
    assert Account.objects.filter(owner_id=who.user_id, status="locked").count() == 1


def test_a_bracket_counts_as_one_order(market):
    group = make.group(market, limits={"max_orders_per_minute": 3, "max_orders_per_day": 3})
    account_id, who = make.account(market, group_id=group)
    legs = {"order_class": "bracket", "take_profit_price": Decimal(140), "stop_loss_price": Decimal(90)}
    assert [make.place(who, account_id, "buy", 1, **legs).status for _ in range(3)] == ["filled"] * 3
    assert make.place(who, account_id, "buy", 1, **legs).code == "order_rate_limit"


def test_default_legs_stay_within_the_collar_of_prices(market):
    account_id, who = make.account(market)
    for name in ("default_stop_pct", "default_target_pct"):
        with pytest.raises(Invalid):
            risk.risk_set(actor=who, user_id=who.user_id, limits={name: "46"})
    risk.risk_set(actor=who, user_id=who.user_id, limits={"default_stop_pct": "45", "default_target_pct": "45"})
    assert make.place(who, account_id, "buy", 1).order_class == "bracket"
    assert make.place(who, account_id, "buy", 1).status == "filled"


def test_a_position_is_turned_with_the_margin_that_it_sets_free(market):
    account_id, who = margin_account(market)
    send(who, account_id, "buy", 150)
    refused = send(who, account_id, "sell", 400)
    assert refused.code == "not_enough_buying_power"
    most = int(refused.details["max_quantity"])
    assert 150 < most < 400
    # As much short as it was long: no more exposure than before, but for the spread.
    assert send(who, account_id, "sell", 300).status == "filled"
    assert Position.objects.get(account_id=account_id).quantity == -150
    found = margin_at(account_snapshot(account_id=account_id), marks(market))
    assert found.excess_minor >= 0


def test_a_fill_that_slips_from_its_mark_is_covered_with_the_slip():
    # The spread of 2 % is lost at once: 10,000 carry 20,000 of exposure at leverage 2, not 20,000 and the slip.
    wide = replay_market({"AAA": [(100,) * 4] * 3, "BBB": [(50,) * 4] * 3}, ticks=1, spread_bps="400")
    account_id, who = margin_account(wide)
    view = send(who, account_id, "buy", 190, "limit", limit_price=Decimal(101), time_in_force="gtc")
    assert view.status == "accepted"
    snapshot = account_snapshot(account_id=account_id, order_id=view.id)
    quote = quote_state(selectors.quote_get(wide.id, "AAA"))
    listing = selectors.listing_get(wide.id, "AAA")
    fill = Execution(quantity=Decimal(190), price=Decimal(105))
    instrument = instrument_of(listing, "USD", quote.at.date())
    assert plan._uncovered(snapshot, fill, instrument, quote, marks(wide)) == "not_enough_buying_power"
    # Without the slip of 950 it would have been covered: 9,975 of initial margin, and 10,000 of equity.
    assert initial_minor(190 * 10500, snapshot.terms) <= 1_000_000


def test_an_entry_is_not_moved_across_the_legs_that_wait_for_it(market):
    account_id, who = make.account(market)
    legs = {"order_class": "bracket", "take_profit_price": Decimal(96), "stop_loss_price": Decimal(90)}
    view = make.place(who, account_id, "buy", 10, limit="95", time_in_force="gtc", **legs)
    with pytest.raises(Denied) as caught:
        order_replace(actor=who, order_id=view.id, revision=Revision(limit_price=Decimal(98)))
    assert caught.value.code == "legs_crossed"
    assert Order.objects.get(pk=view.id).status == "accepted"
    moved = order_replace(actor=who, order_id=view.id, revision=Revision(limit_price=Decimal("95.5")))
    assert moved.status == "accepted"
