"""One case a knob of the loss, target, day and time rules: each row changes one knob, and the outcome with it."""

from datetime import UTC, datetime, timedelta

import pytest

from trading.domain.rules import evaluate_mark, floor_minor, phase_result, record_fill, roll_day
from trading.domain.rules.facts import Closing, Observation
from trading.tests.rules.make import (
    T0,
    begin,
    cents,
    days,
    fill,
    fixed,
    held,
    kinds,
    mark,
    percent,
    roll,
    rules,
    seen,
    told,
)

DAILY = {"kind": "daily_loss", "amount": percent(5), "warn_at": []}


@pytest.mark.parametrize(
    ("knobs", "floor"),
    [
        ({"reference": "balance"}, 97_000),
        ({"reference": "equity"}, 105_000),
        ({"reference": "max"}, 105_000),
        ({"amount": percent(5, "reference")}, 96_900),
        ({"amount": percent(5, "reference"), "reference": "equity"}, 104_500),
        ({"amount": fixed("1234.56")}, "100765.44"),
    ],
)
def test_daily_loss_reference_and_amount(knobs, floor):
    plan = rules(DAILY | knobs)
    state, _ = roll(plan, begin(plan), 102_000, 110_000)
    assert floor_minor(plan.rules[0], state) == cents(floor)


def test_daily_loss_max_takes_the_balance_when_it_is_larger():
    plan = rules(DAILY | {"reference": "max"})
    state, _ = roll(plan, begin(plan), 102_000, 101_000)
    assert floor_minor(plan.rules[0], state) == cents(97_000)


@pytest.mark.parametrize("kind", ["daily_loss", "max_loss"])
@pytest.mark.parametrize(
    ("knobs", "balance", "equity", "expected"),
    [
        ({}, 99_000, 94_000, ["fail"]),
        ({"tested": "balance"}, 99_000, 94_000, []),
        ({"tested": "balance"}, 94_000, 99_000, ["fail"]),
        ({}, 95_000, 95_000, []),
        ({"comparator": "at_or_below"}, 95_000, 95_000, ["fail"]),
        ({"severity": "soft"}, 94_000, 94_000, ["soft"]),
        ({"severity": "warn"}, 94_000, 94_000, ["warn"]),
        ({"warn_at": [40]}, 98_000, 98_000, ["warn"]),
        ({"warn_at": [41]}, 98_000, 98_000, []),
    ],
)
def test_what_is_tested_how_and_what_follows(kind, knobs, balance, equity, expected):
    plan = rules({"kind": kind, "amount": percent(5), "warn_at": []} | knobs)
    state, verdicts = mark(plan, begin(plan), balance, equity)
    assert kinds(verdicts) == expected
    assert bool(state.closed_by) == (expected == ["fail"])
    assert bool(state.soft_lock_until) == (expected == ["soft"])


@pytest.mark.parametrize(
    ("reset", "expected"),
    [
        ({"time": "00:00", "zone": "UTC"}, datetime(2026, 3, 3, 0, tzinfo=UTC)),
        ({"time": "00:30", "zone": "UTC"}, datetime(2026, 3, 3, 0, 30, tzinfo=UTC)),
        ({"time": "00:00", "zone": "Europe/Prague"}, datetime(2026, 3, 2, 23, tzinfo=UTC)),
        ({"time": "17:00", "zone": "America/Chicago"}, datetime(2026, 3, 2, 23, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize(
    "rule",
    [
        DAILY,
        {"kind": "max_loss", "amount": percent(5), "trailing": "end_of_day"},
        {"kind": "min_trading_days", "days": 4},
        {"kind": "consistency", "percent": "40"},
    ],
)
def test_reset_time_and_zone(rule, reset, expected):
    assert begin(rules(rule | {"reset": reset})).next_reset() == expected


@pytest.mark.parametrize(
    ("knobs", "floor"),
    [
        ({"trailing": "static"}, 90_000),
        ({"trailing": "end_of_day"}, 105_000),
        ({"trailing": "intraday"}, 120_000),
        ({"trailing": "end_of_day", "lock": "initial"}, 100_000),
        ({"trailing": "end_of_day", "lock": "initial", "lock_offset": "250.50"}, "100250.50"),
        ({"trailing": "end_of_day", "amount": percent(10, "high_water")}, 103_500),
        ({"trailing": "intraday", "amount": fixed(1)}, 129_999),
    ],
)
def test_maximum_loss_trail_lock_and_amount(knobs, floor):
    plan = rules({"kind": "max_loss", "amount": percent(10), "severity": "warn", "warn_at": []} | knobs)
    state, _ = mark(plan, begin(plan), 100_000, 130_000)
    state, _ = roll(plan, state, 115_000, 120_000)
    state, _ = roll(plan, state, 112_000, 112_000)
    assert floor_minor(plan.rules[0], state) == cents(floor)


def test_a_maximum_loss_level_is_told_again_only_after_it_was_left():
    plan = rules({"kind": "max_loss", "amount": percent(10), "warn_at": [50]}, DAILY | {"amount": fixed(99_000)})
    state, verdicts = mark(plan, begin(plan), 94_000)
    assert told(verdicts) == [("warn", "max_loss_warning")]
    state, verdicts = roll(plan, state, 94_000)
    assert verdicts == []
    state, verdicts = roll(plan, state, 97_000)
    state, verdicts = mark(plan, state, 94_000, at=state.days[0].opened_at)
    assert told(verdicts) == [("warn", "max_loss_warning")]


def test_a_soft_limit_that_is_still_broken_locks_again_at_the_next_reset():
    plan = rules({"kind": "max_loss", "amount": percent(10), "severity": "soft"}, DAILY | {"amount": fixed(99_000)})
    state, verdicts = mark(plan, begin(plan), 89_000)
    assert kinds(verdicts) == ["soft"]
    state, verdicts = roll(plan, state, 89_000)
    assert kinds(verdicts) == ["soft"]
    assert state.soft_lock_until == state.next_reset()


def test_rules_of_different_resets_roll_each_by_its_own():
    noon = {"time": "12:00", "zone": "UTC"}
    plan = rules(
        {"kind": "max_loss", "trailing": "end_of_day", "amount": fixed(3_000), "warn_at": []},
        {"kind": "min_trading_days", "days": 9},
        {"kind": "daily_loss", "amount": fixed(4_000), "warn_at": [50]},
        {"kind": "daily_loss", "key": "noon", "amount": fixed(8_000), "warn_at": [25], "reset": noon},
    )
    state, _ = record_fill(plan, begin(plan), fill())
    state, verdicts = mark(plan, state, 103_000, 98_000)
    assert [item.rule_key for item in verdicts] == ["daily_loss", "noon"]
    state, verdicts = roll(plan, state, 103_000, 99_000)  # at noon
    assert state.next_reset() == datetime(2026, 3, 3, tzinfo=UTC)
    assert (floor_minor(plan.rules[0], state), state.counted("min_trading_days")) == (cents(97_000), 0)
    assert [item.rule_key for item in verdicts] == ["noon"]
    state, verdicts = roll(plan, state, 103_000, 101_000)  # at midnight
    assert (floor_minor(plan.rules[0], state), state.counted("min_trading_days")) == (cents(100_000), 1)
    assert [item.rule_key for item in verdicts] == ["daily_loss"]


TARGET = {"kind": "profit_target", "amount": percent(10)}


@pytest.mark.parametrize(
    ("knobs", "balance", "equity", "passed"),
    [
        ({}, 110_000, 110_000, True),
        ({}, "109999.99", "109999.99", False),
        ({"amount": fixed(500)}, 100_500, 100_500, True),
        ({"tested": "equity", "require_flat": False}, 100_000, 110_000, True),
        ({"tested": "balance", "require_flat": False}, 100_000, 110_000, False),
        ({"tested": "equity", "require_flat": True}, 100_000, 110_000, False),
        ({"require_flat": True}, 110_000, 111_000, False),
        ({"require_flat": False}, 110_000, 111_000, True),
    ],
)
def test_profit_target_amount_tested_and_flat(knobs, balance, equity, passed):
    plan = rules(TARGET | knobs)
    verdict = phase_result(plan, begin(plan), seen(balance, equity))
    assert verdict.kind == ("pass" if passed else "not_yet")
    state, verdicts = mark(plan, begin(plan), balance, equity)
    assert kinds(verdicts) == (["pass"] if passed else [])
    assert mark(plan, state, balance, equity)[1] == []


def passed(plan, state, balance=110_000):
    return phase_result(plan, state, seen(balance, at=state.days[0].opened_at)).kind == "pass"


def test_trading_days_count_when_a_new_position_is_opened():
    plan = rules(TARGET, {"kind": "min_trading_days", "days": 2})
    state = begin(plan)
    state, _ = record_fill(plan, state, fill())
    state, _ = record_fill(plan, state, fill(opened=False))
    state, _ = roll(plan, state, 105_000)
    assert not passed(plan, state)
    state, _ = record_fill(plan, state, fill(opened=False, at=state.days[0].opened_at))
    state, _ = roll(plan, state, 110_000)
    assert not passed(plan, state)
    state, _ = record_fill(plan, state, fill(at=state.days[0].opened_at))
    assert passed(plan, state)
    assert not passed(rules(TARGET, {"kind": "min_trading_days", "days": 3}), state)


@pytest.mark.parametrize(
    ("least", "closes", "done"),
    [
        (fixed(150), (100_150, 100_299, 100_500), 2),
        (percent("0.15"), (100_150, 100_299), 1),
        (fixed("0.01"), (100_000,), 0),
    ],
)
def test_trading_days_count_by_profit_at_the_close(least, closes, done):
    plan = rules(TARGET, {"kind": "min_trading_days", "days": 1, "counts": "profit", "min_profit": least})
    state = begin(plan)
    for close in closes:
        state, _ = roll(plan, state, close)
    assert state.counted("min_trading_days") == done


def history(rule, closes):
    plan = rules(TARGET | {"amount": fixed(1)}, rule)
    state = begin(plan)
    for close in closes:
        state, _ = roll(plan, state, close)
    return passed(plan, state, closes[-1])


@pytest.mark.parametrize(
    ("knobs", "closes", "holds"),
    [
        ({"percent": "50"}, (105_000, 110_000), True),  # best 5k of 10k
        ({"percent": "50", "comparator": "below"}, (105_000, 110_000), False),
        ({"percent": "49.99"}, (105_000, 110_000), False),
        ({"percent": "50"}, (106_000, 108_000), False),  # 6k of 8k, the best day is not the last
        ({"percent": "50"}, (105_000, 103_000, 108_000), False),  # 5k of 8k
        ({"percent": "50", "denominator": "winning_days"}, (105_000, 103_000, 108_000), True),  # 5k of 10k
        ({"percent": "1", "effect": "payout"}, (105_000, 110_000), True),
        ({"percent": "1", "effect": "both"}, (105_000, 110_000), False),
    ],
)
def test_consistency_percent_denominator_comparator_and_effect(knobs, closes, holds):
    assert history({"kind": "consistency"} | knobs, closes) is holds


def test_consistency_counts_the_day_that_runs_and_is_never_a_breach():
    plan = rules(TARGET, {"kind": "consistency", "percent": "50"})
    state, _ = roll(plan, begin(plan), 105_000)
    state, verdicts = mark(plan, state, 111_000, at=state.days[0].opened_at)
    assert verdicts == []
    assert not passed(plan, state, 111_000)
    assert not state.closed_by


@pytest.mark.parametrize(("effect", "holds"), [("passing", False), ("payout", True), ("both", False)])
def test_days_hold_back_what_they_say(effect, holds):
    plan = rules(TARGET, {"kind": "min_trading_days", "days": 4, "effect": effect})
    assert passed(plan, begin(plan)) is holds


@pytest.mark.parametrize(
    ("rule", "traded", "after", "expected"),
    [
        ({"kind": "inactivity", "days": 30}, None, days(30), ["expired"]),
        ({"kind": "inactivity", "days": 30}, None, days(30) - timedelta(microseconds=1), []),
        ({"kind": "inactivity", "days": 31}, None, days(30), []),
        ({"kind": "inactivity", "days": 30}, days(5), days(34), []),
        ({"kind": "inactivity", "days": 30}, days(5), days(35), ["expired"]),
        ({"kind": "inactivity", "days": 30, "warn_at": [80]}, None, days(24), ["warn"]),
        ({"kind": "time_limit", "days": 60}, days(5), days(60), ["expired"]),
        ({"kind": "time_limit", "days": None}, None, days(3000), []),
        ({"kind": "time_limit", "days": 60, "counted_from": "first_trade"}, days(5), days(64), []),
        ({"kind": "time_limit", "days": 60, "counted_from": "first_trade"}, days(5), days(65), ["expired"]),
        ({"kind": "time_limit", "days": 60, "counted_from": "first_trade"}, None, days(500), []),
        ({"kind": "time_limit", "days": 10, "warn_at": [90]}, None, days(9), ["warn"]),
    ],
)
def test_time_that_runs_out(rule, traded, after, expected):
    plan = rules({"warn_at": []} | rule)
    state = begin(plan)
    if traded:
        state, _ = record_fill(plan, state, fill(at=T0 + traded))
    state, verdicts = mark(plan, state, 101_000, at=T0 + after)
    assert kinds(verdicts) == expected
    assert state.closed_as == ("expired" if expected == ["expired"] else "")


@pytest.mark.parametrize(
    ("knobs", "lost", "expected"),
    [
        ({"amount": fixed(500)}, 500, []),
        ({"amount": fixed(500)}, 501, ["fail"]),
        ({"amount": fixed(500), "comparator": "at_or_above"}, 500, ["fail"]),
        ({"amount": fixed(500), "severity": "soft"}, 501, ["soft"]),
        ({"amount": fixed(500), "severity": "warn"}, 501, ["warn"]),
        ({"amount": percent(1)}, 995, []),  # 1% of the initial 100k
        ({"amount": percent(1, "equity")}, 995, ["fail"]),  # 1% of what equity is now
    ],
)
def test_loss_per_trade_closed_and_open(knobs, lost, expected):
    closed, watched = (rules({"kind": "loss_per_trade", "tested": how} | knobs) for how in ("closed", "open"))
    trade = fill(opened=False, increased=False, realized_minor=-cents(lost), equity_minor=cents(100_000 - lost))
    assert kinds(record_fill(closed, begin(closed), trade)[1]) == expected
    observed = seen(100_000, 100_000 - lost)
    assert kinds(evaluate_mark(watched, begin(watched), observed)[1]) == expected
    assert evaluate_mark(closed, begin(closed), observed)[1] == []


def test_an_open_trade_is_judged_by_itself_not_by_the_account():
    plan = rules({"kind": "loss_per_trade", "tested": "open", "amount": fixed(500)})
    two = (held(-cents(600), "AAA"), held(cents(700), "BBB"))
    verdicts = evaluate_mark(plan, begin(plan), Observation(T0, cents(100_000), cents(100_100), two))[1]
    assert [verdict.figures["symbol"] for verdict in verdicts] == ["AAA"]


def test_the_days_kept_are_bounded_and_the_sums_are_not():
    plan = rules(TARGET, {"kind": "min_trading_days", "days": 99, "counts": "profit", "min_profit": fixed(1)})
    state = begin(plan)
    for day in range(1, 121):
        state, _ = roll(plan, state, 100_000 + day)
    book = state.days[0]
    assert (len(book.history), state.counted("min_trading_days"), book.winning_minor) == (92, 120, cents(120))


def test_a_roll_over_several_days_counts_the_close_once():
    plan = rules({"kind": "min_trading_days", "days": 3})
    state, _ = record_fill(plan, begin(plan), fill())
    late = T0 + days(5)
    state, _ = roll_day(plan, state, seen(100_000, at=late), Closing(cents(100_000), cents(100_000)))
    assert state.counted("min_trading_days") == 1
    assert state.days[0].opened_at <= late < state.next_reset()


def test_a_trade_starts_the_idle_time_again_and_its_warnings():
    plan = rules({"kind": "inactivity", "days": 10, "warn_at": [80]})
    state, _ = record_fill(plan, begin(plan), fill())
    state, verdicts = mark(plan, state, 100_000, at=T0 + days(8))
    assert told(verdicts) == [("warn", "inactivity_warning")]
    state, _ = record_fill(plan, state, fill(at=T0 + days(9), opened=False))
    assert mark(plan, state, 100_000, at=T0 + days(16))[1] == []
    state, verdicts = mark(plan, state, 100_000, at=T0 + days(17))
    assert told(verdicts) == [("warn", "inactivity_warning")]
    assert kinds(mark(plan, state, 100_000, at=T0 + days(19))[1]) == ["expired"]


def test_of_two_locks_the_longer_one_stands():
    weekend = {"kind": "flat_by_weekend", "flat_day": "mon", "flat_by": "09:00", "reopen_day": "fri"}
    plan = rules(weekend, DAILY | {"severity": "soft"})
    state, verdicts = mark(plan, begin(plan), 100_000, 100_001)
    assert kinds(verdicts) == ["soft"]
    state, verdicts = mark(plan, state, 90_000, 90_001)
    assert kinds(verdicts) == ["soft"]
    assert (state.soft_lock_by, state.soft_lock_until) == ("flat_by_weekend", datetime(2026, 3, 6, tzinfo=UTC))
