"""The examples of the field, with their exact figures."""

from datetime import UTC, datetime, timedelta

import pytest

from trading.domain.rules import floor_minor, record_fill, verify
from trading.tests.rules.make import PRAGUE, begin, cents, fill, fixed, kinds, mark, percent, roll, rules, told


def test_the_reset_itself_breaches():
    """200k, 5% of initial, reference = balance: +4,000 closed, -13,000 floating; fine at 23:59, breached at 00:00."""
    plan = rules({"kind": "daily_loss", "amount": percent(5), "reset": PRAGUE, "warn_at": []})
    rule = plan.rules[0]
    state = begin(plan, 200_000)
    assert floor_minor(rule, state) == cents(190_000)
    minute_before = datetime(2026, 3, 2, 22, 59, tzinfo=UTC)  # 23:59 in Prague
    state, verdicts = mark(plan, state, 204_000, 191_000, at=minute_before)
    assert verdicts == []
    midnight = datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert state.next_reset() == midnight
    state, verdicts = roll(plan, state, 204_000, 191_000, at=midnight)
    assert told(verdicts) == [("fail", "daily_loss_breached")]
    assert verdicts[0].figures["floor_minor"] == cents(194_000)
    assert state.closed_as == "failed"
    assert "191,000.00 USD is below the floor of 194,000.00 USD" in verdicts[0].message
    assert verify(verdicts[0].to_json()).ok


def eod(comparator):
    return rules(
        {
            "kind": "max_loss",
            "trailing": "end_of_day",
            "amount": percent(10),
            "comparator": comparator,
            "reset": PRAGUE,
            "warn_at": [],
        }
    )


def test_end_of_day_trailing_and_below_is_not_at_or_below():
    """10% on 100k: closes 104k then 103k give floors 90k, 94k, 94k; 94,000.00 stands, 93,999.99 fails."""
    plan = eod("below")
    state, floors = begin(plan), []
    floors.append(floor_minor(plan.rules[0], state))
    for close in (104_000, 103_000):
        state, verdicts = roll(plan, state, close)
        assert verdicts == []
        floors.append(floor_minor(plan.rules[0], state))
    assert floors == [cents(90_000), cents(94_000), cents(94_000)]
    at = state.next_reset() - timedelta(hours=1)
    assert kinds(mark(plan, state, 103_000, "94000.00", at=at)[1]) == []
    assert kinds(mark(plan, state, 103_000, "93999.99", at=at)[1]) == ["fail"]
    strict = eod("at_or_below")
    assert kinds(mark(strict, state, 103_000, "94000.01", at=at)[1]) == []
    assert kinds(mark(strict, state, 103_000, "94000.00", at=at)[1]) == ["fail"]


def test_a_floor_follows_unrealised_peaks_only_when_the_plan_says_intraday():
    base = {"kind": "max_loss", "amount": fixed(3000), "warn_at": []}
    floors = {}
    for trailing in ("static", "end_of_day", "intraday"):
        plan = rules(base | {"trailing": trailing})
        state, _ = mark(plan, begin(plan, 50_000), 50_000, 52_000)
        floors[trailing] = floor_minor(plan.rules[0], state)
    assert floors == {"static": cents(47_000), "end_of_day": cents(47_000), "intraday": cents(49_000)}


def test_an_intraday_trail_that_locks_at_initial_plus_100():
    plan = rules(
        {
            "kind": "max_loss",
            "amount": fixed(2500),
            "trailing": "intraday",
            "lock": "initial",
            "lock_offset": "100",
            "comparator": "at_or_below",
            "warn_at": [],
        }
    )
    state = begin(plan, 50_000)
    for equity, floor in ((51_000, 48_500), (50_500, 48_500), (52_600, 50_100), (60_000, 50_100)):
        state, verdicts = mark(plan, state, 50_000, equity)
        assert (floor_minor(plan.rules[0], state), verdicts) == (cents(floor), [])
    assert kinds(mark(plan, state, 50_000, "50100.01")[1]) == []
    assert kinds(mark(plan, state, 50_000, "50100.00")[1]) == ["fail"]


def test_a_hit_or_exceed_soft_loss_locks_until_the_reset_and_then_lets_go():
    chicago = {"time": "17:00", "zone": "America/Chicago"}
    plan = rules(
        {
            "kind": "daily_loss",
            "amount": fixed(1000),
            "comparator": "at_or_below",
            "severity": "soft",
            "reset": chicago,
            "warn_at": [],
        }
    )
    state, verdicts = mark(plan, begin(plan, 50_000), 49_000)
    assert told(verdicts) == [("soft", "daily_loss_breached")]
    assert state.soft_lock_until == state.next_reset() == datetime(2026, 3, 2, 23, tzinfo=UTC)
    assert mark(plan, state, 48_900)[1] == []  # told once
    state, verdicts = roll(plan, state, 49_000)
    assert verdicts == []
    assert state.soft_lock_until is None
    assert floor_minor(plan.rules[0], state) == cents(48_000)


@pytest.mark.parametrize(("used", "level"), [(5_000, 50), (8_000, 80), (9_000, 90), (9_999, 90)])
def test_warnings_come_once_a_day_and_only_the_highest_new_one(used, level):
    plan = rules({"kind": "daily_loss", "amount": percent(10)})
    state, verdicts = mark(plan, begin(plan), 100_000 - used)
    assert told(verdicts) == [("warn", "daily_loss_warning")]
    assert verdicts[0].figures["level"] == level
    assert mark(plan, state, 100_000 - used)[1] == []
    next_day, verdicts = roll(plan, state, 100_000 - used)
    assert verdicts == []  # a new day, a new reference
    again = mark(plan, next_day, 90_000 - used, at=next_day.days[0].opened_at)[1]
    assert [(verdict.kind, verdict.figures["level"]) for verdict in again] == [("warn", 90)]


def test_a_cent_above_the_level_is_not_told():
    plan = rules({"kind": "daily_loss", "amount": percent(10), "warn_at": [50]})
    assert mark(plan, begin(plan), "95000.01")[1] == []
    assert kinds(mark(plan, begin(plan), "95000.00")[1]) == ["warn"]


def test_a_mark_after_a_reset_that_was_not_rolled_is_an_error():
    plan = rules({"kind": "daily_loss", "amount": percent(5)})
    state = begin(plan)
    with pytest.raises(ValueError, match="must be rolled"):
        mark(plan, state, 100_000, at=state.next_reset())
    with pytest.raises(ValueError, match="must be rolled"):
        record_fill(plan, state, fill(at=state.next_reset()))


def test_a_failed_account_is_judged_no_more():
    plan = rules({"kind": "max_loss", "amount": percent(10)})
    state, verdicts = mark(plan, begin(plan), 80_000)
    assert kinds(verdicts) == ["fail"]
    assert mark(plan, state, 70_000) == (state, [])
