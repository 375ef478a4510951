"""The order path on real PostgreSQL: what it stores, refuses and leaves alone."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.errors import Conflict, Denied, Invalid, NotFound
from core.models import IdempotencyRecord, Journal, OutboxEvent, Posting
from marketdata.services.markets import market_pause
from marketdata.tests.factories import advance, replay_market
from trading import selectors
from trading.domain.types import OrderRequest
from trading.models import Account, Fill, Order, OrderTransition, Position
from trading.services.changes import order_cancel, order_preview
from trading.tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    # AAA prints 100 with a half-spread of one tick's worth of basis points.
    return replay_market(ticks=1)


@pytest.fixture
def book(market):
    return make.account(market)


def test_market_buy_fills_at_the_ask_and_posts_a_balanced_journal(market, book):
    account_id, who = book
    quote = selectors.market_selectors.quote_get(market.id, "AAA")
    view = make.place(who, account_id, "buy", 10)
    assert view.status == "filled"
    assert Decimal(view.average_price) == quote.ask
    row = Account.objects.get(pk=account_id)
    assert row.cash_minor == 1_000_000 - int(quote.ask * 1000)
    fill = Fill.objects.get(order_id=view.id)
    assert fill.quote["ask"] == str(quote.ask)
    journal = Journal.objects.get(reference=f"fill:{fill.pk}")
    legs = dict(Posting.objects.filter(journal=journal).values_list("account__kind", "amount_minor"))
    assert legs == {"cash": -int(quote.ask * 1000), "clearing": int(quote.ask * 1000)}
    steps = list(
        OrderTransition.objects.filter(order_id=view.id).order_by("id").values_list("from_status", "to_status")
    )
    assert steps == [("initialized", "accepted"), ("accepted", "filled")]
    event = OutboxEvent.objects.get(topic="trading.order_filled")
    assert (event.aggregate, event.payload["order_id"]) == (f"account:{account_id}", view.id)


def test_sell_realises_profit_against_average_cost(market, book):
    account_id, who = book
    first = make.place(who, account_id, "buy", 10)
    advance(market.id, 3)
    second = make.place(who, account_id, "buy", 5)
    paid = Decimal(first.average_price) * 10 + Decimal(second.average_price) * 5
    sold = make.place(who, account_id, "sell", 6)
    position = Position.objects.get(account_id=account_id)
    assert position.quantity == 9
    assert position.cost_minor == round(paid * 100 * 9 / 15)
    account = Account.objects.get(pk=account_id)
    assert account.realized_minor == int(Decimal(sold.average_price) * 600) - round(paid * 100 * 6 / 15)
    assert account.cash_minor - account.initial_minor == account.realized_minor - position.cost_minor


def test_commission_is_charged_and_posted_by_kind(market):
    account_id, who = make.account(market, group_id=make.group(market, commission_bps="10"))
    view = make.place(who, account_id, "buy", 10)
    notional = int(Decimal(view.average_price) * 1000)
    account = Account.objects.get(pk=account_id)
    fee = round(notional * Decimal("0.001"))
    assert account.fees_minor == fee
    assert account.cash_minor == 1_000_000 - notional - fee
    assert Posting.objects.get(account__kind="fees").amount_minor == fee


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("0", "invalid_quantity"),
        ("-1", "invalid_quantity"),
        ("NaN", "invalid_quantity"),
        ("Infinity", "invalid_quantity"),
        ("1e30", "invalid_quantity"),
        ("0.0000001", "invalid_quantity"),
    ],
)
def test_malformed_quantities_are_refused_and_store_nothing(book, quantity, code):
    account_id, who = book
    with pytest.raises(Invalid) as caught:
        make.place(who, account_id, "buy", quantity)
    assert caught.value.code == code
    assert not Order.objects.exists()


def test_limit_orders_need_a_price_and_market_orders_none(book):
    account_id, who = book
    with pytest.raises(Invalid, match="needs a limit price"):
        make.order_place(actor=who, account_id=account_id, request=OrderRequest("AAA", "buy", Decimal(1), "limit"))
    with pytest.raises(Invalid, match="has no limit price"):
        make.order_place(
            actor=who, account_id=account_id, request=OrderRequest("AAA", "buy", Decimal(1), limit_price=Decimal(1))
        )


@pytest.mark.parametrize(
    ("side", "quantity", "more", "code"),
    [
        ("buy", 1000, {}, "not_enough_buying_power"),
        ("sell", 1, {}, "not_enough_shares"),
        ("buy", "1.5", {}, "lot_size"),
        ("buy", 1, {"limit": "99.999"}, "tick_size"),
        ("buy", 1, {"limit": "10"}, "price_collar"),
        ("buy", "999999999", {}, "order_too_large"),
    ],
)
def test_denied_orders_are_stored_as_denied_and_change_nothing(book, side, quantity, more, code):
    account_id, who = book
    before = Account.objects.values().get(pk=account_id)
    view = make.place(who, account_id, side, quantity, **more)
    assert (view.status, view.code) == ("denied", code)
    assert Order.objects.get(pk=view.id).code == code
    assert Account.objects.values().get(pk=account_id) == before
    assert not Fill.objects.exists()
    assert not Position.objects.exists()


def test_denial_says_what_why_and_what_to_do(book):
    account_id, who = book
    view = make.place(who, account_id, "buy", 1000)
    assert view.message.startswith("Not enough buying power: this order needs 100,0")
    most = int(view.details["max_quantity"])
    assert f"Reduce to {most:,} {'share' if most == 1 else 'shares'} or less." in view.message
    assert make.place(who, account_id, "buy", most).status == "filled"


def test_unknown_symbol_other_peoples_account_and_no_account(market, book):
    account_id, _ = book
    stranger = make.actor(make.user())
    with pytest.raises(Denied, match="does not trade"):
        make.place(book[1], account_id, "buy", 1, symbol="NOPE")
    for asked in (account_id, 10**12):
        with pytest.raises(NotFound):
            make.place(stranger, asked, "buy", 1)
    assert not Order.objects.exists()


def test_suspended_owner_is_denied(book):
    account_id, who = book
    User.objects.filter(pk=who.user_id).update(status="suspended")
    assert make.place(who, account_id, "buy", 1).code == "account_suspended"


@pytest.mark.parametrize("status", ["pending", "paused", "closed"])
def test_a_group_that_is_not_open_takes_no_orders(market, status):
    account_id, who = make.account(market, group_id=make.group(market, status=status))
    assert make.place(who, account_id, "buy", 1).code == "trading_not_open"


def test_a_paused_market_takes_no_orders(market, book):
    account_id, who = book
    market_pause(actor=None, market_id=market.id)
    assert make.place(who, account_id, "buy", 1).code == "market_closed"


def test_before_the_first_print_the_market_is_closed():
    account_id, who = make.account(replay_market(running=False))
    with pytest.raises(Denied) as caught:
        make.place(who, account_id, "buy", 1)
    assert caught.value.code == "market_closed"


def test_same_key_same_body_answers_once_and_other_body_conflicts(book):
    account_id, who = book
    first = make.place(who, account_id, "buy", 3, key="k1")
    again = make.place(who, account_id, "buy", "3.0", key="k1")
    assert again.replayed
    assert again.to_json() == first.to_json()
    assert Fill.objects.count() == 1
    with pytest.raises(Conflict):
        make.place(who, account_id, "buy", 4, key="k1")
    denied = make.place(who, account_id, "sell", 99, key="k2")
    assert make.place(who, account_id, "sell", 99, key="k2").to_json() == denied.to_json()
    assert IdempotencyRecord.objects.count() == 2


def test_resting_orders_reserve_cash_and_shares(market, book):
    account_id, who = book
    buy = make.place(who, account_id, "buy", 50, limit="99")
    assert buy.status == "accepted"
    account = Account.objects.get(pk=account_id)
    assert (account.reserved_minor, account.open_orders_count) == (495_000, 1)
    assert make.place(who, account_id, "buy", 60).code == "not_enough_buying_power"
    make.place(who, account_id, "buy", 10)
    make.place(who, account_id, "sell", 7, limit="120")
    assert make.place(who, account_id, "sell", 4).code == "not_enough_shares"
    assert make.place(who, account_id, "sell", 3).status == "filled"


def test_cancel_releases_and_is_idempotent(market, book):
    account_id, who = book
    view = make.place(who, account_id, "buy", 50, limit="99")
    assert order_cancel(actor=who, order_id=view.id).status == "canceled"
    assert order_cancel(actor=who, order_id=view.id).status == "canceled"
    account = Account.objects.get(pk=account_id)
    assert (account.reserved_minor, account.open_orders_count) == (0, 0)
    filled = make.place(who, account_id, "buy", 1)
    with pytest.raises(Conflict):
        order_cancel(actor=who, order_id=filled.id)
    with pytest.raises(NotFound):
        order_cancel(actor=make.actor(make.user()), order_id=view.id)


def test_resting_buy_fills_when_the_market_trades_through_it(market, book):
    # Session one is 100 open, 104 high, 98 low, 102 close; the low comes first or second by the stated rule.
    account_id, who = book
    through = make.place(who, account_id, "buy", 10, limit="99", time_in_force="gtc")
    at_low = make.place(who, account_id, "buy", 10, limit="97.99", time_in_force="gtc")
    advance(market.id, 3)
    assert selectors.order_get(through.id, who).status == "filled"
    assert selectors.order_get(through.id, who).average_price == "99"
    assert selectors.order_get(at_low.id, who).status == "accepted"
    account = Account.objects.get(pk=account_id)
    assert account.cash_minor == 1_000_000 - 99_000
    assert account.reserved_minor == 97_990


def test_day_orders_expire_at_the_next_session_and_gtc_stay(market, book):
    account_id, who = book
    day = make.place(who, account_id, "buy", 1, limit="90")
    gtc = make.place(who, account_id, "buy", 1, limit="90", time_in_force="gtc")
    advance(market.id, 4)
    assert selectors.order_get(day.id, who).status == "expired"
    assert selectors.order_get(gtc.id, who).status == "accepted"
    assert Account.objects.get(pk=account_id).reserved_minor == 9_000


def test_preview_prices_without_placing(market, book):
    account_id, who = book
    preview = order_preview(actor=who, account_id=account_id, request=OrderRequest("AAA", "buy", Decimal(10)))
    assert preview.denial is None
    assert Decimal(preview.buying_power) - Decimal(preview.total) == Decimal(preview.buying_power_after)
    refused = order_preview(actor=who, account_id=account_id, request=OrderRequest("AAA", "buy", Decimal(10_000)))
    assert refused.denial.code == "not_enough_buying_power"
    assert not Order.objects.exists()


def test_a_filled_market_order_costs_at_most_six_statements(market, book):
    account_id, who = book
    with CaptureQueriesContext(connection) as cold:
        make.place(who, account_id, "buy", 1, key="cold")
    with CaptureQueriesContext(connection) as warm:
        make.place(who, account_id, "buy", 1, key="warm")
    assert len(cold) <= 6, [query["sql"][:80] for query in cold]
    assert len(warm) <= 4, [query["sql"][:80] for query in warm]


def test_marks_and_equity_points_follow_the_ticks(market, book):
    account_id, who = book
    make.place(who, account_id, "buy", 10)
    advance(market.id, 2)
    quote = selectors.market_selectors.quote_get(market.id, "AAA")
    view = selectors.account_get(account_id, who)
    assert view.equity_minor == view.cash_minor + int(quote.last * 1000)
    assert view.equity_minor - view.initial_minor == view.realized_minor + view.unrealized_minor - view.fees_minor
    assert len(selectors.equity_curve(account_id)) == 3
    assert selectors.sparklines([account_id], 2)[account_id][-1] == view.equity_minor
