"""Splits, dividends, new symbols and delistings as accounts meet them."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from threading import Event

import pytest
from django.db import connection, transaction
from django.db.models import Max, Min
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models import Journal, OutboxEvent
from core.services.books import verify
from core.tests.whole import IS_WHOLE
from marketdata import selectors as market_selectors
from marketdata.domain.ports import register_tick_listener, unregister_tick_listener
from marketdata.models import DailyBar, Instrument, Market
from marketdata.services.markets import market_start
from marketdata.services.ticks import tick_resume
from marketdata.tests import test_real_prices as real
from marketdata.tests.factories import MONDAY, advance, replay_market
from trading.domain.adjusting import Effect, split_prices
from trading.domain.corporate import FillStep, meet_holding, replay
from trading.domain.positions import Holding, apply_fill
from trading.domain.snapshot import OrderState
from trading.domain.types import OrderRequest
from trading.models import Account, Adjustment, Order, OrderTransition, Position
from trading.services import corporate
from trading.services.accounts import group_set_status_in_tx
from trading.services.barrier import barrier_wait
from trading.services.locking import account_lock
from trading.services.orders import order_place
from trading.tests import factories as make
from trading.tests.test_order_kinds import margin_account, send

pytestmark = pytest.mark.django_db

# Two shares for one before the third session; 1.50 a share before the fourth.
BARS = {
    "AAA": [(100, 100, 100, 100), (100, 104, 98, 102), (51, 52, 50, 50), (49, 50, 48, 49), (49, 50, 48, 50)],
    "BBB": [(50, 50, 50, 50)] * 5,
}
ACTIONS = {"AAA": [("split", 2, 2), ("dividend", 3, "1.5")]}
NO_SPREAD = {"spread_bps": "0", "basis": "traded"}


@pytest.fixture(autouse=True)
def books_hold():
    yield
    report = verify()
    assert report.is_sound, [outcome for outcome in report.outcomes if outcome.mismatches]


def market_of(actions=None, bars=None, **more):
    return replay_market(bars or BARS, actions=actions or ACTIONS, ticks=1, **{**NO_SPREAD, **more})


def to_day(market, day):
    """Advance to the open of a session."""
    row = Market.objects.get(pk=market.id)
    return advance(market.id, day * 4 - row.tick)


def row(account_id):
    return Account.objects.get(pk=account_id)


def quantity(account_id, symbol="AAA"):
    return Position.objects.get(account_id=account_id, listing__symbol=symbol).quantity


def test_a_split_multiplies_a_long_and_a_short_and_moves_no_money():
    market = market_of()
    held, who = make.account(market)
    short, seller = margin_account(market)
    make.place(who, held, "buy", 7)
    send(seller, short, "sell", 7)
    before = {key: (row(key).cash_minor, row(key).realized_minor) for key in (held, short)}
    to_day(market, 2)
    assert (quantity(held), quantity(short)) == (14, -14)
    assert {key: (row(key).cash_minor, row(key).realized_minor) for key in (held, short)} == before
    assert Position.objects.get(account_id=held).cost_minor == 70_007
    adjustment = Adjustment.objects.get(account_id=held)
    assert (adjustment.kind, adjustment.quantity_before, adjustment.quantity_after) == ("split", 7, 14)
    assert adjustment.reference == f"split:{adjustment.listing_id}:2024-01-10"
    assert not Journal.objects.filter(kind="split").exists()
    event = OutboxEvent.objects.get(topic="trading.corporate_action", aggregate=f"account:{held}")
    assert (event.payload["kind"], event.payload["quantity_after"]) == ("split", "14")


def test_a_fraction_is_paid_at_the_last_price_in_the_new_shares():
    market = market_of({"AAA": [("split", 2, "1.5")]}, {**BARS, "AAA": [*BARS["AAA"][:2], *[(68, 68, 68, 68)] * 3]})
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 7)
    to_day(market, 2)
    # 10.5 shares: the half is paid at 102 / 1.5 = 68, and takes 33.34 of the cost of 700.07 along.
    position = Position.objects.get(account_id=account_id)
    assert (position.quantity, position.cost_minor, position.realized_minor) == (10, 66_673, 66)
    assert row(account_id).cash_minor == 1_000_000 - 70_007 + 3_400
    assert Journal.objects.get(kind="split").reference.startswith(f"account:{account_id}:split:")


def test_a_dividend_is_paid_to_longs_and_by_shorts_for_what_was_held_before_the_open():
    market = market_of({"AAA": [("dividend", 3, "1.5")]})
    held, who = make.account(market)
    short, seller = margin_account(market)
    late, buyer = make.account(market)
    make.place(who, held, "buy", 7)
    send(seller, short, "sell", 7)
    to_day(market, 3)
    make.place(buyer, late, "buy", 7)
    make.place(who, held, "sell", 7)
    tick_resume(market_id=market.id)
    assert (row(held).other_minor, row(short).other_minor, row(late).other_minor) == (1_050, -1_050, 0)
    assert row(late).cash_minor == 1_000_000 - 7 * 4_901
    assert Adjustment.objects.count() == 2
    assert Journal.objects.filter(kind="dividend").count() == 2


def test_whoever_orders_before_the_pass_has_reached_them_is_settled_first(monkeypatch):
    market = market_of()
    held, who = make.account(market)
    make.place(who, held, "buy", 7)
    advance(market.id, 7)
    sold = []

    def pass_of(market_id, action, day, **more):
        # The tick is shown and nobody has been adjusted: the owner sells all that they have now.
        sold.append(make.place(who, held, "sell", 14))
        return corporate.ActionReport(action)

    monkeypatch.setattr(corporate, "action_apply", pass_of)
    advance(market.id)
    assert sold[0].status == "filled"
    assert quantity(held) == 0
    assert row(held).realized_minor == 14 * 5_099 - 70_007


def test_resuming_a_tick_applies_nothing_twice():
    market = market_of()
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 7)
    make.place(who, account_id, "sell", 2, limit="140", time_in_force="gtc")
    to_day(market, 2)
    before = list(Order.objects.values()), list(Position.objects.values()), list(Account.objects.values())
    for _ in range(2):
        tick_resume(market_id=market.id)
    advance(market.id)
    assert (list(Order.objects.values()), list(Position.objects.values()), list(Account.objects.values())) == before
    assert Adjustment.objects.count() == 1


def test_resting_orders_follow_a_split():
    market = market_of({"AAA": [("split", 2, 3)]}, {**BARS, "AAA": [*BARS["AAA"][:2], *[(34, 34, 34, 34)] * 3]})
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 10)
    buy = make.place(who, account_id, "buy", 3, limit="60.01", time_in_force="gtc").id
    sell = make.place(who, account_id, "sell", 4, limit="140.01", time_in_force="gtc").id
    stop = send(who, account_id, "sell", 2, "stop", stop_price="80.01", time_in_force="gtc").id
    trail = send(who, account_id, "sell", 1, "trailing_stop", trail_amount="20", time_in_force="gtc").id
    to_day(market, 2)
    rows = Order.objects.in_bulk()
    # Away from the market: a buy limit and a sell stop go down, a sell limit up.
    assert (rows[buy].quantity, rows[buy].limit_price, rows[buy].wake_price) == (9, Decimal("20"), Decimal("20"))
    assert (rows[sell].quantity, rows[sell].limit_price, rows[sell].reserved_quantity) == (12, Decimal("46.67"), 12)
    assert (rows[stop].quantity, rows[stop].stop_price) == (6, Decimal("26.67"))
    # The best price was 102 on the day before: a third of it, less a third of the trail, both away from the market.
    assert (rows[trail].extreme, rows[trail].trail_amount) == (Decimal("34.66"), Decimal("6.67"))
    assert rows[buy].reserved_minor == 18_000
    assert row(account_id).reserved_minor == 18_000
    last = OrderTransition.objects.filter(order_id=buy).order_by("id").last()
    assert (last.from_status, last.to_status, last.reason) == ("accepted", "accepted", "split 3 for 1")


def test_the_legs_that_wait_follow_a_split_and_protect_the_new_shares():
    market = market_of()
    account_id, who = make.account(market)
    entry = send(
        who, account_id, "buy", 5, "limit", limit_price="60", order_class="bracket", take_profit_price="130",
        stop_loss_price="50.01", time_in_force="gtc",
    )  # fmt: skip
    to_day(market, 2)
    legs = {leg.role: leg for leg in Order.objects.filter(link_id=entry.id)}
    assert Order.objects.get(pk=entry.id).limit_price == 30
    assert (legs["take_profit"].status, legs["take_profit"].quantity, legs["take_profit"].limit_price) == (
        "held",
        10,
        65,
    )
    assert (legs["stop_loss"].quantity, legs["stop_loss"].stop_price) == (10, 25)


def test_an_order_with_nothing_left_after_a_reverse_split_ends():
    bars = {**BARS, "AAA": [*BARS["AAA"][:2], *[(1020, 1020, 1020, 1020)] * 3]}
    market = market_of({"AAA": [("split", 2, "0.1")]}, bars)
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 25)
    small = make.place(who, account_id, "sell", 9, limit="140", time_in_force="gtc").id
    large = make.place(who, account_id, "sell", 16, limit="140", time_in_force="gtc").id
    to_day(market, 2)
    assert Order.objects.values_list("status", "code").get(pk=small) == ("canceled", "corporate_action")
    assert Order.objects.values_list("status", "quantity", "limit_price").get(pk=large) == ("accepted", 1, 1400)
    assert (quantity(account_id), Position.objects.get(account_id=account_id).reserved_quantity) == (2, 1)
    # Half a share at 1,020.
    assert row(account_id).cash_minor == 1_000_000 - 250_025 + 51_000


def test_a_renamed_listing_takes_its_orders_along():
    market = market_of({"AAA": [("symbol_change", 2, 0, "ZZZ")]})
    account_id, who = make.account(market)
    order = make.place(who, account_id, "buy", 3, limit="60", time_in_force="gtc").id
    to_day(market, 2)
    assert Order.objects.get(pk=order).symbol == "ZZZ"


def test_a_delisting_pays_out_positions_and_ends_orders():
    bars = {"AAA": BARS["AAA"][:2], "BBB": BARS["BBB"]}
    market = market_of({"AAA": [("delisting", 2, 0)]}, bars)
    held, who = make.account(market)
    short, seller = margin_account(market)
    make.place(who, held, "buy", 7)
    send(seller, short, "sell", 7)
    order = make.place(who, held, "sell", 3, limit="140", time_in_force="gtc").id
    to_day(market, 2)
    # The last close was 102.
    assert [row(key).realized_minor for key in (held, short)] == [1_393, -1_407]
    assert row(held).cash_minor == 1_000_000 + 1_393
    assert quantity(held) == quantity(short) == 0
    assert Order.objects.values_list("status", "code").get(pk=order) == ("canceled", "delisted")
    assert row(held).open_orders_count == 0


def test_locked_accounts_take_part_and_closed_groups_stand_still():
    market = market_of()
    group = make.group(market)
    locked, one = make.account(market)
    ended, other = make.account(market, group_id=group)
    for account_id, who in ((locked, one), (ended, other)):
        make.place(who, account_id, "buy", 7)
    account_lock(actor=one, account_id=locked, reason="test")
    with transaction.atomic():
        group_set_status_in_tx(group_id=group, status="closed")
    to_day(market, 3)
    assert (quantity(locked), quantity(ended)) == (14, 7)
    assert row(locked).other_minor == 2_100


def test_what_was_missed_is_put_in_its_place(monkeypatch):
    market = market_of({"AAA": [("split", 2, 2)]})
    account_id, who = make.account(market)
    make.place(who, account_id, "buy", 10)
    monkeypatch.setattr(corporate, "actions_of_day", lambda *_: ())
    monkeypatch.setattr(corporate, "action_apply", lambda *_, **__: None)
    to_day(market, 2)
    make.place(who, account_id, "sell", 4)
    advance(market.id, 2)
    make.place(who, account_id, "buy", 6)
    monkeypatch.undo()
    dry = corporate.actions_catch_up(market_id=market.id, dry_run=True)
    assert [(report.action.kind, report.accounts) for report in dry] == [("split", 1)]
    assert quantity(account_id) == 12
    corporate.actions_catch_up(market_id=market.id)
    # 10 at 100.01 are 20 at 50.005: the four sold at 50.99 made 0.985 a share, not a loss of 49.
    bought = int(Order.objects.filter(account_id=account_id).order_by("id").last().average_price * 600)
    position = Position.objects.get(account_id=account_id)
    assert (position.quantity, position.realized_minor, position.cost_minor) == (22, 394, 80_008 + bought)
    assert row(account_id).realized_minor == 394
    assert [report.accounts for report in corporate.actions_catch_up(market_id=market.id)] == [0]


@pytest.mark.django_db(transaction=True)
def test_nobody_trades_old_shares_at_new_prices_while_a_split_is_applied():
    """Clients trade without a pause while the market goes over a split: their equity moves by the spread alone.

    The pass over the accounts begins half a second after the split's prices are shown.
    """
    register_tick_listener(4, "trading.slow", lambda market, tick: time.sleep(0.5))
    bars = {"AAA": [(100,) * 4, (100,) * 4, (10,) * 4], "BBB": [(50,) * 4] * 3}
    market = replay_market(bars, actions={"AAA": [("split", 2, 10)]}, ticks=7, **NO_SPREAD)
    books = [make.account(market) for _ in range(4)]
    trades, stop = Counter(), Event()

    def client(account_id, who):
        try:
            while not stop.is_set():
                held = list(Position.objects.filter(account_id=account_id).values_list("quantity", flat=True))
                side = "sell" if held and held[0] else "buy"
                view = make.place(who, account_id, side, held[0] if side == "sell" else 7)
                trades[view.status] += 1
                make.place(who, account_id, "buy", 1, limit="9", time_in_force="ioc")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(client, *book) for book in books]
        try:
            for _ in range(3):
                advance(market.id)
        finally:
            stop.set()
            unregister_tick_listener("trading.slow")
        for job in running:
            job.result()
    assert trades["filled"] > 20
    last = Position.objects.values_list("account_id", "quantity")
    for account_id, shares in last:
        account = row(account_id)
        spent = sum(quantity for quantity, _ in account.fills.values_list("quantity", "id"))
        # A share costs a cent of spread at 10 as at 100, each time that it changes hands.
        assert abs(account.cash_minor + shares * 1_000 - 1_000_000) <= spent


@pytest.mark.django_db(transaction=True)
def test_the_pass_waits_for_whoever_is_deciding():
    account_id, _ = make.account(replay_market(ticks=1))
    locked, done = Event(), Event()

    def decide():
        try:
            with transaction.atomic():
                Account.objects.select_for_update(no_key=True).get(pk=account_id)
                locked.set()
                done.wait(10)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        deciding = pool.submit(decide)
        assert locked.wait(10)
        began = time.monotonic()
        assert not barrier_wait(0.2)
        assert time.monotonic() - began >= 0.2
        waiting = pool.submit(lambda: (barrier_wait(10), connection.close())[0])
        time.sleep(0.1)
        assert not waiting.done()
        done.set()
        assert waiting.result()
        deciding.result()


AT = datetime(2024, 1, 10, tzinfo=UTC)


def effect_of(ratio, cents, lot="1"):
    return Effect(
        "split", 1, "AAA", MONDAY, AT, 8, Fraction(cents) / Fraction(Decimal(ratio)), Decimal(lot), Decimal(ratio)
    )


@settings(max_examples=300)
@given(
    st.integers(-10_000, 10_000),
    st.integers(1, 10_000_000),
    st.sampled_from(["2", "7", "1.5", "0.1", "0.333333", "20", "1.05"]),
    st.sampled_from(["1", "0.001", "100"]),
    st.integers(-10_000_000, 10_000_000),
)
def test_equity_stands_still_over_a_split(shares, cents, ratio, lot, cost):
    """Cash and value at the price that fell by the ratio: the same to half a cent, and so is cost with what it made."""
    holding = Holding(quantity=Decimal(shares), cost_minor=cost if shares else 0)
    outcome = meet_holding(holding, effect_of(ratio, cents, lot))
    value = Fraction(outcome.holding.quantity) * Fraction(cents) / Fraction(Decimal(ratio))
    assert abs(Fraction(shares) * cents - value - outcome.cash_minor) <= Fraction(1, 2)
    assert outcome.holding.quantity % Decimal(lot) == 0
    assert outcome.cash_minor == outcome.holding.realized_minor - (outcome.holding.cost_minor - holding.cost_minor)


@given(st.lists(st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), st.integers(1, 10**6)), max_size=20))
def test_replaying_a_history_is_what_the_fills_did_one_by_one(fills):
    holding = Holding()
    for side, shares, notional in fills:
        holding, _ = apply_fill(holding, side, Decimal(shares), notional)
    assert replay(FillStep(side, Decimal(shares), notional) for side, shares, notional in fills) == holding


def resting(side, limit, stop):
    return OrderState(
        id=1, listing_id=1, symbol="AAA", side=side, type="stop_limit", time_in_force="gtc", quantity=Decimal(1),
        filled_quantity=Decimal(0), limit_price=limit, average_price=None, status="accepted", reserved_minor=0,
        reserved_quantity=Decimal(0), source="api", client_order_id="", accepted_tick=0, actor_id=None, market_at=None,
        created_at="", stop_price=stop,
    )  # fmt: skip


@given(
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.sampled_from(["2", "7", "0.1", "1.5", "3"]),
)
def test_no_price_moves_towards_the_market(side, limit, stop, ratio):
    order = resting(side, Decimal(limit) / 100, Decimal(stop) / 100)
    after = split_prices(order, Decimal(ratio), Decimal("0.01"))
    sign = 1 if side == "buy" else -1
    if Decimal(limit) / 100 / Decimal(ratio) >= Decimal("0.01"):
        assert sign * (after.limit_price * Decimal(ratio) - order.limit_price) <= 0
    if Decimal(stop) / 100 / Decimal(ratio) >= Decimal("0.01"):
        assert sign * (after.stop_price * Decimal(ratio) - order.stop_price) >= 0


@pytest.mark.slow
@pytest.mark.skipif(not (real.LEAN / "daily").is_dir(), reason=f"REAL HISTORY NOT TESTED: no {real.LEAN}")
def test_equity_is_continuous_over_the_splits_and_dividends_of_the_real_history():
    """A long and a short held through a share's actions: at the close of before, nothing but the dividend moves.

    The market is put before each action's open instead of playing the quiet years between. All the splits, and every
    third of the dividends, which are much alike; all of them with STORM=whole.
    """
    seen = {"split": 0, "dividend": 0}
    for loaded in real.load():
        instrument = Instrument.objects.get(symbol=loaded.symbol)
        span = DailyBar.objects.filter(instrument=instrument).aggregate(Min("date"), Max("date"))
        market = replay_market(
            {loaded.symbol: [()]}, slug=f"real-{loaded.symbol.lower()}", **NO_SPREAD, running=False, ticks=0,
            start=span["date__min"], end=span["date__max"],
        )  # fmt: skip
        for kind, moved in held_through(market, loaded.symbol):
            seen[kind] += 1
            assert moved <= Fraction(1, 2), (loaded.symbol, kind, moved)
    assert seen["split"] >= 8
    assert seen["dividend"] >= (100 if IS_WHOLE else 40)


def held_through(market, symbol):
    """(kind, how far equity moved beyond the dividend, in cents) for each action and account."""
    market_start(actor=None, market_id=market.id)
    advance(market.id)
    long, buyer = make.account(market, cash="10000000")
    short, seller = margin_account(market, cash="10000000")
    make.place(buyer, long, "buy", 101, symbol=symbol)
    sold = OrderRequest(symbol=symbol, side="sell", quantity=Decimal(101))
    assert order_place(actor=seller, account_id=short, request=sold).status == "filled"
    table, line = market_selectors.market_slice(market.id), market_selectors.timeline(market.id)
    for number, day in enumerate(line.action_days(table.days_total)):
        tick = day * table.prints
        is_quiet = all(action.kind == "dividend" for action in line.actions(day)) and number % 3
        if tick < 2 or (is_quiet and not IS_WHOLE):
            continue
        Market.objects.filter(pk=market.id).update(tick=tick - 1, tick_at=table.at(tick - 1))
        close = Fraction(int(table.last[tick - 1, 0]) * table.tick_sizes[0]) * 100
        before = {key: (row(key).cash_minor, Fraction(quantity(key, symbol))) for key in (long, short)}
        advance(market.id)
        ratio = Fraction(1)
        paid = Fraction(0)
        for action in line.actions(day):
            ratio *= Fraction(action.value) if action.kind == "split" else 1
            paid += ratio * Fraction(action.value) * 100 if action.kind == "dividend" else 0
        for key, (cash, shares) in before.items():
            now = Fraction(quantity(key, symbol))
            moved = row(key).cash_minor + now * close / ratio - cash - shares * close - shares * paid
            # Each action is rounded once, half-even. (QQQ has a gap of years: its dividends fall on one open.)
            yield line.actions(day)[0].kind, abs(moved) / len(line.actions(day))
