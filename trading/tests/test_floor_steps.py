"""The course of floors: written down as they move, and drawn under a curve as the rules would have had it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import DatabaseError, transaction
from hypothesis import given
from hypothesis import strategies as st

from core.errors import NotFound
from marketdata.tests.factories import advance
from trading.domain import rules
from trading.domain.course import Level, Step, drawn, levels_of, loss_rules
from trading.models import AccountRules, EquityPoint, FloorStep
from trading.pages import curve_points
from trading.selectors.equity import equity_curve
from trading.selectors.floors import floor_courses
from trading.selectors.rules import rules_of
from trading.tests import factories as make
from trading.tests.ruled import document, played, ruled, share

START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
NEW_YORK = {"time": "17:00", "zone": "America/New_York"}
DAILY = {"kind": "daily_loss", "amount": share(5), "reset": NEW_YORK}
CLOSES = {"kind": "max_loss", "amount": share(10), "trailing": "end_of_day", "lock": "initial", "reset": NEW_YORK}
MARKS = {"kind": "max_loss", "amount": share(6), "trailing": "intraday", "lock": "initial"}


def steps_of(account_id):
    rows = FloorStep.objects.filter(account_id=account_id).order_by("id")
    return list(rows.values_list("rule_key", "reference_minor", "floor_minor"))


@pytest.mark.django_db
def test_floors_are_written_down_when_they_move_and_drawn_as_they_lay():
    bars = [(100, 100, 100, 100), (100, 104, 100, 104), (104, 104, 102, 102), (102, 110, 102, 110)]
    market = played({"AAA": [*bars, *[(110, 110, 110, 110)] * 3]})
    account_id, who = ruled(market, DAILY, CLOSES)
    assert steps_of(account_id) == [("daily_loss", 200_000_00, 190_000_00), ("max_loss", 200_000_00, 180_000_00)]
    make.place(who, account_id, "buy", 1000)
    advance(market.id, 8)
    days = [row for row in steps_of(account_id) if row[0] == "daily_loss"]
    # The balance at the close: the shares at cost, so that the day's reference and the trail stand still.
    assert days == [("daily_loss", 200_000_00, 190_000_00)]
    make.place(who, account_id, "sell", 1000)
    advance(market.id, 6)
    daily = [row for row in steps_of(account_id) if row[0] == "daily_loss"]
    most = [row for row in steps_of(account_id) if row[0] == "max_loss"]
    balance = rules_of(account_id, who).balance_minor
    assert balance > 200_000_00
    assert daily[-1] == ("daily_loss", balance, balance - 10_000_00)
    assert most[-1] == ("max_loss", balance, balance - 20_000_00)
    assert len(daily) == len(most) == 2

    curve = curve_points(account_id, 20)
    found = {item.rule_key: item for item in floor_courses(account_id, [tuple(point) for point in curve])}
    assert (found["max_loss"].trails, found["daily_loss"].trails) == (True, False)
    for key, last in (("daily_loss", daily[-1]), ("max_loss", most[-1])):
        lay = [level.floor_minor for level in found[key].levels]
        assert len(lay) == len(curve)
        assert (lay[0], lay[-1]) == (next(row[2] for row in steps_of(account_id) if row[0] == key), last[2])
        assert lay == sorted(lay)


@pytest.mark.django_db
def test_what_was_written_down_stays():
    account_id, _ = ruled(played({"AAA": [(100, 100, 100, 100)] * 2}), DAILY)
    rows = FloorStep.objects.filter(account_id=account_id)
    for change in (lambda: rows.update(floor_minor=1), rows.delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert len(steps_of(account_id)) == 1


@pytest.mark.django_db
def test_an_account_without_rules_or_from_before_has_no_course():
    market = played({"AAA": [(100, 100, 100, 100)] * 2})
    free, who = make.account(market)
    assert floor_courses(free, [(0, 1)]) == []
    with pytest.raises(NotFound):
        rules_of(free, who)
    account_id, _ = ruled(market, DAILY)
    began = AccountRules.objects.get(pk=account_id).started_at
    early = int((began - timedelta(days=1)).timestamp())
    assert floor_courses(account_id, [(early, 1)])[0].levels == (None,)


@pytest.mark.django_db
def test_a_long_curve_is_thinned_evenly_with_both_ends():
    account_id, _ = make.account(played({"AAA": [(100, 100, 100, 100)] * 2}))
    EquityPoint.objects.bulk_create(
        EquityPoint(
            account_id=account_id, tick=10 + at, equity_minor=at, cash_minor=0, market_at=START + timedelta(minutes=at)
        )
        for at in range(1, 3001)
    )
    whole = equity_curve(account_id, points=5000)
    thin = equity_curve(account_id, points=101)
    assert len(thin) == 101
    assert (thin[0], thin[-1]) == (whole[0], whole[-1])
    assert set(thin) <= set(whole)
    gaps = [later[0] - sooner[0] for sooner, later in pairwise(thin[1:])]
    assert max(gaps) - min(gaps) <= timedelta(minutes=1)
    assert equity_curve(account_id, points=1)[-1] == whole[-1]
    assert equity_curve(0) == []


@given(st.lists(st.integers(188_001_00, 230_000_00), min_size=1, max_size=30), st.sets(st.integers(0, 29), max_size=5))
def test_between_two_steps_a_trail_is_what_the_marks_make_of_it(equities, looks):
    """Whenever the steps are written: the line drawn at a mark is the floor that the engine tests it against."""
    rule_set = rules.RuleSet.from_json(document(MARKS))
    (rule,) = loss_rules(rule_set)
    state = rules.start(rule_set, initial_minor=200_000_00, at=START)
    steps, levels = [Step(rule.key, START, levels_of(rule_set, state)[rule.key])], []
    curve = []
    for place, equity in enumerate(equities, start=1):
        at = START + timedelta(minutes=place)
        state, _ = rules.evaluate_mark(rule_set, state, rules.Observation(at, 200_000_00, equity))
        if state.closed_by:
            break
        curve.append((int(at.timestamp()), equity))
        level = levels_of(rule_set, state)[rule.key]
        levels.append(level)
        if place in looks and level != steps[-1].level:
            steps.append(Step(rule.key, at, level))
    assert drawn(rule, state, START, steps, curve) == levels
    assert all(isinstance(level, Level) for level in levels)
