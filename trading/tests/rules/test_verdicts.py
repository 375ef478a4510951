"""A verdict follows from its evidence alone, and from nothing else."""

import copy
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.domain.rules import (
    Closing,
    Observation,
    PositionFact,
    Verdict,
    evaluate_mark,
    phase_result,
    record_fill,
    roll_day,
    verify,
)
from trading.domain.rules.wire import canonical, digest
from trading.tests.rules.make import T0, begin, cents, fill, fixed, mark, percent, rules, seen

PLAN = rules(
    {"kind": "daily_loss", "amount": percent(5)},
    {"kind": "max_loss", "amount": percent(10), "trailing": "intraday"},
    {"kind": "loss_per_trade", "amount": fixed(400), "tested": "open", "severity": "warn"},
    {"kind": "profit_target", "amount": percent(10)},
)


def test_the_evidence_holds_the_rules_the_marks_and_the_quotes():
    _, (verdict, *_) = mark(PLAN, begin(PLAN), 100_000, 94_000)
    stored = json.loads(json.dumps(verdict.to_json()))
    evidence = stored["evidence"]
    assert evidence["rule_set"]["version"] == 1
    assert evidence["rule_set"]["hash"] == PLAN.document_hash == digest(evidence["rule_set"]["document"])
    position = evidence["inputs"]["observation"]["positions"][0]
    assert (position["source"], position["quoted_at"]) == ("replay", "2026-03-02T09:00:00+00:00")
    assert evidence["figures"]["floor_minor"] == cents(95_000)
    assert evidence["explanation"] == verdict.message
    assert evidence["rule_words"].startswith("Daily loss:")
    assert verify(stored).ok
    assert Verdict.from_json(stored) == verdict


def leaves(data, path=()):
    if isinstance(data, dict):
        for name, item in data.items():
            yield from leaves(item, (*path, name))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from leaves(item, (*path, index))
    else:
        yield path, data


def tampered(data, path, value):
    changed = copy.deepcopy(data)
    here = changed
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return changed


def test_any_tampered_leaf_is_found():
    _, (verdict, *_) = mark(PLAN, begin(PLAN), 100_000, 94_000)
    data = json.loads(json.dumps(verdict.to_json()))
    for path, value in leaves(data):
        other = (not value) if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"
        found = verify(tampered(data, path, other))
        assert not found.ok, path
        assert found.differences, path


def test_a_forged_equity_is_found_even_with_a_fresh_hash():
    _, (verdict, *_) = mark(PLAN, begin(PLAN), 100_000, 94_000)
    data = copy.deepcopy(verdict.to_json())
    data["evidence"]["inputs"]["observation"]["equity_minor"] -= 1
    covered = {name: data["evidence"][name] for name in ("engine", "function", "rule_set", "state", "inputs")}
    data["evidence"]["inputs_hash"] = digest(covered)
    assert any("make an equity of" in text for text in verify(data).differences)


@pytest.mark.parametrize("broken", [{}, {"evidence": None}, {"evidence": {"engine": 1}}, {"evidence": {"engine": 99}}])
def test_what_is_no_evidence_does_not_verify(broken):
    assert not verify(broken).ok


def test_canonical_json_is_one_text_and_takes_no_floats():
    assert canonical({"b": 1, "a": ["é"]}) == '{"a":["\\u00e9"],"b":1}'
    with pytest.raises(TypeError, match="float"):
        canonical({"a": [1, {"b": 0.5}]})


money = st.integers(cents(80_000), cents(120_000))


@st.composite
def observations(draw, at=T0):
    balance, positions = draw(money), []
    for symbol in draw(st.lists(st.sampled_from(["AAA", "BBB", "CCC"]), unique=True)):
        quantity = draw(st.integers(-50, 50).filter(bool)) + draw(st.sampled_from([Decimal(0), Decimal("0.125")]))
        price = draw(st.integers(1, 50_000)) / Decimal(1000)
        value = round(quantity * price * 100)
        positions.append(PositionFact(symbol, quantity, price, value, value + draw(st.integers(-90_000, 90_000))))
    equity = balance + sum(item.profit_minor for item in positions)
    return Observation(at, balance, equity, tuple(positions))


@settings(max_examples=150, deadline=None)
@given(observations(), observations(), money)
def test_every_verdict_verifies_after_a_trip_through_json(first, second, closing):
    state, verdicts = evaluate_mark(PLAN, begin(PLAN), first)
    verdicts.append(phase_result(PLAN, state, first))
    state, more = record_fill(PLAN, state, fill(realized_minor=-cents(500)))
    if not state.closed_by:
        later = replace(second, at=state.next_reset())
        state, rolled = roll_day(PLAN, state, later, Closing(closing, closing))
        more += rolled
    for verdict in (*verdicts, *more):
        found = verify(json.loads(json.dumps(verdict.to_json())))
        assert found.ok, found.differences


@given(st.lists(st.tuples(money, money), min_size=1, max_size=12))
def test_high_water_never_falls_and_a_new_peak_never_fails(marks):
    state = begin(PLAN)
    for balance, equity in marks:
        peak = state.high_water("max_loss").minor
        if state.closed_by:
            break
        state, verdicts = evaluate_mark(PLAN, state, Observation(T0, balance, equity))
        assert state.high_water("max_loss").minor == max(peak, equity)
        if equity > peak:
            assert ("fail", "max_loss_breached") not in [(item.kind, item.code) for item in verdicts]


def test_the_first_breach_that_closes_comes_first_and_alone_decides():
    plan = rules(
        {"kind": "daily_loss", "amount": percent(1), "severity": "soft"},
        {"kind": "max_loss", "amount": percent(2)},
        {"kind": "max_loss", "key": "later", "amount": percent(3)},
    )
    state, verdicts = mark(plan, begin(plan), 90_000)
    assert [(item.kind, item.rule_key) for item in verdicts] == [("fail", "max_loss"), ("soft", "daily_loss")]
    assert state.closed_by == "max_loss"
    assert seen(90_000).flat
