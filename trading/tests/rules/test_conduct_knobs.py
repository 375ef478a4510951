"""One case a knob of the rules of how one trades, before an order, on a mark and at a fill."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trading.domain.rules import NewsEvent, evaluate_mark, pre_trade, record_fill, verify
from trading.tests.rules.make import T0, begin, cents, fill, fixed, held, kinds, mark, order, percent, rules, seen, told


def asked(rule, **facts):
    plan = rules(rule)
    verdict = pre_trade(plan, begin(plan), order(**facts))
    if verdict is None:
        return None
    assert verdict.kind == "blocked"
    assert verify(verdict.to_json()).ok
    return verdict.code


D = Decimal
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
HOURS = [{"days": WORKDAYS, "start": "09:30", "end": "16:00"}]


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "facts", "code"),
    [
        ({"kind": "max_quantity", "quantity": "10"}, {}, None),
        ({"kind": "max_quantity", "quantity": "9.5"}, {}, "max_quantity"),
        ({"kind": "max_quantity", "quantity": "10"}, {"position_quantity": D(1)}, "max_quantity"),
        ({"kind": "max_quantity", "quantity": "10"}, {"working_quantity": D(1)}, "max_quantity"),
        ({"kind": "max_quantity", "quantity": "10"}, {"side": "sell", "quantity": D(11)}, "max_quantity"),
        ({"kind": "max_quantity", "quantity": "9", "symbols": ["BBB"]}, {}, None),
        ({"kind": "max_quantity", "quantity": "9", "symbols": ["AAA"]}, {}, "max_quantity"),
        ({"kind": "max_notional", "amount": fixed(1000)}, {}, None),
        ({"kind": "max_notional", "amount": fixed("999.99")}, {}, "max_notional"),
        ({"kind": "max_notional", "amount": percent("0.99")}, {}, "max_notional"),
        ({"kind": "max_notional", "amount": percent(1)}, {"equity_minor": cents(90_000)}, None),
        ({"kind": "max_notional", "amount": percent(1, "equity")}, {"equity_minor": cents(90_000)}, "max_notional"),
        ({"kind": "max_notional", "amount": fixed(1), "symbols": ["BBB"]}, {}, None),
        ({"kind": "max_gross_exposure", "amount": fixed(3000)}, {"gross_minor": cents(2000)}, None),
        (
            {"kind": "max_gross_exposure", "amount": fixed(3000)},
            {"gross_minor": cents("2000.01")},
            "max_gross_exposure",
        ),
        ({"kind": "max_gross_exposure", "amount": percent(200)}, {"gross_minor": cents(199_000)}, None),
        (
            {"kind": "max_gross_exposure", "amount": percent(200, "equity")},
            {"gross_minor": cents(199_000), "equity_minor": cents(99_000)},
            "max_gross_exposure",
        ),
        ({"kind": "max_symbol_share", "percent": "1"}, {}, None),
        ({"kind": "max_symbol_share", "percent": "0.99"}, {}, "max_symbol_share"),
        ({"kind": "max_open_positions", "count": 3}, {"open_positions": 2}, None),
        ({"kind": "max_open_positions", "count": 2}, {"open_positions": 2}, "max_open_positions"),
        ({"kind": "max_open_positions", "count": 2}, {"open_positions": 2, "position_quantity": D(1)}, None),
        ({"kind": "max_lots_per_order", "lots": "1"}, {"lot_size": D(10)}, None),
        ({"kind": "max_lots_per_order", "lots": "1"}, {"lot_size": D(9)}, "max_lots_per_order"),
        ({"kind": "loss_per_trade", "amount": fixed(50)}, {"stop_price": D(95)}, None),
        ({"kind": "loss_per_trade", "amount": fixed(49)}, {"stop_price": D(95)}, "loss_per_trade"),
        ({"kind": "loss_per_trade", "amount": fixed(49)}, {}, None),
        (
            {"kind": "loss_per_trade", "amount": fixed(50), "comparator": "at_or_above"},
            {"stop_price": D(95)},
            "loss_per_trade",
        ),
        ({"kind": "loss_per_trade", "amount": fixed(50)}, {"side": "sell", "stop_price": D(106)}, "loss_per_trade"),
        ({"kind": "stop_required"}, {}, "stop_required"),
        ({"kind": "stop_required"}, {"stop_price": D(10)}, None),
        ({"kind": "stop_required"}, {"stop_price": D(101)}, "stop_wrong_side"),
        ({"kind": "stop_required"}, {"side": "sell", "stop_price": D(101)}, None),
        ({"kind": "stop_required", "max_distance_percent": "5"}, {"stop_price": D(95)}, None),
        ({"kind": "stop_required", "max_distance_percent": "5"}, {"stop_price": D("94.99")}, "stop_too_far"),
        ({"kind": "allowed_instruments", "allow": ["AAA"]}, {}, None),
        ({"kind": "allowed_instruments", "allow": ["BBB"]}, {}, "instrument_not_allowed"),
        ({"kind": "allowed_instruments", "deny": ["BBB"]}, {}, None),
        ({"kind": "allowed_instruments", "deny": ["AAA"]}, {}, "instrument_not_allowed"),
        ({"kind": "allowed_instruments", "asset_classes": ["stock"]}, {"asset_class": "stock"}, None),
        ({"kind": "allowed_instruments", "asset_classes": ["stock"]}, {"asset_class": "etf"}, "instrument_not_allowed"),
        ({"kind": "allowed_sessions", "windows": HOURS}, {"at": utc(2026, 3, 2, 9, 30)}, None),
        ({"kind": "allowed_sessions", "windows": HOURS}, {"at": utc(2026, 3, 2, 9, 29)}, "outside_session"),
        ({"kind": "allowed_sessions", "windows": HOURS}, {"at": utc(2026, 3, 2, 16)}, "outside_session"),
        ({"kind": "allowed_sessions", "windows": HOURS}, {"at": utc(2026, 3, 7, 12)}, "outside_session"),
        (
            {"kind": "allowed_sessions", "windows": HOURS, "zone": "America/New_York"},
            {"at": utc(2026, 3, 2, 14, 29)},
            "outside_session",
        ),
        (
            {"kind": "allowed_sessions", "windows": HOURS, "zone": "America/New_York"},
            {"at": utc(2026, 3, 2, 14, 30)},
            None,
        ),
    ],
)
def test_before_an_order(rule, facts, code):
    assert asked(rule, **facts) == code


def test_a_window_may_cross_midnight():
    rule = {"kind": "allowed_sessions", "windows": [{"days": ["fri"], "start": "22:00", "end": "02:00"}]}
    friday = utc(2026, 3, 6)
    for hour, code in (
        (21, "outside_session"),
        (22, None),
        (25, None),
        (26, "outside_session"),
        (46, "outside_session"),
    ):
        assert asked(rule, at=friday + timedelta(hours=hour)) == code


@pytest.mark.parametrize(
    ("facts", "allowed"),
    [
        ({"side": "sell", "position_quantity": D(10)}, True),
        ({"side": "sell", "position_quantity": D(20)}, True),
        ({"side": "buy", "position_quantity": D(-10)}, True),
        ({"side": "sell", "position_quantity": D(9)}, False),  # flips
        ({"side": "sell", "position_quantity": D(10), "working_quantity": D(-1)}, False),  # flips with what rests
        ({"side": "buy", "position_quantity": D(10)}, False),
        ({"side": "sell"}, False),
    ],
)
def test_reducing_orders_are_always_allowed(facts, allowed):
    strict = {"kind": "allowed_instruments", "allow": ["ZZZ"]}
    assert (asked(strict, **facts) is None) == allowed
    plan = rules({"kind": "max_loss", "amount": percent(1), "severity": "soft"})
    locked, _ = mark(plan, begin(plan), 90_000)
    assert (pre_trade(plan, locked, order(**facts)) is None) == allowed


def test_a_lock_blocks_until_it_ends():
    plan = rules({"kind": "daily_loss", "amount": percent(1), "severity": "soft"})
    locked, _ = mark(plan, begin(plan), 90_000)
    assert pre_trade(plan, locked, order()).code == "soft_locked"
    assert pre_trade(plan, locked, order(at=locked.soft_lock_until)) is None
    plan = rules({"kind": "daily_loss", "amount": percent(1)})
    failed, _ = mark(plan, begin(plan), 90_000)
    assert pre_trade(plan, failed, order()).code == "phase_closed"


OVERNIGHT = {"kind": "no_overnight", "flat_by": "21:00", "reopen": "07:00"}
WEEKEND = {"kind": "flat_by_weekend", "flat_by": "20:00"}


@pytest.mark.parametrize(
    ("rule", "at", "open_"),
    [
        (OVERNIGHT, utc(2026, 3, 2, 20, 59), True),
        (OVERNIGHT, utc(2026, 3, 2, 21), False),
        (OVERNIGHT, utc(2026, 3, 3, 6, 59), False),
        (OVERNIGHT, utc(2026, 3, 3, 7), True),
        (OVERNIGHT | {"flat_by": "21:30"}, utc(2026, 3, 2, 21), True),
        (OVERNIGHT | {"reopen": "06:00"}, utc(2026, 3, 3, 6, 59), True),
        (OVERNIGHT | {"zone": "Europe/Prague"}, utc(2026, 3, 2, 20), False),
        (OVERNIGHT | {"days": ["tue"]}, utc(2026, 3, 2, 22), True),
        (OVERNIGHT | {"days": ["tue"]}, utc(2026, 3, 4, 3), False),
        (WEEKEND, utc(2026, 3, 6, 19, 59), True),
        (WEEKEND, utc(2026, 3, 6, 20), False),
        (WEEKEND, utc(2026, 3, 8, 12), False),
        (WEEKEND, utc(2026, 3, 9), True),
        (WEEKEND | {"flat_day": "thu"}, utc(2026, 3, 6, 12), False),
        (WEEKEND | {"reopen_day": "sun", "reopen": "11:00"}, utc(2026, 3, 8, 12), True),
        (WEEKEND | {"zone": "America/New_York"}, utc(2026, 3, 7, 0, 59), True),
    ],
)
def test_hours_in_which_to_be_flat(rule, at, open_):
    assert asked(rule, at=at) == (None if open_ else rule["kind"])
    plan = rules(rule)
    state, verdicts = mark(plan, begin(plan), 100_000, 100_001, at=at)
    assert told(verdicts) == ([] if open_ else [("soft", f"{rule['kind']}_breached")])
    assert mark(plan, state, 100_000, 100_001, at=at)[1] == []
    assert mark(plan, begin(plan), 100_000, at=at)[1] == []  # flat


@pytest.mark.parametrize("severity", ["fail", "soft", "warn"])
@pytest.mark.parametrize("rule", [OVERNIGHT, WEEKEND])
def test_hours_by_severity_and_again_the_next_time(rule, severity):
    plan, at = rules(rule | {"severity": severity}), utc(2026, 3, 6, 22)
    state, verdicts = mark(plan, begin(plan), 100_000, 100_001, at=at)
    assert kinds(verdicts) == [severity]
    if severity == "soft":
        assert state.soft_lock_until == (utc(2026, 3, 7, 7) if rule is OVERNIGHT else utc(2026, 3, 9))
    again = mark(plan, state, 100_000, 100_001, at=at + timedelta(days=7))[1]
    assert kinds(again) == ([] if severity == "fail" else [severity])


NEWS = {"kind": "news_blackout"}
CPI = NewsEvent(T0 + timedelta(minutes=10), "CPI", "high")


@pytest.mark.parametrize(
    ("knobs", "event", "minute", "blocked"),
    [
        ({}, CPI, "7.9", False),
        ({}, CPI, "8", True),
        ({}, CPI, "12", True),
        ({}, CPI, "12.1", False),
        ({"minutes_before": 5}, CPI, "5", True),
        ({"minutes_after": 5}, CPI, "15", True),
        ({}, replace(CPI, impact="medium"), "10", False),
        ({"impact": "medium"}, replace(CPI, impact="medium"), "10", True),
        ({"impact": "low"}, replace(CPI, impact="low"), "10", True),
        ({}, replace(CPI, symbols=("BBB",)), "10", False),
        ({}, replace(CPI, symbols=("AAA",)), "10", True),
    ],
)
def test_news(knobs, event, minute, blocked):
    at = T0 + timedelta(minutes=float(minute))
    assert asked(NEWS | knobs, at=at, events=(event,)) == ("news_blackout" if blocked else None)
    plan = rules(NEWS | knobs)
    verdicts = record_fill(plan, begin(plan), fill(at=at, events=(event,)))[1]
    assert told(verdicts) == ([("fail", "news_blackout_breached")] if blocked else [])


@pytest.mark.parametrize(
    ("knobs", "facts", "expected"),
    [
        ({}, {"increased": False}, []),
        ({}, {"increased": False, "by_stop": True}, ["fail"]),
        ({"include_stops": False}, {"increased": False, "by_stop": True}, []),
        ({"severity": "soft"}, {}, ["soft"]),
        ({"severity": "warn"}, {}, ["warn"]),
    ],
)
def test_news_at_a_fill(knobs, facts, expected):
    plan = rules(NEWS | knobs)
    trade = fill(at=CPI.at, events=(CPI,), opened=False, **facts)
    assert kinds(record_fill(plan, begin(plan), trade)[1]) == expected


def test_several_positions_are_named():
    plan = rules(WEEKEND)
    two = (held(0, "BBB"), held(0, "AAA"))
    verdicts = evaluate_mark(plan, begin(plan), seen(100_000, at=utc(2026, 3, 7), positions=two))[1]
    assert verdicts[0].figures["symbols"] == ["AAA", "BBB"]
