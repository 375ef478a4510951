"""The sweep never misses an account that the exact functions would judge."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.domain.rules import (
    Observation,
    Sweep,
    evaluate_mark,
    lines,
    raise_high_water,
    record_fill,
    roll_day,
    start,
)
from trading.domain.rules.facts import Closing, PositionFact
from trading.domain.rules.sweep import NEVER_HIGH, Lines
from trading.tests.rules.make import T0, begin, cents, fill, fixed, percent, rules, seen

levels = st.lists(st.integers(1, 99), max_size=4, unique=True).map(sorted)
severities, comparators = st.sampled_from(["fail", "soft", "warn"]), st.sampled_from(["below", "at_or_below"])
shares = st.sampled_from(["0.01", "0.333", "5", "7.77", "12.345"])


@st.composite
def losses(draw, index):
    base = {
        "key": f"rule{index}",
        "severity": draw(severities),
        "comparator": draw(comparators),
        "warn_at": draw(levels),
    }
    if draw(st.booleans()):
        basis = draw(st.sampled_from(["initial", "reference"]))
        rule = {"kind": "daily_loss", "amount": percent(draw(shares), basis)}
        return base | rule | {"reference": draw(st.sampled_from(["balance", "equity", "max"])), "tested": draw(tested)}
    trailing = draw(st.sampled_from(["static", "end_of_day", "intraday"]))
    rule = {"kind": "max_loss", "trailing": trailing}
    rule["amount"] = percent(draw(shares), draw(st.sampled_from(["initial", "high_water"])))
    if trailing != "static" and draw(st.booleans()):
        rule |= {"lock": "initial", "lock_offset": draw(st.sampled_from(["0", "100.55"]))}
    return base | rule | {"tested": "equity" if trailing == "intraday" else draw(tested)}


tested = st.sampled_from(["equity", "balance"])


@st.composite
def plans(draw):
    found = [draw(losses(index)) for index in range(draw(st.integers(0, 3)))]
    if draw(st.booleans()):
        flat = draw(st.booleans())
        target = {
            "kind": "profit_target",
            "amount": percent(draw(shares)),
            "tested": draw(tested),
            "require_flat": flat,
        }
        found.append(target)
        if draw(st.booleans()):
            found.append({"kind": "min_trading_days", "days": 1})
        if draw(st.booleans()):
            found.append({"kind": "consistency", "percent": "60"})
    if draw(st.booleans()):
        amount = draw(st.sampled_from([fixed(500), percent("0.5"), percent("0.5", "equity")]))
        found.append({"kind": "loss_per_trade", "amount": amount, "tested": "open", "severity": draw(severities)})
    if draw(st.booleans()):
        found.append({"kind": "flat_by_weekend", "flat_day": "mon", "flat_by": "10:00", "severity": draw(severities)})
    if draw(st.booleans()):
        found.append({"kind": "no_overnight", "flat_by": "11:00", "reopen": "08:00", "severity": draw(severities)})
    if draw(st.booleans()):
        found.append({"kind": "inactivity", "days": 1, "warn_at": draw(levels)})
    if draw(st.booleans()):
        found.append({"kind": "time_limit", "days": 2, "warn_at": draw(levels)})
    return rules(*found)


# Floating results cluster around the floors, where a cent decides.
floats = st.one_of(
    st.integers(-cents(15_000), cents(15_000)),
    st.sampled_from(
        [0, -cents(5_000), -cents("5000.01"), -cents(7_770), -333_00, -33_300, -50_000, -50_001, cents(5_000)]
    ),
)
steps = st.lists(
    st.tuples(st.sampled_from(["mark", "mark", "fill", "roll"]), floats, floats, st.integers(0, 90)), max_size=12
)


def at_mark(when, balance, profits):
    held = tuple(PositionFact(f"S{i}", 1, 1, profit, 0) for i, profit in enumerate(profits))
    return Observation(when, balance, balance + sum(profits), held)


def columns(observed):
    worst = min((item.profit_minor for item in observed.positions), default=NEVER_HIGH)
    return tuple(np.array([value], dtype=np.int64) for value in (observed.equity_minor, observed.balance_minor, worst))


@settings(max_examples=500, deadline=None)
@given(plans(), steps, st.integers(cents(99_000), cents(101_000)))
def test_the_sweep_nominates_every_account_that_the_exact_functions_judge(plan, moves, initial):
    """One account through marks, fills and rolls; the service's part is done as the reference says."""
    state, sweep, when = start(plan, initial_minor=initial, at=T0), Sweep(1), T0
    balance, profits = state.initial_minor, []
    sweep.put(0, lines(plan, state, at_mark(when, balance, profits)))
    for kind, first, second, minutes in moves:
        when += timedelta(minutes=minutes)
        observed = at_mark(when, balance, profits)
        due = state.next_reset()
        if due is not None and when >= due:
            state, _ = roll_day(plan, state, observed, Closing(balance, observed.equity_minor))
            sweep.put(0, lines(plan, state, observed))
        if kind == "fill":
            balance, profits = balance + first // 4, [] if minutes % 3 == 0 else [second]
            state, _ = record_fill(plan, state, fill(at=when, realized_minor=first // 4))
        elif kind == "roll":
            when = (due or when) + timedelta(days=1)
            observed = at_mark(when, balance, profits)
            state, _ = roll_day(plan, state, observed, Closing(balance, observed.equity_minor))
        else:
            profits = [first, second][: len(profits)]
        observed = at_mark(when, balance, profits)
        if kind != "mark":
            sweep.put(0, lines(plan, state, observed))
        equity, closed, worst = columns(observed)
        nominated = sweep.nominate(equity, closed, when, worst).tolist()
        after, verdicts = evaluate_mark(plan, state, observed)
        if verdicts:
            assert nominated == [0], verdicts[0].message
        state = raise_high_water(state, sweep.peak(0), when)
        assert state.high_waters == after.high_waters or state.closed_by
        if nominated:
            state = after
            sweep.put(0, lines(plan, state, observed))


def test_most_marks_nominate_nobody():
    plan = rules({"kind": "daily_loss", "amount": percent(5)}, {"kind": "max_loss", "amount": percent(10)})
    sweep, calm = Sweep(4), seen(100_000)
    for slot in range(1000):
        sweep.put(slot, lines(plan, begin(plan), calm))
    equity = np.full(1000, cents(99_000), dtype=np.int64)
    assert sweep.nominate(equity, equity, T0).tolist() == []
    equity[[7, 999]] = cents(97_500)
    assert sweep.nominate(equity, equity, T0).tolist() == [7, 999]
    sweep.drop(7)
    assert sweep.nominate(equity, equity, T0).tolist() == [999]
    assert len(sweep.nominate(equity, equity, begin(plan).next_reset())) == 999


@pytest.mark.parametrize("tested", ["equity", "balance"])
def test_a_target_nominates_from_the_very_cent(tested):
    plan = rules({"kind": "profit_target", "amount": percent(10), "tested": tested, "require_flat": False})
    sweep, calm = Sweep(1), seen(100_000)
    sweep.put(0, lines(plan, begin(plan), calm))
    low = np.array([0], dtype=np.int64)
    for amount, hit in ((cents("109999.99"), []), (cents(110_000), [0])):
        here = np.array([amount], dtype=np.int64)
        equity, balance = (here, low) if tested == "equity" else (low, here)
        assert sweep.nominate(equity, balance, T0).tolist() == hit


def test_a_target_waits_for_what_only_a_fill_or_a_roll_changes():
    target = {"kind": "profit_target", "amount": percent(10)}
    plan = rules(target, {"kind": "min_trading_days", "days": 1})
    state, high = begin(plan), seen(110_000)
    assert lines(plan, state, high).balance_high == NEVER_HIGH
    traded, _ = record_fill(plan, state, fill())
    assert lines(plan, traded, high).balance_high == cents(110_000)
    assert lines(plan, traded, seen(110_000, 110_001)).balance_high == NEVER_HIGH  # not flat


def nominated(sweep, dollars, at=T0, worst=None):
    here = np.array([cents(dollars)], dtype=np.int64)
    return bool(len(sweep.nominate(here, here, at, worst)))


@pytest.mark.parametrize(("comparator", "line"), [("below", "93999.99"), ("at_or_below", "94000.00")])
def test_a_trail_nominates_at_the_very_floor(comparator, line):
    trail = {"kind": "max_loss", "amount": percent(10), "trailing": "intraday", "warn_at": [], "comparator": comparator}
    plan, sweep = rules(trail), Sweep(1)
    sweep.put(0, lines(plan, begin(plan), seen(100_000)))
    assert not nominated(sweep, 104_000)
    assert not nominated(sweep, "94000.01")
    assert nominated(sweep, line)
    plan = rules(trail | {"lock": "initial"})
    sweep.put(0, lines(plan, begin(plan), seen(100_000)))
    assert not nominated(sweep, 200_000)
    assert not nominated(sweep, "100000.01")
    assert nominated(sweep, "99999.99")


def test_a_warning_that_rises_with_the_peak_over_a_locked_floor_is_not_missed():
    rule = {"kind": "max_loss", "amount": percent(10, "high_water"), "trailing": "intraday", "lock": "initial"}
    plan, sweep = rules(rule | {"warn_at": [50]}), Sweep(1)
    state = begin(plan)
    sweep.put(0, lines(plan, state, seen(100_000)))
    nominated(sweep, 200_000)
    state = raise_high_water(state, sweep.peak(0), T0)
    assert evaluate_mark(plan, state, seen(109_000))[1]  # half of 20,000 above the floor of 100,000
    assert nominated(sweep, 109_000)


def test_a_share_of_equity_lost_in_one_trade_nominates():
    plan = rules(
        {"kind": "loss_per_trade", "amount": percent(1, "equity"), "tested": "open", "comparator": "at_or_above"}
    )
    sweep = Sweep(1)
    sweep.put(0, lines(plan, begin(plan), seen(100_000)))
    for worst, hit in ((-cents(899), False), (-cents(900), True), (NEVER_HIGH, False)):
        assert nominated(sweep, 90_000, worst=np.array([worst], dtype=np.int64)) is hit


def test_raised_peaks_are_taken_once():
    plan = rules({"kind": "max_loss", "amount": percent(10), "trailing": "intraday"})
    sweep = Sweep(2)
    sweep.put(0, lines(plan, begin(plan), seen(100_000)))
    sweep.put(1, Lines())
    for dollars in (99_000, 104_000, 103_000):
        equity = np.full(2, cents(dollars), dtype=np.int64)
        sweep.nominate(equity, equity, T0)
    slots, peaks = sweep.take_raised()
    assert (slots.tolist(), peaks.tolist()) == ([0], [cents(104_000)])
    assert len(sweep.take_raised()[0]) == 0
    low = np.full(2, cents(98_999), dtype=np.int64)
    assert sweep.nominate(low, low, T0).tolist() == [0]


def test_open_trade_rules_need_the_worst_positions():
    plan = rules({"kind": "loss_per_trade", "amount": fixed(500), "tested": "open"})
    sweep, equity = Sweep(), np.array([cents(100_000)], dtype=np.int64)
    sweep.put(0, lines(plan, begin(plan), seen(100_000)))
    assert sweep.needs_trades
    with pytest.raises(ValueError, match="worst"):
        sweep.nominate(equity, equity, T0)
    for worst, hit in ((-49_999, []), (-50_000, [0]), (-50_001, [0])):
        assert sweep.nominate(equity, equity, T0, np.array([worst])).tolist() == hit
    sweep.drop(0)
    assert not sweep.needs_trades


def test_a_closed_account_is_nominated_no_more():
    plan = rules({"kind": "daily_loss", "amount": percent(5)})
    assert lines(plan, replace(begin(plan), closed_by="daily_loss"), seen(1)) == Lines()
