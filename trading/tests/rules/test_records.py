"""What payouts leave above floors, clocks that stand still, and evidence from before a field was there."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.domain.rules import (
    Observation,
    PayoutFacts,
    RuleSet,
    RuleState,
    evaluate_mark,
    held,
    payout_eligibility,
    record_payout,
    released,
    reopen,
    start,
    verify,
)
from trading.domain.rules.records import payout_room
from trading.tests.ruled import document, share
from trading.tests.rules.make import T0 as START

TRAILS = st.sampled_from(
    [
        {"trailing": "static"},
        {"trailing": "end_of_day"},
        {"trailing": "end_of_day", "lock": "initial"},
        {"trailing": "intraday"},
        {"trailing": "intraday", "comparator": "at_or_below"},
    ]
)
DAILY = {"kind": "daily_loss", "amount": {"basis": "reference", "value": "5"}}
PAYOUT = {"kind": "payout", "first_after_days": 0, "every_days": 0, "split_percent": "80"}


def rule_set(*rules):
    return RuleSet.from_json(document(*rules))


def seen_at(minor, days=0):
    return Observation(START + timedelta(days=days), minor, minor)


@given(
    TRAILS,
    st.integers(1, 12),
    st.integers(1, 20_000_00),
    st.integers(0, 15_000_00),
    st.sampled_from(["deduct", "reset"]),
)
def test_of_what_floors_leave_the_last_minor_unit_can_go_and_not_one_more(knobs, percent, gained, fallen, after):
    rules = rule_set(DAILY, {"kind": "max_loss", "amount": share(percent), **knobs}, {**PAYOUT, "after": after})
    state = start(rules, initial_minor=100_000_00, at=START)
    high = 100_000_00 + gained
    state = replace(state, high_waters=tuple(replace(mark, minor=high) for mark in state.high_waters))
    seen = seen_at(max(high - min(fallen, gained), 100_000_00))
    most = seen.balance_minor - 100_000_00
    room = payout_room(rules, state, seen, most_minor=most)
    assert 0 <= room <= most

    def ends(gross):
        then, removed = record_payout(rules, state, gross_minor=gross, balance_minor=seen.balance_minor, at=seen.at)
        _, found = evaluate_mark(rules, then, seen_at(seen.balance_minor - removed))
        return any(verdict.kind == "fail" for verdict in found)

    if room:
        assert not ends(room)
    if room < most:
        assert ends(room + 1)


def test_no_more_is_available_than_floors_leave_and_the_verdict_says_so():
    rules = rule_set({"kind": "max_loss", "amount": share(10), "trailing": "end_of_day"}, PAYOUT)
    state = start(rules, initial_minor=100_000_00, at=START)
    state = replace(state, first_trade_at=START, high_waters=(replace(state.high_waters[0], minor=113_000_00),))
    facts = PayoutFacts(identity_verified=True, keeps_floors=True)
    verdict = payout_eligibility(rules, state, seen_at(113_000_00, 1), facts)
    assert (verdict.kind, verdict.figures["available_minor"]) == ("eligible", 10_000_00)
    assert verify(verdict.to_json()).ok
    whole = payout_eligibility(rules, state, seen_at(113_000_00, 1), PayoutFacts(identity_verified=True))
    assert whole.figures["available_minor"] == 13_000_00
    assert "keeps_floors" not in whole.evidence["inputs"]["payout"]


def test_a_field_that_came_later_is_left_out_while_it_says_nothing():
    rules = rule_set(DAILY)
    state = start(rules, initial_minor=100_000_00, at=START)
    assert "held_since" not in state.to_json()
    stopped = held(state, START)
    assert RuleState.from_json(stopped.to_json()) == stopped
    assert RuleState.from_json(state.to_json()).held_since is None


def test_time_in_which_an_account_is_held_is_no_time_without_a_trade():
    rules = rule_set({"kind": "inactivity", "days": 5, "warn_at": []})
    state = replace(start(rules, initial_minor=100_000_00, at=START), last_trade_at=START + timedelta(days=1))
    stopped = held(held(state, START + timedelta(days=2)), START + timedelta(days=4))
    assert stopped.held_since == START + timedelta(days=2)
    still, found = evaluate_mark(rules, stopped, seen_at(100_000_00, 30))
    assert (still.closed_by, found) == ("", [])
    free = released(stopped, START + timedelta(days=30))
    assert (free.held_since, free.last_trade_at) == (None, START + timedelta(days=29))
    assert released(free, START + timedelta(days=40)) == free
    assert evaluate_mark(rules, free, seen_at(100_000_00, 33))[1] == []
    assert evaluate_mark(rules, free, seen_at(100_000_00, 34))[1][0].kind == "expired"


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ({"kind": "time_limit", "days": 3}, 3),
        ({"kind": "time_limit", "days": 30}, 7),
        ({"kind": "time_limit", "days": 30, "counted_from": "first_trade"}, 7),
        ({"kind": "inactivity", "days": 2}, 2),
        ({"kind": "inactivity", "days": 60}, 7),
    ],
)
def test_undone_after_time_ran_out_there_are_up_to_seven_days(rule, left):
    rules = rule_set({**rule, "warn_at": []})
    state = start(rules, initial_minor=100_000_00, at=START)
    state = replace(state, first_trade_at=START, last_trade_at=START)
    ended, [verdict] = evaluate_mark(rules, state, seen_at(100_000_00, rule["days"] + 1))
    later = rule["days"] + 20
    again = reopen(rules, state, ended, verdict.rule_key, seen_at(100_000_00, later))
    assert evaluate_mark(rules, again, seen_at(100_000_00, later + left - 1))[1] == []
    assert evaluate_mark(rules, again, seen_at(100_000_00, later + left))[1][0].kind == "expired"


def test_undone_after_a_breach_the_clocks_stood_still():
    rules = rule_set({"kind": "max_loss", "amount": share(10)}, {"kind": "inactivity", "days": 10, "warn_at": []})
    state = replace(start(rules, initial_minor=100_000_00, at=START), last_trade_at=START)
    ended, [verdict] = evaluate_mark(rules, state, seen_at(89_000_00))
    again = reopen(rules, state, ended, verdict.rule_key, seen_at(95_000_00, 26))
    assert again.last_trade_at == START + timedelta(days=26)
    assert again.started_at == START + timedelta(days=26)
