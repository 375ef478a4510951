"""The pure parts, by property: exact accounting whatever the sequence."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain import states
from trading.domain.fills import Prices, immediate, resting
from trading.domain.marking import values_minor
from trading.domain.positions import Holding, apply_fill
from trading.domain.snapshot import Instrument
from trading.domain.worth import Rates, worth

CENT = Decimal("0.01")
prices = st.integers(1, 10_000_000).map(lambda cents: Decimal(cents) / 100)
lots = st.integers(1, 100_000).map(Decimal)


SHARE = Instrument(1, "AAA", CENT, Decimal(1))
RATES = Rates("bps:2.5", "delivery", date(2026, 1, 5), "USD")


@given(st.lists(st.tuples(st.booleans(), lots, prices), max_size=40), st.booleans())
def test_cash_identity_holds_for_any_sequence_of_fills(trades, may_short):
    holding, cash, fees = Holding(), 0, 0
    for buys, asked, price in trades:
        side = "buy" if buys else "sell"
        quantity = asked if buys or may_short else min(asked, holding.quantity)
        if not quantity:
            continue
        value = worth(side, quantity, price, SHARE, RATES)
        holding, _ = apply_fill(holding, side, quantity, value.notional_minor)
        cash += (-1 if buys else 1) * value.notional_minor - value.fee_minor
        fees += value.fee_minor
        # Cost has the position's sign, and a flat position costs nothing.
        assert holding.cost_minor * holding.quantity >= 0
        assert holding.quantity or not holding.cost_minor
    assert cash == holding.realized_minor - holding.cost_minor - fees


def test_a_sale_beyond_the_holding_turns_the_position():
    long, _ = apply_fill(Holding(), "buy", Decimal(3), 300)
    short, realized = apply_fill(long, "sell", Decimal(5), 550)
    assert (short.quantity, short.cost_minor, realized) == (Decimal(-2), -220, 30)
    flat, covered = apply_fill(short, "buy", Decimal(2), 200)
    assert (flat.quantity, flat.cost_minor, covered, flat.realized_minor) == (Decimal(0), 0, 20, 50)


@st.composite
def markets(draw):
    bid = draw(prices)
    ask = bid + draw(st.integers(0, 100)) * CENT
    last = draw(st.integers(int(bid * 100), int(ask * 100))) * CENT
    return Prices(bid, ask, last, draw(st.booleans()))


@given(markets(), prices, st.sampled_from(["buy", "sell"]))
def test_no_fill_is_worse_than_its_limit_and_none_beats_the_touch_without_a_gap(market, limit, side):
    worse = (lambda price: price > limit) if side == "buy" else (lambda price: price < limit)
    now = immediate(side, limit, market)
    later = resting(side, limit, market, CENT)
    assert now is None or not worse(now)
    assert later is None or not worse(later)
    if later is not None and later != limit:
        assert market.gap
    if now is None and later is not None:
        # It was not marketable at the touch: only trading through it by a tick can have filled it.
        assert market.last <= limit - CENT if side == "buy" else market.last >= limit + CENT


@given(st.lists(st.tuples(lots, prices), max_size=20), st.booleans())
def test_marks_are_exact_with_and_without_vectorisation(rows, fractional):
    part = Decimal("0.5") if fractional else Decimal(0)
    rows = [(quantity + part, price) for quantity, price in rows]
    values = values_minor([row[0] for row in rows], [row[1] for row in rows], 2)
    exact = [(quantity * price).quantize(CENT, rounding="ROUND_HALF_EVEN") * 100 for quantity, price in rows]
    assert values.tolist() == [int(value) for value in exact]


def test_the_state_table_is_closed_and_terminal_states_end():
    known = set(states.TRANSITIONS)
    for targets in states.TRANSITIONS.values():
        assert targets <= known
    assert all(not states.TRANSITIONS[status] for status in states.TERMINAL)
    with pytest.raises(ValueError, match="cannot go"):
        states.check(states.FILLED, states.CANCELED)
