"""The fill model, rule by rule (docs/fills.md): pure, so each rule is a line of prices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading.domain.fills import Execution, Prices, Working, meet
from trading.domain.venue import DEFAULT_VENUE, FRICTIONLESS, Venue

D = Decimal
CENT, LOT, ZERO = D("0.01"), D(1), D(0)
NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
QUIET = Prices(D("99.95"), D("100.05"), D(100))


def at(last, *, spread="0.10", **more) -> Prices:
    """A print at `last`, with the spread around it."""
    half = D(spread) / 2
    return Prices(D(str(last)) - half, D(str(last)) + half, D(str(last)), **more)


def order(side="buy", kind="market", quantity=10, tif="gtc", **more) -> Working:
    prices = {
        name: D(str(value)) if isinstance(value, str) or type(value) is int else value for name, value in more.items()
    }
    return Working(side, kind, tif, D(quantity), **prices)


def limit(side, price, **more) -> Working:
    return order(side, "limit", limit_price=price, **more)


def fill(working, prices, *, new=True, venue=DEFAULT_VENUE, lot=LOT, taken=ZERO) -> Execution:
    return meet(working, prices, tick_size=CENT, lot_size=lot, venue=venue, new=new, taken=taken)


def rested(working, prices, **more) -> Execution:
    return fill(working, prices, new=False, **more)


def done(execution):
    return execution.quantity, execution.price


NOTHING = (D(0), None)


# Market and limit orders.


@pytest.mark.parametrize(("side", "price"), [("buy", "100.05"), ("sell", "99.95")])
def test_a_market_order_fills_at_the_touch(side, price):
    assert done(fill(order(side), QUIET)) == (10, D(price))


@pytest.mark.parametrize(("side", "price"), [("buy", "101"), ("sell", "99")])
def test_a_limit_that_the_quote_reaches_takes_the_quote(side, price):
    assert done(fill(limit(side, price), QUIET))[1] == (D("100.05") if side == "buy" else D("99.95"))


@pytest.mark.parametrize(("side", "price"), [("buy", "100.04"), ("sell", "99.96")])
def test_a_limit_that_the_quote_does_not_reach_rests(side, price):
    assert fill(limit(side, price), QUIET) == Execution()


@pytest.mark.parametrize(
    ("side", "price", "last", "fills"),
    [
        ("buy", "99", "99.00", False),  # at its price: it is last in the queue
        ("buy", "99", "98.99", True),
        ("sell", "101", "101.00", False),
        ("sell", "101", "101.01", True),
    ],
)
def test_a_resting_limit_fills_when_the_market_trades_through_it_by_a_tick(side, price, last, fills):
    # A spread so wide that the touch never reaches the limit: the print alone decides.
    execution = rested(limit(side, price), at(last, spread="4"))
    assert done(execution) == ((10, D(price)) if fills else NOTHING)


@pytest.mark.parametrize(("side", "price", "last"), [("buy", "99", "98"), ("sell", "101", "102")])
def test_a_resting_limit_is_worth_its_own_price_inside_a_session(side, price, last):
    assert done(rested(limit(side, price), at(last))) == (10, D(price))


@pytest.mark.parametrize(
    ("side", "price", "last", "paid"), [("buy", "99", "95", "95.05"), ("sell", "101", "106", "105.95")]
)
def test_a_gap_across_a_resting_limit_fills_at_the_better_price(side, price, last, paid):
    assert done(rested(limit(side, price), at(last, gap=True))) == (10, D(paid))


def test_a_resting_market_order_takes_the_next_quote():
    assert done(rested(order("buy"), at(103))) == (10, D("103.05"))


# Stops.


@pytest.mark.parametrize(
    ("side", "stop", "last", "price"),
    [
        ("buy", "102", "101.99", None),
        ("buy", "102", "102", "102.05"),
        ("sell", "98", "98.01", None),
        ("sell", "98", "98", "97.95"),
        # A gap fills at the gap, not at the stop.
        ("buy", "102", "110", "110.05"),
        ("sell", "98", "90", "89.95"),
    ],
)
def test_a_stop_becomes_a_market_order_at_the_print_that_reaches_it(side, stop, last, price):
    execution = rested(order(side, "stop", stop_price=stop), at(last, gap=last in ("110", "90")))
    assert execution.triggered == (price is not None)
    assert done(execution) == (NOTHING if price is None else (10, D(price)))


@pytest.mark.parametrize(
    ("side", "stop", "bound", "last", "price"),
    [
        ("buy", "102", "103", "102", "102.05"),
        ("buy", "102", "103", "105", None),  # gapped beyond its limit: triggered, and rests
        ("sell", "98", "97", "98", "97.95"),
        ("sell", "98", "97", "95", None),
    ],
)
def test_a_stop_limit_becomes_a_limit_order(side, stop, bound, last, price):
    execution = rested(order(side, "stop_limit", stop_price=stop, limit_price=bound), at(last))
    assert execution.triggered
    assert done(execution) == (NOTHING if price is None else (10, D(price)))


def test_a_triggered_stop_limit_rests_like_a_limit():
    working = order("buy", "stop_limit", stop_price="102", limit_price="103", triggered=True)
    assert done(rested(working, at(103, spread="4"))) == NOTHING
    assert done(rested(working, at("102.99", spread="4"))) == (10, D(103))


def test_a_triggered_stop_takes_the_next_quote_wherever_it_is():
    assert done(rested(order("sell", "stop", stop_price="98", triggered=True), at(120))) == (10, D("119.95"))


@pytest.mark.parametrize(
    ("side", "trail", "prints", "stops"),
    [
        ("sell", {"trail_amount": "2"}, ["100", "101", "100.5", "103", "102"], ["98", "99", "99", "101", "101"]),
        ("sell", {"trail_percent": "10"}, ["100", "110", "104"], ["90", "99", "99"]),
        ("buy", {"trail_amount": "2"}, ["100", "99", "100.5", "97"], ["102", "101", "101", "99"]),
        ("buy", {"trail_percent": "10"}, ["100", "90", "95"], ["110", "99", "99"]),
        # Off the grid: rounded away from the market, so that it never triggers early.
        ("sell", {"trail_percent": "3"}, ["100.05"], ["97.04"]),
        ("buy", {"trail_percent": "3"}, ["100.05"], ["103.06"]),
    ],
)
def test_a_trailing_stop_follows_the_best_price_and_never_steps_back(side, trail, prints, stops):
    working, found = order(side, "trailing_stop", **trail), []
    for index, last in enumerate(prints):
        execution = fill(working, at(last), new=index == 0)
        assert not execution.triggered
        found.append(execution.stop_price)
        working = replace(working, stop_price=execution.stop_price, extreme=execution.extreme)
    assert found == [D(stop) for stop in stops]


@pytest.mark.parametrize(("side", "last", "price"), [("sell", "95", "94.95"), ("buy", "105", "105.05")])
def test_a_trailing_stop_that_is_gapped_fills_at_the_gap(side, last, price):
    resting = order(
        side, "trailing_stop", trail_amount="2", extreme="100", stop_price="98" if side == "sell" else "102"
    )
    execution = rested(resting, at(last, gap=True))
    assert (execution.triggered, *done(execution)) == (True, 10, D(price))


def test_a_trail_wider_than_the_price_stops_at_one_tick():
    execution = fill(order("sell", "trailing_stop", trail_amount="500"), QUIET)
    assert (execution.stop_price, execution.triggered) == (CENT, False)


@pytest.mark.parametrize(
    ("side", "stop", "last", "bid", "ask"),
    [("buy", "102", "101", "100.9", "102.1"), ("sell", "98", "99", "97.9", "99.1")],
)
def test_stops_trigger_on_the_last_price_or_on_their_side_of_the_quote(side, stop, last, bid, ask):
    prices = Prices(D(bid), D(ask), D(last))
    assert not rested(order(side, "stop", stop_price=stop), prices).triggered
    execution = rested(order(side, "stop", stop_price=stop), prices, venue=Venue(trigger="quote"))
    assert (execution.triggered, execution.price) == (True, D(ask) if side == "buy" else D(bid))


# Auctions.


@pytest.mark.parametrize("tif", ["opg", "cls"])
@pytest.mark.parametrize("bound", [None, "101"])
def test_auction_orders_wait_for_their_print_and_take_its_one_price(tif, bound):
    working = order("buy", "limit" if bound else "market", tif=tif, limit_price=bound)
    auction = {"gap": True} if tif == "opg" else {"is_close": True}
    other = {"is_close": True} if tif == "opg" else {"gap": True}
    assert fill(working, at(100, **auction)) == Execution()  # the auction of its own print is over
    assert rested(working, at(100)) == Execution()
    assert rested(working, at(100, **other)) == Execution()
    assert done(rested(working, at(100, **auction))) == (10, D(100))


@pytest.mark.parametrize(("side", "bound", "last"), [("buy", "99", "100"), ("sell", "101", "100")])
def test_an_auction_order_whose_limit_is_missed_ends(side, bound, last):
    execution = rested(limit(side, bound, tif="opg"), at(last, gap=True))
    assert (*done(execution), execution.end) == (*NOTHING, "auction_over")


def test_what_an_auction_leaves_ends():
    execution = rested(order("buy", quantity=300, tif="cls"), at(100, is_close=True, volume=1000))
    assert (execution.quantity, execution.price, execution.end) == (100, D(100), "auction_over")


# Time in force.


def test_immediate_or_cancel_takes_what_there_is():
    execution = fill(order(quantity=300, tif="ioc"), at(100, volume=1000))
    assert (execution.quantity, execution.end) == (100, "ioc_remainder")
    missed = fill(limit("buy", "99", tif="ioc"), QUIET)
    assert (missed.quantity, missed.end) == (0, "ioc_remainder")
    assert fill(order(quantity=100, tif="ioc"), at(100, volume=1000)).end == ""


def test_fill_or_kill_takes_all_or_nothing():
    assert fill(order(quantity=100, tif="fok"), at(100, volume=1000)).quantity == 100
    for missed in (
        fill(order(quantity=101, tif="fok"), at(100, volume=1000)),
        fill(limit("buy", "99", tif="fok"), QUIET),
    ):
        assert (missed.quantity, missed.end) == (0, "fok_not_filled")


@pytest.mark.parametrize(("tif", "end"), [("ioc", "ioc_remainder"), ("fok", "fok_not_filled")])
@pytest.mark.parametrize("trouble", [{"halted": True}, {"band_high": D(99)}])
def test_now_or_never_is_not_put_off(tif, end, trouble):
    execution = fill(order(tif=tif), replace(QUIET, **trouble))
    assert (execution.quantity, execution.end, execution.note) == (0, end, "")


# Volume, sizes and impact.


@pytest.mark.parametrize(
    ("share", "volume", "wanted", "fills"),
    [("0.1", 1000, 300, 100), ("0.1", 1000, 99, 99), ("0", 1000, 300, 300), ("0.1", 0, 300, 300), ("0.1", 9, 5, 0)],
)
def test_a_quote_fills_at_most_its_share_of_volume(share, volume, wanted, fills):
    execution = fill(order(quantity=wanted), at(100, volume=volume), venue=Venue(max_volume_share=D(share)))
    assert (execution.quantity, execution.end) == (fills, "")


def test_the_share_of_volume_comes_in_whole_lots():
    execution = fill(order(quantity=300), at(100, volume=1234), lot=D(50))
    assert execution.quantity == 100


@pytest.mark.parametrize(("taken", "fills"), [(0, 40), (15, 25), (40, 0), (99, 0)])
@pytest.mark.parametrize("side", ["buy", "sell"])
def test_a_size_is_not_filled_twice(side, taken, fills):
    prices = at(100, bid_size=D(40), ask_size=D(40))
    assert fill(order(side, quantity=60), prices, venue=Venue(sizes=True), taken=D(taken)).quantity == fills
    assert fill(order(side, quantity=60), prices, taken=D(taken)).quantity == 60  # a market without sizes


def test_the_size_is_the_one_of_the_orders_own_side():
    prices = at(100, bid_size=D(7), ask_size=D(3))
    venue = Venue(sizes=True)
    assert [fill(order(side), prices, venue=venue).quantity for side in ("buy", "sell")] == [3, 7]


@pytest.mark.parametrize(
    ("side", "quantity", "k", "price"),
    [
        # 0.1 * (100 / 1000)^2 = 0.001 of 100.05 = 0.10005: rounded to the grid.
        ("buy", 100, "0.1", "100.15"),
        ("sell", 100, "0.1", "99.85"),
        ("buy", 10, "0.1", "100.05"),  # 0.001 of a cent: nothing on the grid
        ("buy", 100, "0", "100.05"),
        ("sell", 100, "100", "0.01"),  # a price is at least one tick
    ],
)
def test_a_taker_moves_the_price_by_its_share_of_volume_squared(side, quantity, k, price):
    venue = Venue(impact_k=D(k), max_volume_share=D(0))
    assert fill(order(side, quantity=quantity), at(100, volume=1000), venue=venue).price == D(price)


def test_without_known_volume_there_is_no_impact():
    assert fill(order(quantity=10**6), at(100)).price == D("100.05")


def test_impact_stops_at_the_limit_and_resting_orders_have_none():
    prices = at(100, volume=1000)
    assert done(fill(limit("buy", "100.10", quantity=100), prices)) == (100, D("100.10"))
    assert done(rested(limit("buy", "101", quantity=100), prices)) == (100, D(101))


def test_frictionless_is_the_touch_for_any_quantity():
    assert done(fill(order(quantity=10**9), at(100, volume=1), venue=FRICTIONLESS)) == (10**9, D("100.05"))


# Halts, bands, latency.


@pytest.mark.parametrize(
    "working",
    [
        order(),
        limit("buy", "101"),
        order("buy", "stop", stop_price="99"),
        order("sell", "trailing_stop", trail_amount=1),
    ],
)
def test_nothing_fills_or_triggers_in_a_halt(working):
    execution = rested(working, at(100, halted=True))
    assert (execution.quantity, execution.triggered, execution.note) == (0, False, "halted")


def test_a_trailing_stop_does_not_follow_a_halted_price():
    resting = order("sell", "trailing_stop", trail_amount="2", extreme="100", stop_price="98")
    assert rested(resting, at(120, halted=True)).stop_price == D(98)


@pytest.mark.parametrize(
    ("last", "low", "high", "note"),
    [("100", "95", "105", ""), ("106", "95", "105", "outside_band"), ("94", "95", "105", "outside_band")],
)
def test_a_print_outside_its_band_fills_nothing(last, low, high, note):
    execution = rested(order(), at(last, band_low=D(low), band_high=D(high)))
    assert (execution.note, bool(execution.quantity)) == (note, not note)


def test_a_resting_limit_outside_the_band_waits():
    prices = at(98, band_low=D(97), band_high=D(99))
    assert rested(limit("buy", "100"), prices).note == "outside_band"


@pytest.mark.parametrize(("side", "edge"), [("buy", "band_high"), ("sell", "band_low")])
def test_impact_ends_at_the_bands_edge(side, edge):
    bound = D("100.07") if side == "buy" else D("99.93")
    prices = replace(at(100, volume=1000), **{edge: bound})
    assert done(fill(order(side, quantity=100), prices)) == (100, bound)


@pytest.mark.parametrize(("late", "fills"), [(-1, False), (0, True), (1, True)])
def test_an_order_takes_part_from_the_end_of_its_latency(late, fills):
    working = order(live_at=NOON)
    execution = rested(working, replace(QUIET, at=NOON + timedelta(milliseconds=late)))
    assert bool(execution.quantity) == fills
    assert not execution.end
