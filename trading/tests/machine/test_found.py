"""What random lives have found, each as a short story."""

from decimal import Decimal

import pytest

from marketdata.models import Listing
from marketdata.services.listings import listing_halt
from marketdata.tests.factories import advance, replay_market
from trading.domain.margin import Terms
from trading.domain.revision import Revision
from trading.domain.types import OrderRequest
from trading.models import Account, Fill, Order, OrderTransition, Position, RiskSettings
from trading.services.changes import order_replace
from trading.services.orders import order_place
from trading.tests import factories as make
from trading.tests.machine import venues
from trading.tests.machine.books import check_account

pytestmark = pytest.mark.django_db

# The first session is history: its volume of 1000 lets a quote fill 100.
FLAT = [(100, 100, 100, 100)] * 2
JUMP = [*FLAT, (150, 150, 150, 150), (160, 160, 160, 160)]


def thin_market(bars, **venue):
    return replay_market({"AAA": bars}, warmup=1, ticks=1, volume=1000, venue=venue)


def ask(who, account_id, side, quantity, **more):
    request = OrderRequest("AAA", side, Decimal(quantity), **more)
    return order_place(actor=who, account_id=account_id, request=request)


def test_a_part_that_gaps_beyond_what_the_order_holds_leaves_the_rest_what_there_is():
    market = thin_market(JUMP)
    account_id, who = make.account(market, cash="20800")
    view = ask(who, account_id, "buy", 200, type="stop", stop_price=Decimal(101), time_in_force="gtc")
    assert view.status == "accepted"
    advance(market.id, 4)
    order = Order.objects.get(pk=view.id)
    assert (order.status, order.filled_quantity) == ("partially_filled", 100)
    check_account(account_id)


def test_a_smallest_commission_paid_by_the_first_part_is_not_held_again():
    market = thin_market(FLAT)
    account_id, who = venues.account(market, Terms(fees="us:share=0.005,min=100,max_pct=10"), "20110", None)
    view = ask(who, account_id, "buy", 200, type="limit", limit_price=Decimal("100.02"))
    assert view.status == "partially_filled"
    check_account(account_id)


def test_a_deferral_is_stored_once():
    market = replay_market({"AAA": [(100, 100, 90, 95)] * 2}, ticks=1)
    account_id, who = make.account(market)
    view = ask(who, account_id, "buy", 1, type="limit", limit_price=Decimal(97), time_in_force="gtc")
    listing_halt(actor=None, listing_id=Listing.objects.get(market_id=market.id).pk, reason="news")
    advance(market.id, 3)
    order = Order.objects.get(pk=view.id)
    assert (order.status, order.code) == ("accepted", "halted")
    assert "halted" in order.message
    assert OrderTransition.objects.filter(order=order, from_status="accepted", to_status="accepted").count() == 1


def test_the_legs_of_a_replaced_entry_protect_all_that_has_filled():
    market = thin_market([(100, 100, 100, 100)] * 3)
    account_id, who = make.account(market, cash="100000")
    legs = {"take_profit_price": Decimal(120), "stop_loss_price": Decimal(80)}
    entry = ask(who, account_id, "buy", 150, order_class="bracket", time_in_force="gtc", **legs)
    assert entry.filled_quantity == "100"
    order_replace(actor=who, order_id=entry.id, revision=Revision(quantity=Decimal(50)))
    advance(market.id, 1)
    assert Position.objects.get(account_id=account_id).quantity == 150
    assert set(Order.objects.exclude(role="").values_list("quantity", "status")) == {(150, "accepted")}


def test_where_shorting_is_off_two_sells_of_the_same_shares_fill_once():
    market = replay_market({"AAA": [(100, 100, 100, 100), (110, 110, 110, 110)]}, ticks=1)
    account_id, who = venues.account(market, Terms(kind="margin", leverage=Decimal(2)), "10000", None)
    ask(who, account_id, "buy", 10)
    for _ in range(2):
        ask(who, account_id, "sell", 10, type="limit", limit_price=Decimal(105), time_in_force="gtc")
    advance(market.id, 4)
    assert Position.objects.get(account_id=account_id).quantity == 0
    statuses = Order.objects.filter(account_id=account_id, type="limit").values_list("status", "code")
    assert sorted(statuses) == [("canceled", "nothing_to_reduce"), ("filled", "")]


def test_now_or_never_orders_that_reduce_end_with_what_they_reduced():
    market = replay_market({"AAA": FLAT}, ticks=1)
    account_id, who = make.account(market)
    ask(who, account_id, "buy", 10)
    ask(who, account_id, "sell", 4, type="limit", limit_price=Decimal(120))
    view = ask(who, account_id, "sell", 10, time_in_force="ioc", reduce_only=True)
    assert (view.status, view.filled_quantity, view.code) == ("canceled", "6", "ioc_remainder")


def test_after_its_latency_a_marketable_limit_takes_the_quote():
    market = thin_market([(100, 100, 100, 100), (100, 100, 90, 95)], latency_ms=250)
    account_id, who = make.account(market)
    view = ask(who, account_id, "buy", 10, type="limit", limit_price=Decimal(105))
    assert view.status == "accepted"
    advance(market.id, 1)
    fill = Fill.objects.get(order_id=view.id)
    assert fill.price == Decimal(fill.quote["ask"])
    assert fill.price < 105


def test_limits_of_a_group_count_orders_and_give_legs_as_a_persons_do():
    market = replay_market({"AAA": FLAT}, ticks=1)
    group = make.group(market, limits={"max_orders_per_minute": 1, "default_stop_pct": "5", "default_target_pct": "5"})
    account_id, who = make.account(market, group_id=group)
    first = ask(who, account_id, "buy", 1)
    assert (first.status, len(first.legs)) == ("filled", 2)
    assert ask(who, account_id, "buy", 1).code == "order_rate_limit"
    assert not RiskSettings.objects.exists()


def test_a_late_fill_cannot_spend_what_other_orders_hold():
    market = replay_market({"AAA": JUMP}, warmup=1, ticks=1)
    account_id, who = make.account(market, cash="10000")
    stop = ask(who, account_id, "buy", 60, type="stop", stop_price=Decimal(101), time_in_force="gtc")
    ask(who, account_id, "buy", 40, type="limit", limit_price=Decimal(90), time_in_force="gtc")
    advance(market.id, 4)
    assert Order.objects.get(pk=stop.id).code == "not_enough_buying_power"
    assert Account.objects.get(pk=account_id).cash_minor == 1_000_000


def test_a_pass_over_many_accounts_fills_a_quotes_size_once():
    bars = {"AAA": [(100, 100, 100, 100), (100, 100, 90, 95)]}
    market = replay_market(bars, warmup=1, ticks=1, volume=400, venue={"sizes": True, "max_volume_share": "0"})
    books = [make.account(market) for _ in range(5)]
    views = [
        ask(who, account_id, "buy", 4, type="limit", limit_price=Decimal(97), time_in_force="gtc")
        for account_id, who in books
    ]
    advance(market.id, 2)
    fills = list(Fill.objects.order_by("id").values_list("order_id", "quantity", "quote__ask_size"))
    size = Decimal(fills[0][2])
    assert 4 < size < 20
    assert sum(fill[1] for fill in fills) == size
    # Who came first had it first.
    assert [fill[0] for fill in fills] == [view.id for view in views][: len(fills)]


@pytest.mark.parametrize("tif", ["opg", "cls"])
def test_an_auction_order_with_latency_waits_for_its_auction_untouched(tif):
    market = thin_market([(100, 100, 100, 100)] * 3, latency_ms=250)
    account_id, who = make.account(market)
    view = ask(who, account_id, "buy", 5, time_in_force=tif)
    before = Order.objects.values().get(pk=view.id)
    advance(market.id, 2)
    assert Order.objects.values().get(pk=view.id) == before
    advance(market.id, 2)
    assert Order.objects.get(pk=view.id).status == "filled"
