"""Margin calls, forced reductions, and intraday accounts that are flat at the close."""

from decimal import Decimal

import pytest

from core.models import OutboxEvent
from core.services.books import verify
from marketdata import selectors as market_selectors
from marketdata.models import Listing
from marketdata.services.listings import listing_halt
from marketdata.services.ticks import tick_resume
from marketdata.tests.factories import advance, replay_market
from trading.domain.case import margin_at
from trading.domain.types import SYSTEM
from trading.locks import account_snapshot
from trading.models import Account, MarginCall, Order, Position
from trading.services.context import marks_of
from trading.services.locking import account_lock
from trading.tests import factories as make
from trading.tests.test_order_kinds import margin_account, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books_hold():
    yield
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


def falling(*opens, **more):
    """AAA opens and stays at each price for a session; BBB stays at 50."""
    bars = {"AAA": [(price,) * 4 for price in opens], "BBB": [(50,) * 4] * len(opens)}
    return replay_market(bars, ticks=1, spread_bps="0", **more)


def margin_of(market, account_id):
    snapshot = account_snapshot(account_id=account_id)
    return margin_at(snapshot, marks_of(market.id, "USD", market_selectors.quotes_all(market.id).values()))


def told(kind):
    return list(OutboxEvent.objects.filter(topic=f"trading.{kind}").order_by("id").values_list("payload", flat=True))


def sources(account_id):
    return list(
        Order.objects.filter(account_id=account_id, source="margin")
        .order_by("id")
        .values_list("symbol", "side", "quantity", "status")
    )


def test_below_maintenance_is_a_call_told_once_and_ended_when_met():
    # 10,000 of equity carry 199 shares: at 66 equity is 3,232, 25 % of the exposure 3,283, 80 % of that 2,626.
    market = falling(100, 66, 70)
    account_id, who = margin_account(market)
    send(who, account_id, "buy", 199)
    advance(market.id, 4)
    call = MarginCall.objects.get()
    assert (call.account_id, call.tick, call.outcome, call.ended_tick) == (account_id, 4, "", None)
    assert (call.equity_minor, call.maintenance_minor) == (323_201, 328_350)
    tick_resume(market_id=market.id)
    advance(market.id)
    assert len(told("margin_call")) == 1
    assert told("margin_call")[0]["equity_minor"] == 323_201
    assert not sources(account_id)


def test_a_call_that_is_met_ends_without_a_reduction():
    market = replay_market({"AAA": [(100,) * 4, (66, 70, 66, 70)], "BBB": [(50,) * 4] * 2}, ticks=1, spread_bps="0")
    account_id, who = margin_account(market)
    send(who, account_id, "buy", 199)
    advance(market.id, 7)
    call = MarginCall.objects.get()
    assert (call.outcome, call.ended_tick) == ("met", 6)
    assert [event["outcome"] for event in told("margin_call_ended")] == ["met"]
    assert Position.objects.get().quantity == 199


def test_a_call_that_is_not_met_by_the_close_is_reduced_to_initial_margin():
    market = falling(100, 66, 66)
    account_id, who = margin_account(market)
    send(who, account_id, "buy", 199)
    resting = send(who, account_id, "buy", 1, "limit", limit_price="40", time_in_force="gtc")
    advance(market.id, 6)
    assert not sources(account_id)
    advance(market.id)
    standing = margin_of(market, account_id)
    assert standing.excess_minor >= 0
    # No more than it takes: one share fewer sold would not do.
    assert standing.excess_minor < 66_00
    assert [order[:2] for order in sources(account_id)] == [("AAA", "sell")] * len(sources(account_id))
    call = MarginCall.objects.get()
    assert (call.outcome, call.ended_tick) == ("reduced", 7)
    assert call.reduced_orders == len(sources(account_id)) > 0
    assert Order.objects.values_list("status", "code").get(pk=resting.id)[0] in ("canceled", "denied")


@pytest.mark.parametrize(("side", "opens"), [("buy", (100, 60)), ("sell", (100, 130))])
def test_below_the_close_out_level_positions_are_reduced_at_once(side, opens):
    market = falling(*opens)
    account_id, who = margin_account(market, maintenance_pct=Decimal(30))
    send(who, account_id, side, 199)
    advance(market.id, 4)
    standing = margin_of(market, account_id)
    assert standing.excess_minor >= 0
    assert 0 < abs(Position.objects.get().quantity) < 199
    before = list(Order.objects.values_list("id", flat=True))
    tick_resume(market_id=market.id)
    advance(market.id)
    assert list(Order.objects.values_list("id", flat=True)) == before
    assert MarginCall.objects.get().outcome == "reduced"


def test_the_largest_position_goes_first_and_a_halted_one_is_left_for_later():
    market = falling(100, 60, 60)
    account_id, who = margin_account(market, maintenance_pct=Decimal(40))
    send(who, account_id, "buy", 150)
    make.place(who, account_id, "buy", 90, symbol="BBB")
    listing = Listing.objects.get(market_id=market.id, symbol="AAA")
    advance(market.id, 3)
    listing_halt(actor=None, listing_id=listing.pk, reason="test")
    advance(market.id)
    assert {order[0] for order in sources(account_id) if order[3] == "filled"} == {"BBB"}
    assert Position.objects.get(account_id=account_id, listing=listing).quantity == 150


def test_an_account_under_water_is_closed_whole_and_a_locked_one_as_well():
    market = falling(100, 40)
    account_id, who = margin_account(market)
    send(who, account_id, "buy", 199)
    account_lock(actor=SYSTEM, account_id=account_id, reason="a rule")
    advance(market.id, 4)
    assert Position.objects.get().quantity == 0
    account = Account.objects.get(pk=account_id)
    assert account.cash_minor < 0
    assert account.status == "locked"
    assert MarginCall.objects.get().outcome == "reduced"


def test_accounts_that_stand_well_and_cash_accounts_are_left_alone():
    market = falling(100, 60)
    cash, holder = make.account(market)
    calm, trader = margin_account(market)
    make.place(holder, cash, "buy", 99)
    send(trader, calm, "buy", 50)
    advance(market.id, 7)
    assert not MarginCall.objects.exists()
    assert not Order.objects.filter(source="margin").exists()


def test_the_volume_of_a_print_bounds_a_reduction_and_the_next_print_goes_on():
    market = falling(100, 60, volume=500)
    account_id, who = margin_account(market, maintenance_pct=Decimal(30))
    send(who, account_id, "buy", 199)
    advance(market.id, 4)
    # A tenth of the last session's 500 shares fills at a print.
    assert sources(account_id) == [("AAA", "sell", Decimal(132), "canceled")]
    assert Position.objects.get().quantity == 149
    assert MarginCall.objects.get().outcome == ""
    for _ in range(3):
        advance(market.id)
    assert margin_of(market, account_id).excess_minor >= 0


def test_intraday_accounts_are_flat_at_the_close():
    market = falling(100, 101)
    account_id, who = margin_account(market, product="intraday")
    overnight, other = margin_account(market)
    send(who, account_id, "buy", 20)
    send(other, overnight, "buy", 20)
    resting = send(who, account_id, "sell", 20, "limit", limit_price="140", time_in_force="gtc")
    advance(market.id, 2)
    assert Position.objects.get(account_id=account_id).quantity == 20
    advance(market.id)
    assert Position.objects.get(account_id=account_id).quantity == 0
    assert Position.objects.get(account_id=overnight).quantity == 20
    assert Order.objects.values_list("status", "code").get(pk=resting.id) == ("canceled", "intraday_close")
    assert Order.objects.get(account_id=account_id, source="intraday").side == "sell"
    # The mark of the close is of the flat account.
    account = Account.objects.select_related("mark").get(pk=account_id)
    assert account.mark.equity_minor == account.cash_minor
