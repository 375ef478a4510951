"""Every kind of order through the real path, on prices a reader can do sums with.

AAA prints 100, 98, 104, 102 on the first day, 102, 101, 106, 105 on the second, 105, 107, 99, 100 on the third; with
a spread of 4 basis points the ask is 2 cents above and the bid 2 cents below (3 cents from 101 or so on).
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from core.errors import Conflict, Denied, Invalid
from core.money import Money
from core.services.books import verify
from marketdata.models import Market
from marketdata.selectors import market_clock, quote_get
from marketdata.tests.factories import advance, replay_market
from trading import selectors
from trading.domain.margin import Terms
from trading.domain.revision import Revision
from trading.domain.types import Actor, OrderRequest
from trading.models import Account, Fill, Order, OrderTransition, Position
from trading.services.accounts import account_open_in_tx
from trading.services.changes import order_cancel, order_preview, order_replace, orders_cancel
from trading.services.orders import order_place
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    return replay_market(ticks=1)


@pytest.fixture
def book(market):
    return make.account(market)


@pytest.fixture(autouse=True)
def books_hold():
    yield
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


def margin_account(market, *, cash="10000", **terms):
    owner = make.user()
    with transaction.atomic():
        account_id = account_open_in_tx(
            owner_id=owner.pk,
            market_id=market.id,
            group_id=None,
            purpose="house",
            label="Margin",
            initial=Money.of(cash, "USD"),
            terms=Terms(kind="margin", **{"leverage": Decimal(2), "short": True, **terms}),
        )
    return account_id, make.actor(owner)


def send(who, account_id, side, quantity, kind="market", key=None, **more):
    prices = {
        name: Decimal(str(value)) if name.endswith(("price", "amount", "percent")) else value
        for name, value in more.items()
    }
    request = OrderRequest(symbol="AAA", side=side, quantity=Decimal(quantity), type=kind, **prices)
    return order_place(actor=who, account_id=account_id, request=request, idempotency_key=key)


STAFF = Actor(user_id=None, is_staff=True)


def now(order):
    return selectors.order_get(order.id, STAFF)


def quantity(account_id):
    return Position.objects.get(account_id=account_id, listing__symbol="AAA").quantity


def trail(order):
    return list(OrderTransition.objects.filter(order_id=order.id).order_by("id").values_list("to_status", flat=True))


def test_a_stop_triggers_at_the_print_that_reaches_it_and_fills_at_that_prints_touch(market, book):
    account_id, who = book
    send(who, account_id, "buy", 10)
    stop = send(who, account_id, "sell", 10, "stop", stop_price=99)
    assert stop.status == "accepted"
    advance(market.id, 1)  # 98: through the stop, so it fills at 98's bid and not at 99
    assert now(stop).status == "filled"
    assert Decimal(now(stop).average_price) == Decimal("97.98")
    assert trail(stop) == ["accepted", "triggered", "filled"]


def test_a_stop_limit_rests_as_a_limit_once_triggered(market, book):
    account_id, who = book
    send(who, account_id, "buy", 10)
    order = send(who, account_id, "sell", 10, "stop_limit", stop_price=99, limit_price="98.5")
    advance(market.id, 1)  # 98 triggers it; the bid of 97.98 is below its limit
    assert now(order).status == "triggered"
    advance(market.id, 1)  # 104
    assert (now(order).status, now(order).average_price) == ("filled", "98.5")


def test_a_trailing_stop_follows_the_best_price_and_never_comes_back(market, book):
    account_id, who = book
    send(who, account_id, "buy", 10)
    order = send(who, account_id, "sell", 10, "trailing_stop", trail_amount=5, time_in_force="gtc")
    assert order.stop_price == "95"
    advance(market.id, 2)  # 98, 104
    assert now(order).stop_price == "99"
    advance(market.id, 3)  # 102, 102, 101
    assert now(order).stop_price == "99"
    advance(market.id, 1)  # 106
    assert now(order).stop_price == "101"
    advance(market.id, 4)  # 105, 105, 107, 99
    assert now(order).status == "filled"
    assert Decimal(now(order).average_price) < 99


def test_a_trailing_percent_buy_follows_down(market, book):
    account_id, who = book
    order = send(who, account_id, "buy", 10, "trailing_stop", trail_percent=5)
    assert order.stop_price == "105"
    advance(market.id, 1)  # 98
    assert now(order).stop_price == "102.9"
    assert Account.objects.get(pk=account_id).reserved_minor > 0
    advance(market.id, 1)  # 104
    assert now(order).status == "filled"


def test_market_and_limit_on_close_take_the_closing_print(market, book):
    account_id, who = book
    moc = send(who, account_id, "buy", 10, time_in_force="cls")
    loc = send(who, account_id, "buy", 10, "limit", limit_price=101, time_in_force="cls")
    assert (moc.status, loc.status) == ("accepted", "accepted")
    advance(market.id, 2)
    assert now(moc).status == "accepted"
    advance(market.id, 1)  # the close, 102
    assert (now(moc).status, now(moc).average_price) == ("filled", "102")
    assert (now(loc).status, now(loc).code) == ("expired", "auction_over")


def test_market_on_open_takes_the_next_open(market, book):
    account_id, who = book
    order = send(who, account_id, "buy", 10, time_in_force="opg")
    advance(market.id, 3)
    assert now(order).status == "accepted"
    advance(market.id, 1)
    assert (now(order).status, now(order).average_price) == ("filled", "102")


def test_ioc_and_fok_end_at_once(market, book):
    account_id, who = book
    ioc = send(who, account_id, "buy", 10, "limit", limit_price=99, time_in_force="ioc")
    assert (ioc.status, ioc.code) == ("canceled", "ioc_remainder")
    fok = send(who, account_id, "buy", 10, "limit", limit_price=99, time_in_force="fok")
    assert (fok.status, fok.code) == ("canceled", "fok_not_filled")
    assert Account.objects.get(pk=account_id).reserved_minor == 0


def test_good_till_date_expires_by_the_markets_clock(market, book):
    account_id, who = book
    at = market_clock(market.id).at
    late = send(who, account_id, "buy", 1, "limit", limit_price=90, time_in_force="gtd", expires_at=at + timedelta(1))
    with pytest.raises(Invalid, match="needs its date"):
        send(who, account_id, "buy", 1, "limit", limit_price=90, time_in_force="gtd")
    past = send(who, account_id, "buy", 1, "limit", limit_price=90, time_in_force="gtd", expires_at=at)
    assert (past.status, past.code) == ("denied", "date_passed")
    advance(market.id, 3)
    assert now(late).status == "accepted"


BRACKET = {"order_class": "bracket", "take_profit_price": 103, "stop_loss_price": 95, "time_in_force": "gtc"}


def test_a_bracket_protects_its_entry_and_its_legs_cancel_each_other(market, book):
    account_id, who = book
    entry = send(who, account_id, "buy", 10, **BRACKET)
    assert entry.status == "filled"
    assert len(entry.legs) == 2
    profit, loss = (selectors.order_get(leg, STAFF) for leg in entry.legs)
    assert (profit.role, profit.status, profit.parent_id) == ("take_profit", "accepted", entry.id)
    assert (loss.role, loss.status, loss.stop_price) == ("stop_loss", "accepted", "95")
    advance(market.id, 2)  # 104: through the take profit
    assert (now(profit).status, now(profit).average_price) == ("filled", "103")
    assert (now(loss).status, now(loss).code) == ("canceled", "oco_filled")
    assert quantity(account_id) == 0
    assert Account.objects.get(pk=account_id).open_orders_count == 0


def test_the_legs_of_a_resting_entry_wait_for_it_and_end_with_it(market, book):
    account_id, who = book
    entry = send(who, account_id, "buy", 10, "limit", limit_price=97, **BRACKET)
    assert [selectors.order_get(leg, STAFF).status for leg in entry.legs] == ["held", "held"]
    assert Account.objects.get(pk=account_id).open_orders_count == 3
    order_cancel(actor=who, order_id=entry.id)
    legs = [selectors.order_get(leg, STAFF) for leg in entry.legs]
    assert [(leg.status, leg.code) for leg in legs] == [("canceled", "entry_ended")] * 2
    assert Account.objects.get(pk=account_id).open_orders_count == 0


def test_an_oco_pair_exits_a_position_once(market, book):
    account_id, who = book
    send(who, account_id, "buy", 10)
    pair = send(
        who,
        account_id,
        "sell",
        10,
        "limit",
        limit_price=110,
        stop_loss_price=99,
        order_class="oco",
        time_in_force="gtc",
    )
    (loss,) = pair.legs
    advance(market.id, 1)  # 98
    assert selectors.order_get(loss, STAFF).status == "filled"
    assert (now(pair).status, now(pair).code) == ("canceled", "oco_filled")
    assert quantity(account_id) == 0


def test_reduce_only_never_opens_and_leaves_with_the_position(market, book):
    account_id, who = book
    denied = send(who, account_id, "sell", 5, reduce_only=True)
    assert (denied.status, denied.code) == ("denied", "nothing_to_reduce")
    send(who, account_id, "buy", 10)
    stop = send(who, account_id, "sell", 10, "stop", stop_price=90, reduce_only=True, time_in_force="gtc")
    clipped = send(who, account_id, "sell", 25, reduce_only=True)
    assert (clipped.status, clipped.filled_quantity) == ("canceled", "10")
    assert (now(stop).status, now(stop).code) == ("canceled", "nothing_to_reduce")
    assert quantity(account_id) == 0


def test_a_replacement_takes_the_orders_place_and_keeps_the_chain(market, book):
    account_id, who = book
    first = send(who, account_id, "buy", 10, "limit", limit_price=90, time_in_force="gtc")
    second = order_replace(actor=who, order_id=first.id, revision=Revision(limit_price=Decimal(95)))
    assert (second.limit_price, second.replaces_id, second.status) == ("95", first.id, "accepted")
    assert (now(first).status, now(first).replaced_by_id) == ("replaced", second.id)
    assert Account.objects.get(pk=account_id).reserved_minor == 95_000
    with pytest.raises(Conflict):
        order_replace(actor=who, order_id=first.id, revision=Revision(quantity=Decimal(1)))
    with pytest.raises(Denied) as refused:
        order_replace(actor=who, order_id=second.id, revision=Revision(quantity=Decimal(1000)))
    assert refused.value.code == "not_enough_buying_power"
    assert now(second).status == "accepted"
    third = order_replace(actor=who, order_id=second.id, revision=Revision(limit_price=Decimal(101)))
    assert third.status == "filled"


def test_replacing_an_entry_takes_its_legs_along(market, book):
    account_id, who = book
    entry = send(who, account_id, "buy", 10, "limit", limit_price=90, **{**BRACKET, "stop_loss_price": 85})
    better = order_replace(actor=who, order_id=entry.id, revision=Revision(limit_price=Decimal("100.02")))
    assert better.status == "filled"
    assert better.legs == entry.legs
    leg = selectors.order_get(better.legs[1], STAFF)
    assert (leg.status, leg.parent_id) == ("accepted", better.id)
    moved = order_replace(actor=who, order_id=leg.id, revision=Revision(stop_price=Decimal(97)))
    assert (moved.role, moved.parent_id, moved.stop_price) == ("stop_loss", better.id, "97")
    advance(market.id, 2)  # 98, 104: the take profit fills, and takes the moved stop along
    assert now(moved).code == "oco_filled"


def test_cancel_all_ends_everything_that_lives(market, book):
    account_id, who = book
    send(who, account_id, "buy", 1, "limit", limit_price=90, **{**BRACKET, "stop_loss_price": 85})
    send(who, account_id, "buy", 1, "stop", stop_price=110)
    ended = orders_cancel(actor=who, account_id=account_id)
    assert len(ended) == 2
    assert not Order.objects.filter(account_id=account_id, status__in=["accepted", "held"]).exists()
    assert Account.objects.get(pk=account_id).reserved_minor == 0


def test_a_short_sells_high_buys_low_and_pays_nothing_it_has_not(market):
    account_id, who = margin_account(market)
    short = send(who, account_id, "sell", 50)
    assert short.status == "filled"
    assert quantity(account_id) == -50
    row = Account.objects.get(pk=account_id)
    assert row.cash_minor == 1_000_000 + 9998 * 50
    advance(market.id, 1)  # 98
    cover = send(who, account_id, "buy", 50)
    assert cover.status == "filled"
    gain = (9998 - int(Decimal(cover.average_price) * 100)) * 50
    assert Account.objects.get(pk=account_id).realized_minor == gain


def test_leverage_bounds_exposure_and_reducing_is_always_allowed(market):
    account_id, who = margin_account(market)
    assert order_preview(actor=who, account_id=account_id, request=request("buy", 199)).denial is None
    over = send(who, account_id, "buy", 201)
    assert (over.status, over.code) == ("denied", "not_enough_buying_power")
    send(who, account_id, "buy", 190)
    advance(market.id, 1)  # 98: equity is below what the exposure would need to be opened
    more = send(who, account_id, "buy", 10)
    assert more.code == "not_enough_buying_power"
    assert send(who, account_id, "sell", 190).status == "filled"


def test_an_account_that_may_not_short_says_so(market):
    account_id, who = margin_account(market, short=False)
    assert send(who, account_id, "sell", 1).code == "not_enough_shares"


def test_a_resting_sale_does_not_turn_an_account_short_that_may_not_be(market):
    account_id, who = margin_account(market, short=False)
    send(who, account_id, "buy", 10)
    rests = send(who, account_id, "sell", 10, "limit", limit_price=103)
    assert send(who, account_id, "sell", 10).status == "filled"
    advance(market.id, 2)  # 104
    assert (now(rests).status, now(rests).code) == ("canceled", "nothing_to_reduce")
    assert quantity(account_id) == 0


def test_an_order_on_its_way_meets_the_first_quote_after_the_latency_and_takes(market, book):
    Market.objects.filter(pk=market.id).update(venue={"latency_ms": 250})
    account_id, who = book
    order = send(who, account_id, "buy", 10, "limit", limit_price=102)
    assert order.status == "accepted"
    advance(market.id, 1)  # 98
    assert (now(order).status, Decimal(now(order).average_price)) == ("filled", Decimal("98.02"))


def request(side, size, **more):
    return OrderRequest(symbol="AAA", side=side, quantity=Decimal(size), **more)


def test_a_turn_from_long_to_short_is_one_order(market):
    account_id, who = margin_account(market)
    send(who, account_id, "buy", 20)
    send(who, account_id, "sell", 50)
    assert quantity(account_id) == -30


def test_a_quote_fills_at_most_its_share_of_the_volume_and_the_rest_works_on(market):
    account_id, who = make.account(market, cash="100000000")
    advance(market.id, 4)  # the second day: the first one's volume is known
    order = send(who, account_id, "buy", 250_000, time_in_force="gtc")
    assert (order.status, order.filled_quantity) == ("partially_filled", "100000")
    assert Decimal(order.average_price) > quote_get(market.id, "AAA").ask
    advance(market.id, 1)
    assert now(order).filled_quantity == "200000"
    advance(market.id, 1)
    assert now(order).status == "filled"
    assert Fill.objects.filter(order_id=order.id).count() == 3


def test_an_order_in_many_parts_has_the_share_and_the_impact_of_one(market):
    account_id, who = make.account(market, cash="100000000")
    other_id, other = make.account(market, cash="100000000")
    advance(market.id, 4)
    whole = send(other, other_id, "buy", 100_000)
    parts = [send(who, account_id, "buy", 40_000, time_in_force="ioc") for _ in range(4)]
    assert [part.filled_quantity for part in parts] == ["40000", "40000", "20000", "0"]
    prices = [Decimal(part.average_price) for part in parts[:3]]
    assert prices == sorted(prices)
    assert prices[-1] == Decimal(whole.average_price)
    sold = send(who, account_id, "sell", 50_000, time_in_force="ioc")
    assert sold.filled_quantity == "50000"  # the other side of the quote has its own share
    advance(market.id, 1)
    assert send(who, account_id, "buy", 40_000, time_in_force="ioc").filled_quantity == "40000"


def test_a_gapped_stop_that_cannot_be_paid_is_cancelled_not_overdrawn(market):
    account_id, who = make.account(market, cash="1030")
    order = send(who, account_id, "buy", 10, "stop", stop_price="100.9")
    assert order.status == "accepted"
    advance(market.id, 2)  # 98, 104: ten shares cost 1,040 now
    assert (now(order).status, now(order).code) == ("canceled", "not_enough_buying_power")
