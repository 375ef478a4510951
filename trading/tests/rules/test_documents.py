"""Rule sets as documents: reading, refusing, schema, words, times."""

import copy
from dataclasses import fields
from datetime import UTC, datetime, time
from decimal import Decimal

import jsonschema
import pytest

from core.errors import Invalid
from trading.domain.rules import (
    RuleSet,
    RuleState,
    floor_minor,
    next_reset,
    rule_set_schema,
    rule_set_words,
    start,
    words,
)
from trading.domain.rules.limits import spec_of
from trading.domain.rules.ruleset import KINDS
from trading.domain.rules.times import Reset, add_months, last_reset
from trading.tests.rules.make import PRAGUE, begin, fixed, percent, rules

WINDOWS = [{"days": ["mon"], "start": "09:30", "end": "16:00"}]
REQUIRED = {
    "daily_loss": {"amount": percent(5)},
    "max_loss": {"amount": percent(10)},
    "profit_target": {"amount": percent(10)},
    "min_trading_days": {"days": 4},
    "consistency": {"percent": "50"},
    "max_quantity": {"quantity": "100"},
    "max_notional": {"amount": fixed(100)},
    "max_gross_exposure": {"amount": percent(200, "equity")},
    "max_symbol_share": {"percent": "25"},
    "max_open_positions": {"count": 3},
    "max_lots_per_order": {"lots": "2"},
    "loss_per_trade": {"amount": percent(1, "equity")},
    "stop_required": {},
    "allowed_instruments": {"allow": ["AAA"]},
    "allowed_sessions": {"windows": WINDOWS},
    "no_overnight": {"flat_by": "21:00", "reopen": "07:00"},
    "flat_by_weekend": {},
    "news_blackout": {},
    "inactivity": {"days": 30},
    "time_limit": {"days": None},
    "scaling": {"every_months": 4, "min_profit_percent": "10", "increase_percent": "25"},
    "payout": {"first_after_days": 14, "every_days": 14, "split_percent": "80"},
    "second_chance": {},
}
ALL = [{"kind": kind, **knobs} for kind, knobs in REQUIRED.items()]
SCHEMA = jsonschema.Draft202012Validator(rule_set_schema())


def document(*items):
    return {"version": 1, "name": "Test", "currency": "USD", "rules": list(items)}


def test_every_kind_has_its_case():
    assert set(REQUIRED) == set(KINDS)


def test_a_rule_set_and_its_state_round_trip():
    plan = RuleSet.from_json(document(*ALL))
    assert RuleSet.from_json(plan.to_json()) == plan
    assert RuleSet.from_json(plan.to_json()).document_hash == plan.document_hash
    state = begin(plan)
    assert RuleState.from_json(state.to_json()) == state


def test_the_schema_is_valid_and_takes_what_the_reader_takes():
    SCHEMA.check_schema(rule_set_schema())
    SCHEMA.validate(document(*ALL))
    SCHEMA.validate(RuleSet.from_json(document(*ALL)).to_json())


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_required_knob_is_required_and_unknown_ones_are_refused(kind):
    whole = {"kind": kind} | REQUIRED[kind]
    broken = [whole | {"surprise": 1}, *({k: v for k, v in whole.items() if k != name} for name in REQUIRED[kind])]
    for rule in broken:
        if rule == {"kind": "allowed_instruments"}:
            continue  # refused for saying nothing, which a schema does not see
        assert not SCHEMA.is_valid(document(rule))
        with pytest.raises(Invalid) as refused:
            RuleSet.from_json(document(rule))
        assert refused.value.code == "invalid_rule_set"


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_wrong_type_is_refused_at_each_knob_by_its_path(kind):
    for item in fields(KINDS[kind]):
        rule = {"kind": kind} | REQUIRED[kind] | {item.name: {"nonsense": [1.5]}}
        assert not SCHEMA.is_valid(document(rule))
        with pytest.raises(Invalid) as refused:
            RuleSet.from_json(document(rule))
        (problem,) = refused.value.details["problems"]
        assert problem["path"].startswith(f"rules[0].{item.name}")
        assert problem["message"].endswith((".", ":", "-"))


DAILY = {"kind": "daily_loss", "amount": percent(5)}


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"amount": percent(0)}, "rules[0].amount.value"),
        ({"amount": percent("100.01")}, "rules[0].amount.value"),
        ({"amount": {"basis": "initial", "value": 0.5}}, "rules[0].amount.value"),
        ({"amount": percent(5, "profit")}, "rules[0].amount.basis"),
        ({"reset": {"time": "25:00", "zone": "UTC"}}, "rules[0].reset.time"),
        ({"reset": {"time": "00:00", "zone": "+01:00"}}, "rules[0].reset.zone"),
        ({"reset": {"time": "00:00", "zone": "Etc/GMT-1"}}, "rules[0].reset.zone"),
        ({"reset": {"time": "00:00", "zone": "Europe/Nowhere"}}, "rules[0].reset.zone"),
        ({"warn_at": [80, 50]}, "rules[0].warn_at[1]"),
        ({"warn_at": [50, 50]}, "rules[0].warn_at[1]"),
        ({"warn_at": [100]}, "rules[0].warn_at[0]"),
        ({"key": "has space"}, "rules[0].key"),
    ],
)
def test_problems_name_the_field(changed, path):
    with pytest.raises(Invalid) as refused:
        RuleSet.from_json(document(DAILY | changed))
    assert [problem["path"] for problem in refused.value.details["problems"]] == [path]


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ({"kind": "max_loss", "amount": percent(5), "lock": "initial"}, "lock"),
        ({"kind": "max_loss", "amount": percent(5), "trailing": "end_of_day", "lock_offset": "1"}, "lock_offset"),
        ({"kind": "max_loss", "amount": percent(5), "trailing": "intraday", "tested": "balance"}, "tested"),
        ({"kind": "min_trading_days", "days": 1, "counts": "profit"}, "min_profit"),
        ({"kind": "min_trading_days", "days": 1, "min_profit": fixed(1)}, "min_profit"),
        ({"kind": "allowed_instruments"}, "allow"),
        ({"kind": "allowed_instruments", "allow": ["A"], "deny": ["A"]}, "deny"),
        ({"kind": "no_overnight", "flat_by": "21:00", "reopen": "21:00"}, "reopen"),
        ({"kind": "second_chance", "max_resets": 1}, "max_resets"),
        (
            REQUIRED["payout"] | {"kind": "payout", "split_steps": [{"after": 1, "percent": "80"}]},
            "split_steps[0]",
        ),
    ],
)
def test_knobs_that_do_not_go_together(rule, path):
    with pytest.raises(Invalid) as refused:
        RuleSet.from_json(document(rule))
    assert refused.value.details["problems"][0]["path"] == f"rules[0].{path}"


def test_the_document_itself_and_rules_together():
    bad = document(
        DAILY, DAILY, {"kind": "time_limit", "days": 1}, {"kind": "time_limit", "days": 2, "key": "other"}, 7
    )
    bad |= {"version": 0, "name": "", "currency": "usd", "extra": 1}
    with pytest.raises(Invalid) as refused:
        RuleSet.from_json(bad)
    paths = {problem["path"] for problem in refused.value.details["problems"]}
    assert paths == {"version", "name", "currency", "extra", "rules[1].key", "rules[3].kind", "rules[4]"}
    for whole in (None, [], {"rules": 3}, document({"kind": "nothing"})):
        with pytest.raises(Invalid):
            RuleSet.from_json(whole)
    two = rules(DAILY, DAILY | {"key": "soft_daily", "severity": "soft", "amount": percent(3)})
    assert [rule.key for rule in two.rules] == ["daily_loss", "soft_daily"]


CHANGED = {
    "amount": fixed("1234.50"),
    "percent": "12.5",
    "quantity": "77",
    "lots": "77",
    "count": 77,
    "days": 77,
    "severity": "warn",
    "warn_at": [33],
    "comparator": None,
    "reset": PRAGUE,
    "zone": "Asia/Tokyo",
    "symbols": ["ZZZ"],
    "windows": [{"days": ["sun"], "start": "01:02", "end": "03:04"}],
}


def other_value(made, name, current):
    """Another valid value of a knob, made from its spec."""
    spec = spec_of(next(item for item in fields(made) if item.name == name).metadata)
    candidates = [
        CHANGED.get(name),
        *(getattr(spec, "options", ())),
        not current if isinstance(current, bool) else None,
    ]
    candidates += ["81.5", "07:07", "77.5", 7, ["ZZZ"], ["mon", "tue"], "Asia/Tokyo", 77, fixed(77), percent(7)]
    candidates += [[{"after": 3, "percent": "99"}], [{"days": ["sun"], "start": "01:02", "end": "03:04"}], PRAGUE]
    for value in candidates:
        try:
            if value is not None and spec.write(spec.read(value)) != current:
                return value
        except ValueError:
            continue
    raise AssertionError(f"no other value of {name}")


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_words_follow_every_knob(kind):
    need = {
        "lock": {"trailing": "end_of_day"},
        "lock_offset": {"trailing": "end_of_day", "lock": "initial"},
        "min_profit": {"counts": "profit", "min_profit": fixed(1)},
        "max_resets": {"reset_price": "5"},
        "refund_percent": {"refund_fee_with_payout": 1},
        "counted_from": {"days": 9},
        "warn_at": {"days": 9} if kind == "time_limit" else {},
    }
    for item in fields(KINDS[kind]):
        if item.name == "key":
            continue
        base = {"kind": kind} | REQUIRED[kind] | need.get(item.name, {})
        if (kind, item.name) == ("min_trading_days", "counts"):
            changed = base | {"counts": "profit", "min_profit": fixed(1)}
        elif (kind, item.name) in {("max_loss", "reset")}:
            base |= {"trailing": "end_of_day"}
            changed = base | {"reset": PRAGUE}
        else:
            plain = rules(copy.deepcopy(base)).to_json()["rules"][0]
            changed = base | {item.name: other_value(KINDS[kind], item.name, plain[item.name])}
        before, after = (rules(rule).rules[0] for rule in (base, changed))
        assert words(before, "USD") != words(after, "USD"), item.name


def test_words_show_the_figures():
    plan = rules(
        DAILY | {"reset": PRAGUE, "severity": "soft"},
        {"kind": "max_loss", "amount": fixed(2500), "trailing": "intraday", "lock": "initial", "lock_offset": "100"},
        currency="JPY",
    )
    daily, most = rule_set_words(plan)
    assert daily == (
        "Daily loss: equity, open positions and costs included, may not be below the balance at 00:00 Europe/Prague "
        "less 5% of the initial balance. On a breach positions are closed, orders cancelled and the account is locked "
        "until the next reset. You are told at 50%, 80% and 90% of the limit."
    )
    assert "less 2,500 JPY." in most
    assert "stops rising at the initial balance plus 100 JPY" in most


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "at", "zone", "expected"),
    [
        (utc(2026, 3, 28, 12), time(0), "Europe/Prague", utc(2026, 3, 28, 23)),
        (utc(2026, 3, 28, 23), time(0), "Europe/Prague", utc(2026, 3, 29, 22)),  # a day of 23 hours
        (utc(2026, 10, 24, 22), time(0), "Europe/Prague", utc(2026, 10, 25, 23)),  # a day of 25 hours
        (utc(2026, 3, 29, 0), time(2, 30), "Europe/Prague", utc(2026, 3, 29, 1, 30)),  # skipped: 03:30 there
        (utc(2026, 10, 24, 23), time(2, 30), "Europe/Prague", utc(2026, 10, 25, 0, 30)),  # twice: the first
        (utc(2026, 10, 25, 0, 30), time(2, 30), "Europe/Prague", utc(2026, 10, 26, 1, 30)),
        (utc(2026, 3, 7, 23), time(17), "America/Chicago", utc(2026, 3, 8, 22)),
        (utc(2026, 6, 1), time(0), "UTC", utc(2026, 6, 2)),
        (utc(2026, 6, 1, 18, 29), time(0), "Asia/Kolkata", utc(2026, 6, 1, 18, 30)),
    ],
)
def test_resets_follow_the_zone(after, at, zone, expected):
    assert next_reset(after, at, zone) == expected
    assert last_reset(expected, Reset(at, zone)) == expected
    assert last_reset(after, Reset(at, zone)) <= after < expected


def test_months_end_where_the_month_does():
    assert add_months(utc(2026, 10, 31, 9), 4, "UTC") == utc(2027, 2, 28, 9)
    assert add_months(utc(2026, 12, 15, 9), 1, "UTC") == utc(2027, 1, 15, 9)


def test_exact_money_of_currencies_without_cents():
    state = begin(rules({"kind": "max_loss", "amount": fixed(5)}, currency="JPY"))
    plan = rules({"kind": "max_loss", "amount": fixed(5)}, currency="JPY")
    assert floor_minor(plan.rules[0], state) == state.initial_minor - 5


@pytest.mark.parametrize(("value", "expected"), [("0.5", 100), ("1.5", 98), ("2.5", 98)])
def test_a_floor_is_rounded_half_even_once(value, expected):
    plan = rules({"kind": "max_loss", "amount": percent(value)})
    state = start(plan, initial_minor=100, at=utc(2026, 1, 1))
    assert floor_minor(plan.rules[0], state) == expected
    assert Decimal(value) % 1 == Decimal("0.5")
