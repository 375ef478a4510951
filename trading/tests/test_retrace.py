"""The way back over fills: whatever was traded, each earlier standing is found again to the minor unit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.positions import Holding, apply_fill
from trading.domain.retrace import AdjustmentRow, FillRow, Standing, retrace

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
trades = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 3),
        st.integers(1, 50),
        st.integers(1, 10_000),
        st.integers(0, 99),
        st.booleans(),
    ),
    max_size=14,
)


def played(steps):
    """(events, the standing after each, the first) of an account that trades, and has its positions split."""
    cash, held = 5_000_000, {}
    first = Standing(cash, {})
    events, standings = [], []
    for number, (side, listing, quantity, price, fee, splits) in enumerate(steps):
        at = AT + timedelta(minutes=number // 2)
        before = held.get(listing, Holding())
        if splits and before.quantity and number % 2 == 0:
            events.append(AdjustmentRow(number, at, listing, before.quantity, before.cost_minor, 7))
            cash += 7
            before = held[listing] = Holding(before.quantity * 2, cost_minor=before.cost_minor)
            standings.append(standing(cash, held))
        notional = quantity * price
        after, realized = apply_fill(before, side, Decimal(quantity), notional)
        held[listing] = after
        cash += (notional if side == "sell" else -notional) - fee
        events.append(FillRow(number, at, listing, "X", side, Decimal(quantity), notional, fee, realized, 0))
        standings.append(standing(cash, held))
    return events, standings, first


def standing(cash, held):
    return Standing(cash, {key: (item.quantity, item.cost_minor) for key, item in held.items() if item.quantity})


@given(trades)
def test_every_standing_is_found_again(steps):
    events, standings, first = played(steps)
    trace = retrace(standings[-1] if standings else first, events[::-1])
    assert trace.start == first
    assert list(trace.after) == standings
    assert trace.at(AT) == first
    assert trace.at(AT + timedelta(days=1)) == (standings[-1] if standings else first)
    for moment in {event.at for event in events}:
        earlier = [after for event, after in zip(events, standings, strict=True) if event.at < moment]
        assert trace.at(moment) == (earlier[-1] if earlier else first)


@given(trades)
def test_a_fill_moves_the_balance_by_its_profit_less_its_charges(steps):
    events, standings, first = played(steps)
    trace = retrace(standings[-1] if standings else first, events)
    for event in events:
        if isinstance(event, FillRow):
            before, after = trace.around(event)
            assert after.balance_minor - before.balance_minor == event.realized_minor - event.fee_minor


def test_an_event_of_elsewhere_is_refused():
    with pytest.raises(ValueError, match="tuple"):
        retrace(Standing(0), []).around(FillRow(1, AT, 1, "X", "buy", Decimal(1), 1, 0, 0, 0))
