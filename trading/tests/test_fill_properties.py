"""The fill model by property: whatever the order, the quote and the venue."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from trading.domain.fills import Prices, Working, meet, touch
from trading.domain.types import ORDER_TYPES, TIMES_IN_FORCE
from trading.domain.venue import Venue

D = Decimal
CENT, ZERO = D("0.01"), D(0)
cents = st.integers(500, 20_000).map(lambda value: D(value) / 100)
near = st.integers(9_500, 10_500).map(lambda value: D(value) / 100)
lots = st.sampled_from([D(1), D(5), D("0.01")])
sizes = st.none() | st.integers(0, 500).map(D)
SIDES = st.sampled_from(["buy", "sell"])


@st.composite
def quotes(draw):
    last = draw(near)
    bid, ask = last - draw(st.integers(0, 200)) * CENT, last + draw(st.integers(0, 200)) * CENT
    banded = draw(st.integers(0, 3)) == 0
    return Prices(
        bid, ask, last,
        gap=draw(st.booleans()), is_close=draw(st.booleans()), volume=draw(st.sampled_from([0, 7, 1_000, 10**6])),
        bid_size=draw(sizes), ask_size=draw(sizes), halted=draw(st.integers(0, 7)) == 0,
        band_low=draw(near) if banded else None, band_high=draw(near) if banded else None,
    )  # fmt: skip


venues = st.builds(
    Venue,
    impact_k=st.sampled_from([D(0), D("0.1"), D(5), D(100)]),
    max_volume_share=st.sampled_from([D(0), D("0.1"), D(1)]),
    sizes=st.booleans(),
    trigger=st.sampled_from(["last", "quote"]),
)


@st.composite
def orders(draw, lot, kinds=ORDER_TYPES):
    kind = draw(st.sampled_from(kinds))
    tif = draw(st.sampled_from(TIMES_IN_FORCE)) if kind in ("market", "limit") else "gtc"
    trailing = kind == "trailing_stop"
    percent = draw(st.booleans())
    return Working(
        draw(SIDES), kind, tif, draw(st.integers(1, 2_000)) * lot,
        limit_price=draw(near) if kind in ("limit", "stop_limit") else None,
        stop_price=draw(near) if kind in ("stop", "stop_limit") else None,
        trail_amount=draw(st.integers(1, 300)) * CENT if trailing and not percent else None,
        trail_percent=draw(st.integers(1, 50)) / D(10) if trailing and percent else None,
        triggered=draw(st.booleans()) if kind.startswith("stop") else False,
    )  # fmt: skip


cases = lots.flatmap(
    lambda lot: st.fixed_dictionaries(
        {"order": orders(lot), "lot": st.just(lot), "prices": quotes(), "venue": venues, "new": st.booleans()}
    )
)


def run(case, taken=ZERO):
    return meet(
        case["order"], case["prices"], tick_size=CENT, lot_size=case["lot"], venue=case["venue"], new=case["new"],
        taken=taken,
    )  # fmt: skip


@given(cases, st.integers(0, 300).map(D))
def test_a_fill_stays_within_its_limit_its_room_and_its_band(case, taken):
    order, prices, venue, execution = case["order"], case["prices"], case["venue"], run(case, taken)
    assert run(case, taken) == execution
    assert 0 <= execution.quantity <= order.remaining
    assert (execution.price is None) == (execution.quantity == 0)
    if not execution.quantity:
        return
    price, buys = execution.price, order.side == "buy"
    assert not prices.halted
    assert price >= CENT
    assert price % CENT == 0
    assert execution.quantity == order.remaining or execution.quantity % case["lot"] == 0
    if order.type in ("limit", "stop_limit"):
        assert price <= order.limit_price if buys else price >= order.limit_price
    if prices.volume and venue.max_volume_share:
        assert execution.quantity <= prices.volume * venue.max_volume_share
    size = prices.ask_size if buys else prices.bid_size
    if venue.sizes and size is not None:
        assert execution.quantity + taken <= max(size, taken)
    assert prices.band_low is None or price >= prices.band_low
    assert prices.band_high is None or price <= prices.band_high


@given(cases)
def test_a_price_is_the_touch_moved_by_impact_or_the_auctions_or_the_orders_own_limit(case):
    order, prices, venue, execution = case["order"], case["prices"], case["venue"], run(case)
    assume(execution.quantity)
    price, side = execution.price, order.side
    if order.time_in_force in ("opg", "cls"):
        assert price == prices.last
        assert prices.gap if order.time_in_force == "opg" else prices.is_close
        return
    sign = 1 if side == "buy" else -1
    best = touch(side, prices)
    if price == order.limit_price:
        # It was reached: by the touch, or by a print that went through it.
        assert sign * (order.limit_price - best) >= 0 or sign * (order.limit_price - prices.last) >= CENT
        return
    worse = sign * (price - best)
    share = execution.quantity / prices.volume if prices.volume else D(0)
    assert 0 <= worse <= best * venue.impact_k * share * share + CENT


@given(cases)
def test_time_in_force_ends_or_rests(case):
    order, execution = case["order"], run(case)
    if order.time_in_force in ("ioc", "fok"):
        assert execution.quantity == order.remaining or execution.end
    else:
        assert not execution.end or order.time_in_force in ("opg", "cls")
    if order.time_in_force == "fok":
        assert execution.quantity in (0, order.remaining)
    assert not (execution.note and (execution.quantity or execution.end))


@given(lots.flatmap(lambda lot: orders(lot, ("trailing_stop",))), st.lists(quotes(), min_size=1, max_size=12))
def test_a_trailing_stop_never_loosens_and_keeps_its_distance(order, prints):
    sign = 1 if order.side == "sell" else -1
    seen = []
    for index, prices in enumerate(prints):
        before = order.stop_price
        execution = meet(order, prices, tick_size=CENT, lot_size=CENT, new=index == 0)
        if before is not None:
            assert sign * (execution.stop_price - before) >= 0
        if execution.triggered or execution.note:
            break
        seen.append(prices.last)
        assert execution.extreme == (max(seen) if order.side == "sell" else min(seen))
        assert sign * (execution.extreme - execution.stop_price) > 0
        order = replace(order, stop_price=execution.stop_price, extreme=execution.extreme)


MIRROR = D(200)


def mirrored(value):
    return None if value is None else MIRROR - value


@given(
    lots.flatmap(lambda lot: orders(lot, ("market", "limit", "stop", "stop_limit"))), quotes(), venues, st.booleans()
)
def test_buying_mirrors_selling(order, prices, venue, new):
    """What falls for the one rises for the other: prices mirrored at 100 mirror the fill (impact apart)."""
    venue = replace(venue, impact_k=D(0))
    other = replace(
        order,
        side="sell" if order.side == "buy" else "buy",
        limit_price=mirrored(order.limit_price),
        stop_price=mirrored(order.stop_price),
    )
    glass = replace(
        prices, bid=mirrored(prices.ask), ask=mirrored(prices.bid), last=mirrored(prices.last),
        bid_size=prices.ask_size, ask_size=prices.bid_size,
        band_low=mirrored(prices.band_high), band_high=mirrored(prices.band_low),
    )  # fmt: skip
    one = meet(order, prices, tick_size=CENT, lot_size=D(1), venue=venue, new=new)
    two = meet(other, glass, tick_size=CENT, lot_size=D(1), venue=venue, new=new)
    assert (one.quantity, one.price, one.end, one.triggered, one.note) == (
        two.quantity, mirrored(two.price), two.end, two.triggered, two.note,
    )  # fmt: skip
