"""Verdicts at corrected prices, and states of accounts whose end was taken back: exact, and of the evidence alone."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from trading.domain.rules import (
    Closing,
    Observation,
    PositionFact,
    evaluate_mark,
    record_correction,
    record_fill,
    record_payout,
    record_scaling,
    reevaluate,
    reopen,
    roll_day,
    verify,
)
from trading.tests.rules.make import T0, begin, cents, fill, fixed, mark, percent, rules, seen

PLAN = rules(
    {"kind": "daily_loss", "amount": percent(5)},
    {"kind": "max_loss", "amount": percent(10), "trailing": "intraday"},
    {"kind": "loss_per_trade", "amount": fixed(400), "tested": "open", "severity": "warn"},
)


def told(verdicts):
    return [(item.kind, item.rule_key, item.code, item.figures) for item in verdicts]


def held(symbol, quantity, price, cost, fx="1"):
    quantity, price, fx = Decimal(quantity), Decimal(price), Decimal(fx)
    value = round(Fraction(quantity) * Fraction(price) * Fraction(fx) * 100)
    return PositionFact(symbol, quantity, price, value, cost, fx, "feed", T0)


def looked(balance, *positions, at=T0):
    equity = balance + sum(item.profit_minor for item in positions)
    return Observation(at, balance, equity, positions)


def stored(verdict):
    return json.loads(json.dumps(verdict.to_json()))


@st.composite
def cases(draw):
    """An observation with positions whose prices fell, and the prices that they should have had."""
    positions, prices = [], {}
    for symbol in draw(st.lists(st.sampled_from(["AAA", "BBB", "CCC"]), unique=True, min_size=1)):
        quantity = draw(st.integers(-3000, 3000).filter(bool)) / Decimal(8)
        price, fx = draw(st.integers(1, 90_000)) / Decimal(1000), draw(st.sampled_from(["1", "1.0837", "0.0119"]))
        cost = draw(st.integers(-3_000_000, 3_000_000))
        positions.append(held(symbol, quantity, price, cost, fx))
        if draw(st.booleans()):
            prices[symbol] = draw(st.integers(1, 90_000)) / Decimal(1000)
    return looked(draw(st.integers(cents(80_000), cents(120_000))), *positions), prices


@settings(max_examples=150, deadline=None)
@given(cases(), st.booleans())
def test_corrected_prices_give_what_the_rules_give_at_them(case, rolls):
    observation, prices = case
    state = begin(PLAN)
    if rolls:
        observation = replace(observation, at=state.next_reset())
        closing = Closing(observation.balance_minor, observation.equity_minor)
        _, given_then = roll_day(PLAN, state, observation, closing)
    else:
        _, given_then = evaluate_mark(PLAN, state, observation)
    right = looked(
        observation.balance_minor,
        *(
            held(item.symbol, item.quantity, prices.get(item.symbol, item.price), item.cost_minor, item.fx)
            for item in observation.positions
        ),
        at=observation.at,
    )
    if rolls:
        _, expected = roll_day(PLAN, state, right, Closing(right.balance_minor, right.equity_minor))
    else:
        _, expected = evaluate_mark(PLAN, state, right)
    for verdict in given_then:
        found = reevaluate(stored(verdict), prices)
        assert told(found) == told(expected)
        assert all(verify(item.to_json()).ok for item in found)
        assert [item.to_json() for item in reevaluate(stored(verdict), {})] == [item.to_json() for item in given_then]


def test_a_breach_of_a_wrong_price_is_none_at_the_right_one():
    wrong = looked(cents(100_000), held("AAA", 100, "40", cents(10_000)), held("BBB", -10, "50", cents(-500)))
    _, (verdict, *_) = evaluate_mark(PLAN, begin(PLAN), wrong)
    assert verdict.code == "daily_loss_breached"
    assert reevaluate(stored(verdict), {"AAA": Decimal("99.5")}) == []
    [still] = reevaluate(stored(verdict), {"BBB": Decimal(51)})[:1]
    assert still.figures["tested_minor"] == wrong.equity_minor - 10_00
    source = still.evidence["inputs"]["observation"]["positions"][1]["source"]
    assert source == "corrected, was 50 (feed)"


@pytest.mark.parametrize(
    ("prices", "code"),
    [
        ({"AAA": Decimal(0)}, "price_invalid"),
        ({"AAA": Decimal(-1)}, "price_invalid"),
        ({"AAA": Decimal("NaN")}, "price_invalid"),
        ({"AAA": Decimal("Infinity")}, "price_invalid"),
        ({"ZZZ": Decimal(1)}, "symbol_not_in_evidence"),
    ],
)
def test_prices_that_cannot_be_are_refused(prices, code):
    _, (verdict, *_) = evaluate_mark(PLAN, begin(PLAN), looked(cents(100_000), held("AAA", 100, "40", cents(10_000))))
    with pytest.raises(Invalid) as refused:
        reevaluate(stored(verdict), prices)
    assert refused.value.code == code


def test_what_no_price_decided_is_not_judged_again():
    _, (flat, *_) = mark(PLAN, begin(PLAN), 90_000, 90_000)
    closed = rules({"kind": "loss_per_trade", "amount": fixed(400)})
    _, [traded] = record_fill(closed, begin(closed), fill(realized_minor=-cents(500)))
    for verdict in (flat, traded):
        with pytest.raises(Invalid) as refused:
            reevaluate(stored(verdict), {})
        assert refused.value.code == "not_priced"
    with pytest.raises(Invalid) as unreadable:
        reevaluate({"evidence": {"inputs": {"observation": {"at": 1}}}}, {})
    assert unreadable.value.code == "evidence_unreadable"


amounts = st.integers(1, cents(20_000))


@given(amounts, amounts, st.sampled_from(["deduct", "reset"]), st.integers(-cents(3_000), cents(3_000)))
def test_what_is_booked_is_no_days_profit_or_loss(gained, share, after, correction):
    plan = rules(
        {"kind": "daily_loss", "amount": percent(5)},
        {"kind": "max_loss", "amount": percent(10), "trailing": "end_of_day"},
        {"kind": "payout", "first_after_days": 0, "every_days": 0, "split_percent": "80", "after": after},
    )
    state, balance = begin(plan), cents(100_000) + gained
    gross = min(share, gained)
    profit = balance - state.days[0].profit_from_minor
    paid, removed = record_payout(plan, state, gross_minor=gross, balance_minor=balance, at=T0)
    assert removed == (gained if after == "reset" else gross)
    left = balance - removed
    # The floor of the day falls by what leaves: as far from it as before.
    assert left - paid.days[0].balance_minor == balance - state.days[0].balance_minor
    assert left == paid.days[0].profit_from_minor == paid.cycle_balance_minor
    assert (paid.payouts, paid.payouts_minor) == (1, gross)
    grown = record_scaling(state, increase_minor=gross, balance_minor=balance, at=T0)
    assert balance + gross - grown.days[0].profit_from_minor == profit
    assert grown.initial_minor == state.initial_minor + gross
    assert grown.high_waters[0].minor - grown.initial_minor == state.high_waters[0].minor - state.initial_minor
    corrected = record_correction(state, amount_minor=correction)
    assert balance + correction - corrected.days[0].profit_from_minor == profit
    assert corrected.initial_minor == state.initial_minor
    assert corrected.high_waters[0].minor == state.high_waters[0].minor + min(correction, 0)


def test_an_end_taken_back_goes_on_as_before_and_can_come_again():
    state, _ = mark(PLAN, begin(PLAN), 100_000, 97_000)  # half of the daily loss is used, and told
    ended, (verdict, *_) = mark(PLAN, state, 100_000, 94_000)
    assert ended.closed_by == "daily_loss"
    again = reopen(PLAN, state, ended, verdict.rule_key, seen(99_000))
    assert (again.closed_by, again.closed_at) == ("", None)
    assert again.said("daily_loss|50")
    assert not again.said("daily_loss|100")
    assert again.days == state.days
    _, (second, *_) = mark(PLAN, again, 94_000)
    assert second.code == "daily_loss_breached"


def test_days_that_were_over_meanwhile_begin_with_the_figures_of_now():
    state = begin(PLAN)
    ended, (verdict, *_) = mark(PLAN, state, 100_000, 94_000)
    later = state.next_reset() + timedelta(days=3, hours=2)
    again = reopen(PLAN, state, ended, verdict.rule_key, seen(98_000, at=later))
    [day] = again.days
    assert (day.balance_minor, day.profit_from_minor) == (cents(98_000), cents(98_000))
    assert day.opened_at <= later < day.next_at
    _, verdicts = mark(PLAN, again, 98_000, at=later)
    assert verdicts == []
