"""Prices that are not believed: what is held, at which price, and when it is let go."""

from decimal import Decimal

import pytest

from marketdata.domain.types import Quote
from trading.domain.anomalies import ANOMALY, HALT, OPERATOR, Held, Watch
from trading.tests.rules.make import T0

CALM = {2: 50, 3: 20, 4: 10, 5: 70}


def quotes(prices, halted=()):
    found = []
    for key, value in prices.items():
        last = Decimal(str(value))
        found.append(Quote(f"S{key}", key, last, last, last, 0, T0, "test", False, 0, last, halted=key in halted))
    return found


def watch(first=100):
    made = Watch()
    assert made.step(quotes({1: first, **CALM})) == []
    return made


def step(found, last, halted=(), spared=(), **others):
    return [
        (change.opens, change.kind, change.reason)
        for change in found.step(quotes({1: last, **CALM, **others}, halted), spared)
    ]


def test_a_jump_that_the_market_does_not_share_is_held_at_the_last_good_price():
    found = watch()
    assert step(found, 130) == []
    assert step(found, "91") == []  # exactly 30 %
    assert step(found, "63.69") == [(True, ANOMALY, "-30.0% in one tick, from 91 to 63.69")]
    assert found.held[1].price == 91
    # Back within the share: believed at once.
    assert step(found, "63.70") == [(False, ANOMALY, "the price is back")]
    assert found.good[1] == Decimal("63.70")


def test_what_stays_where_it_went_is_the_truth_after_two_ticks():
    found = watch()
    assert step(found, 50)[0][:2] == (True, ANOMALY)
    assert step(found, 55) == []  # within 10 % of 50: one
    assert step(found, "45") == [(False, ANOMALY, "the price has stayed where it went")]
    assert found.held == {}
    assert step(found, 44) == []


def test_what_wanders_on_is_held_on():
    found = watch()
    step(found, 50)
    assert step(found, 52) == []
    assert step(found, 40) == []  # a new level: counted from here
    assert step(found, 41) == []
    assert step(found, "38") == [(False, ANOMALY, "the price has stayed where it went")]


def test_a_crash_that_the_market_shares_is_believed():
    found = watch()
    crash = {key: Decimal(value) * Decimal("0.85") for key, value in CALM.items()}
    assert found.step(quotes({1: 60, **crash})) == []
    assert found.good[1] == 60


@pytest.mark.parametrize("last", ["0", "-5", "NaN", "Infinity"])
def test_what_is_no_price_is_held_even_in_a_crash(last):
    found = watch()
    crash = {key: Decimal(value) / 2 for key, value in CALM.items()}
    [change] = found.step(quotes({1: last, **crash}))
    assert (change.opens, change.kind, change.price) == (True, ANOMALY, 100)
    assert found.step(quotes({1: last, **crash})) == []
    [back] = found.step(quotes({1: 101, **crash}))
    assert not back.opens


def test_a_halt_holds_the_price_before_it_and_ends_with_it():
    found = watch()
    assert step(found, 80, halted={1}) == [(True, HALT, "the listing is halted")]
    assert found.held[1].price == 100
    assert step(found, 20, halted={1}) == []
    assert step(found, 90) == [(False, HALT, "the halt is over")]
    # Far away when it opens again: the halt is over, and the jump is looked at like any other.
    step(found, 90, halted={1})
    assert [item[:2] for item in step(found, 40)] == [(False, HALT), (True, ANOMALY)]


def test_a_corporate_action_explains_a_move_and_splits_are_counted_in():
    found = watch()
    assert step(found, 50, spared={1}) == []
    found = watch()
    found.split(1, Decimal(2))
    assert step(found, 50) == []
    step(found, 50, halted={1})
    found.split(1, Decimal(4))
    assert (found.held[1].price, found.good[1]) == (Decimal("12.5"), Decimal("12.5"))


def test_an_operators_hold_ends_by_an_operator_only():
    found = watch()
    found.held[1] = Held(OPERATOR, Decimal(100), Decimal(100))
    assert step(found, 100) == step(found, 30) == step(found, 30) == step(found, 30, halted={1}) == []
    assert found.held[1].price == 100
