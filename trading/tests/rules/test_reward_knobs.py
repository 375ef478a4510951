"""One case a knob of payout, scaling and second chance."""

from datetime import UTC, datetime

import pytest

from trading.domain.rules import (
    PayoutFacts,
    floor_minor,
    payout_eligibility,
    record_fill,
    record_payout,
    record_scaling,
    scaling_due,
    second_chance,
    start,
    verify,
)
from trading.domain.rules.phase import shares
from trading.tests.rules.make import T0, begin, cents, days, fill, fixed, mark, percent, roll, rules, seen

PAYOUT = {"kind": "payout", "first_after_days": 14, "every_days": 14, "split_percent": "80"}
READY = PayoutFacts(open_orders=0, identity_verified=True)


TWO_WEEKS = days(14)


def asked(knobs, balance=110_000, equity=None, *others, after=TWO_WEEKS, facts=READY, paid=0):
    plan = rules(PAYOUT | knobs, *others)
    state, _ = record_fill(plan, begin(plan), fill())
    for _ in range(paid):
        state, _ = record_payout(plan, state, gross_minor=0, balance_minor=cents(100_000), at=T0)
    verdict = payout_eligibility(plan, state, seen(balance, equity, at=T0 + after), facts)
    assert verify(verdict.to_json()).ok
    return verdict


@pytest.mark.parametrize(
    ("knobs", "after", "paid", "kind"),
    [
        ({}, days(14), 0, "eligible"),
        ({}, days(13), 0, "ineligible"),
        ({"first_after_days": 13}, days(13), 0, "eligible"),
        ({"first_after_days": 21}, days(14), 0, "ineligible"),
        ({"first_after_days": 21}, days(14), 1, "eligible"),
        ({"every_days": 15}, days(14), 1, "ineligible"),
    ],
)
def test_when_a_payout_opens(knobs, after, paid, kind):
    assert asked(knobs, after=after, paid=paid).kind == kind


def test_nothing_is_paid_before_the_first_trade():
    plan = rules(PAYOUT)
    assert payout_eligibility(plan, begin(plan), seen(110_000, at=T0 + days(99)), READY).kind == "ineligible"


@pytest.mark.parametrize(
    ("knobs", "paid", "gross", "trader"),
    [
        ({}, 0, 10_000, 8_000),
        ({"split_percent": "90"}, 0, 10_000, 9_000),
        ({"split_steps": [{"after": 2, "percent": "90"}]}, 1, 10_000, 8_000),
        ({"split_steps": [{"after": 2, "percent": "90"}]}, 2, 10_000, 9_000),
        ({"cap": fixed(2_000)}, 0, 2_000, 1_600),
        ({"cap": percent(50, "profit")}, 0, 5_000, 4_000),
        ({"cap": percent(4)}, 0, 4_000, 3_200),
        ({"buffer": fixed(100)}, 0, 9_900, 7_920),
        ({"buffer": percent(3)}, 0, 7_000, 5_600),
    ],
)
def test_how_much_and_to_whom(knobs, paid, gross, trader):
    figures = asked(knobs, paid=paid).figures
    assert (figures["gross_minor"], figures["trader_minor"]) == (cents(gross), cents(trader))
    assert figures["trader_minor"] + figures["firm_minor"] == figures["gross_minor"]


@pytest.mark.parametrize(
    ("knobs", "balance", "equity", "facts", "kind"),
    [
        ({"minimum": "10000"}, 110_000, None, READY, "eligible"),
        ({"minimum": "10000.01"}, 110_000, None, READY, "ineligible"),
        ({"minimum": "50"}, 110_000, None, PayoutFacts(0, identity_verified=True, requested_minor=4_999), "ineligible"),
        ({}, 110_000, None, PayoutFacts(0, identity_verified=True, requested_minor=cents(10_001)), "ineligible"),
        ({}, 110_000, None, PayoutFacts(0, identity_verified=True, requested_minor=cents(9_999)), "eligible"),
        ({}, 100_000, None, READY, "ineligible"),
        ({}, 110_000, 109_000, READY, "ineligible"),
        ({"requires_flat": False}, 110_000, 109_000, READY, "eligible"),
        ({}, 110_000, None, PayoutFacts(1, identity_verified=True), "ineligible"),
        ({"requires_no_orders": False}, 110_000, None, PayoutFacts(1, identity_verified=True), "eligible"),
        ({}, 110_000, None, PayoutFacts(0, identity_verified=False), "ineligible"),
        ({"requires_identity": False}, 110_000, None, PayoutFacts(0, identity_verified=False), "eligible"),
    ],
)
def test_what_a_payout_needs(knobs, balance, equity, facts, kind):
    assert asked(knobs, balance, equity, facts=facts).kind == kind


def test_profit_that_floats_away_is_not_paid():
    assert asked({"requires_flat": False}, 110_000, 103_000).figures["gross_minor"] == cents(3_000)


@pytest.mark.parametrize(
    ("effect", "kind"), [("passing", "eligible"), ("payout", "ineligible"), ("both", "ineligible")]
)
@pytest.mark.parametrize("rule", [{"kind": "min_trading_days", "days": 2}, {"kind": "consistency", "percent": "40"}])
def test_days_and_consistency_hold_a_payout_back(rule, effect, kind):
    assert asked({}, 110_000, None, rule | {"effect": effect}).kind == kind


TRAIL = {"kind": "max_loss", "amount": percent(10), "trailing": "end_of_day"}


@pytest.mark.parametrize(("after", "removed", "floor"), [("deduct", 4_000, 98_000), ("reset", 8_000, 90_000)])
def test_after_a_payout_the_amount_or_all_profit_leaves(after, removed, floor):
    daily = {"kind": "daily_loss", "amount": percent(5)}
    plan = rules(PAYOUT | {"after": after}, TRAIL, daily, {"kind": "consistency", "percent": "40"})
    state, _ = record_fill(plan, begin(plan), fill())
    state, _ = roll(plan, state, 108_000)
    paid, gone = record_payout(plan, state, gross_minor=cents(4_000), balance_minor=cents(108_000), at=T0 + days(20))
    assert gone == cents(removed)
    assert floor_minor(plan.by_key("max_loss"), paid) == cents(floor)
    left = 108_000 - removed
    assert floor_minor(plan.by_key("daily_loss"), paid) == cents(left - 5_000)
    assert (paid.payouts, paid.payouts_minor, paid.cycle_balance_minor) == (1, cents(4_000), cents(left))
    assert (paid.days[0].best_minor, paid.days[0].profit_from_minor) == (0, cents(left))


@pytest.mark.parametrize(
    ("knobs", "paid", "refund"),
    [
        ({}, 0, 0),
        ({"refund_fee_with_payout": 1}, 0, 540),
        ({"refund_fee_with_payout": 1}, 1, 0),
        ({"refund_fee_with_payout": 2}, 1, 540),
        ({"refund_fee_with_payout": 1, "refund_percent": "50"}, 0, 270),
    ],
)
def test_the_fee_comes_back(knobs, paid, refund):
    facts = PayoutFacts(0, identity_verified=True, fee_paid_minor=cents(540))
    verdict = asked({}, 110_000, None, {"kind": "second_chance"} | knobs, facts=facts, paid=paid)
    assert verdict.figures["refund_minor"] == cents(refund)


SCALING = {"kind": "scaling", "every_months": 4, "min_profit_percent": "10", "increase_percent": "25"}


def grown(knobs, balance=110_000, at=datetime(2026, 7, 2, 9, tzinfo=UTC), payouts=2, initial=100_000):
    plan = rules({"min_payouts": 2} | SCALING | knobs)
    state = begin(plan, initial)
    for _ in range(payouts):
        state, _ = record_payout(plan, state, gross_minor=0, balance_minor=cents(initial), at=T0)
    verdict = scaling_due(plan, state, seen(balance, at=at))
    assert verify(verdict.to_json()).ok
    return verdict.figures["new_initial_minor"] // 100 if verdict.kind == "eligible" else None


@pytest.mark.parametrize(
    ("knobs", "facts", "expected"),
    [
        ({}, {}, 125_000),
        ({"every_months": 5}, {}, None),
        ({}, {"at": datetime(2026, 7, 2, 8, tzinfo=UTC)}, None),
        ({"zone": "Europe/Prague"}, {"at": datetime(2026, 7, 2, 8, tzinfo=UTC)}, 125_000),  # 10:00 there, in summer
        ({"min_profit_percent": "10.01"}, {}, None),
        ({"min_payouts": 3}, {}, None),
        ({"increase_percent": "50"}, {}, 150_000),
        ({"cap": "120000"}, {}, 120_000),
        ({"cap": "100000"}, {}, None),
    ],
)
def test_scaling(knobs, facts, expected):
    assert grown(knobs, **facts) == expected


def test_growth_is_of_the_original_balance_and_lifts_floors_and_references():
    plan = rules(SCALING, TRAIL, {"kind": "daily_loss", "amount": percent(5, "reference")})
    state = record_scaling(begin(plan), increase_minor=cents(25_000), balance_minor=cents(110_000), at=T0 + days(122))
    assert floor_minor(plan.by_key("max_loss"), state) == cents(112_500)
    assert floor_minor(plan.by_key("daily_loss"), state) == cents(118_750)
    verdict = scaling_due(plan, state, seen(150_000, at=T0 + days(300)))
    assert verdict.figures["new_initial_minor"] == cents(150_000)


def test_what_was_paid_out_in_the_period_counts_as_its_profit():
    plan = rules(SCALING, PAYOUT)
    state, gone = record_payout(plan, begin(plan), gross_minor=cents(5_000), balance_minor=cents(108_000), at=T0)
    assert gone == cents(5_000)
    later = T0 + days(130)
    assert scaling_due(plan, state, seen(105_000, at=later)).kind == "eligible"
    assert scaling_due(plan, state, seen("104999.99", at=later)).kind == "ineligible"


CHANCE = {"kind": "second_chance", "free_retries": 1, "reset_price": "99.50"}


def ended(knobs, how, balance=101_000, equity=None, **counts):
    plan = rules(
        CHANCE | knobs,
        {"kind": "time_limit", "days": 30},
        {"kind": "inactivity", "days": 20},
        {"kind": "max_loss", "amount": percent(10)},
    )
    state = start(plan, initial_minor=cents(100_000), at=T0, **counts)
    if how == "time":
        state, _ = record_fill(plan, state, fill())
        state, _ = roll(plan, state, balance, at=T0 + days(15))
        state, _ = record_fill(plan, state, fill(at=T0 + days(15)))
        state, _ = roll(plan, state, balance, at=T0 + days(30))
    elif how == "idle":
        state, _ = roll(plan, state, balance, at=T0 + days(20))
    elif how == "breach":
        state, _ = mark(plan, state, 80_000)
    verdict = second_chance(plan, state, seen(balance, equity, at=T0 + days(30)))
    assert verify(verdict.to_json()).ok
    return verdict


@pytest.mark.parametrize(
    ("knobs", "how", "facts", "code"),
    [
        ({}, "time", {}, "free_retry"),
        ({}, "time", {"balance": 100_000}, "paid_reset"),
        ({}, "time", {"equity": 100_000}, "paid_reset"),
        ({}, "idle", {}, "paid_reset"),
        ({}, "breach", {}, "paid_reset"),
        ({}, "none", {}, "no_second_chance"),
        ({"free_retries": 0}, "time", {}, "paid_reset"),
        ({}, "time", {"retries": 1}, "paid_reset"),
        ({"free_retries": 2}, "time", {"retries": 1}, "free_retry"),
        ({"reset_price": None}, "breach", {}, "no_second_chance"),
        ({"max_resets": 1}, "breach", {}, "paid_reset"),
        ({"max_resets": 1}, "breach", {"resets": 1}, "no_second_chance"),
    ],
)
def test_second_chances(knobs, how, facts, code):
    verdict = ended(knobs, how, **facts)
    assert verdict.code == code
    if code == "paid_reset":
        assert verdict.figures["price_minor"] == 9_950


def test_days_that_hold_payouts_back_count_again_after_one():
    plan = rules(
        PAYOUT,
        {"kind": "min_trading_days", "key": "each", "days": 1, "effect": "payout"},
        {"kind": "min_trading_days", "key": "once", "days": 1, "effect": "passing"},
    )
    state, _ = record_fill(plan, begin(plan), fill())
    state, _ = roll(plan, state, 101_000)
    state, _ = record_payout(plan, state, gross_minor=1, balance_minor=cents(101_000), at=T0 + days(1))
    assert (state.counted("each"), state.counted("once")) == (0, 1)


def test_the_day_of_a_payout_counts_its_profit_from_there():
    plan = rules(
        PAYOUT | {"every_days": 0, "first_after_days": 0}, {"kind": "consistency", "percent": "99", "effect": "payout"}
    )
    state, _ = record_fill(plan, begin(plan), fill())
    state, _ = record_payout(plan, state, gross_minor=cents(5_000), balance_minor=cents(110_000), at=T0)
    assert shares(plan.by_key("consistency"), state, cents(106_000)) == (cents(1_000), cents(1_000))
    state, _ = roll(plan, state, 106_000)
    assert state.days[0].best_minor == cents(1_000)
    assert state.days[0].history[0].profit_minor == cents(1_000)
    verdict = payout_eligibility(plan, state, seen(107_000, at=T0 + days(1)), READY)
    assert verdict.kind == "eligible"  # 1,000 of 2,000
