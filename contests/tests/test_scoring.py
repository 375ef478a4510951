"""Scores that look back: by the definition, on courses from Hypothesis, and the whole way to the proof."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contests.domain import scoring
from contests.domain.scoring import BILLION, MILLION, Course, score_text, scores
from contests.models import Participant, ScoreState
from contests.selectors.standings import standings_page
from contests.services.closing import contest_end
from contests.services.proof import contest_verify
from contests.tests.factories import OPERATOR, contest, joined
from marketdata.services.ticks import market_step
from trading.tests.factories import place

INITIAL = 10_000_000
LEVELS = st.integers(min_value=INITIAL // 20, max_value=5 * INITIAL)


def ints(*values):
    return np.array(values, dtype=np.int64)


def course_over(levels):
    course = Course.at_start(ints(7), INITIAL)
    for level in levels:
        course = course.after(ints(level))
    return course


def by_hand(kind, levels):
    """The same from the definitions, in floats."""
    path = [INITIAL, *levels]
    gain = path[-1] / INITIAL - 1
    peak, fall = 0, 0.0
    for level in path:
        peak = max(peak, level)
        fall = max(fall, 1 - level / peak)
    if kind == "drawdown":
        return gain - fall
    if gain <= 0:
        return gain
    if kind == "calmar":
        return gain / max(fall, 0.01)
    returns = [now / before - 1 for before, now in pairwise(path)]
    downside = (sum(min(one, 0) ** 2 for one in returns) / len(returns)) ** 0.5
    return max(sum(returns) / len(returns) / max(downside, 0.001), 0)


@given(st.sampled_from(scoring.LOOKING_BACK), st.lists(LEVELS, min_size=1, max_size=30))
def test_scores_are_what_their_definitions_say(kind, levels):
    assume(abs(levels[-1] - INITIAL) > INITIAL // 100_000)
    found = int(scores(kind, course_over(levels), INITIAL)[0]) / MILLION
    # Each day's return is rounded to a millionth, and a small deviation enlarges that.
    assert found == pytest.approx(by_hand(kind, levels), rel=2e-3, abs=2e-3)


@given(st.lists(LEVELS, min_size=1, max_size=20), st.lists(LEVELS, min_size=1, max_size=20))
def test_who_gained_stands_above_who_lost(one, two):
    for kind in ("calmar", "sortino"):
        first, second = (int(scores(kind, course_over(levels), INITIAL)[0]) for levels in (one, two))
        if one[-1] > INITIAL * 1.0001 and two[-1] < INITIAL * 0.9999:
            assert first >= 0 > second


@given(st.lists(LEVELS, min_size=1, max_size=20))
def test_a_course_that_is_stored_is_the_same(levels):
    course = course_over(levels)
    assert Course.unpack(course.pack()).is_same(course)
    assert course.fall[0] <= BILLION


def test_who_joins_later_begins_then_and_who_is_not_marked_stays():
    course = Course.at_start(ints(1, 5), INITIAL).closed({1: INITIAL * 2, 5: INITIAL // 2}, INITIAL)
    later = course.closed({1: INITIAL * 2, 3: INITIAL}, INITIAL)
    assert later.account_id.tolist() == [1, 3, 5]
    assert later.days.tolist() == [2, 1, 1]
    assert later.last.tolist() == [INITIAL * 2, INITIAL, INITIAL // 2]
    assert later.joined_by(ints(3, 9), INITIAL).account_id.tolist() == [3, 9]


@pytest.mark.parametrize(
    ("kind", "score", "text"),
    [("value", 5, ""), ("calmar", 2_345_000, "2.34"), ("calmar", -10_000, "-1.00%"), ("drawdown", 55_500, "5.55%"),
     ("sortino", 0, "0.00")],
    ids=["value", "ratio", "loss", "percent", "zero"],
)  # fmt: skip
def test_scores_in_words(kind, score, text):
    assert score_text(kind, score) == text


UP_DOWN = {
    "AAA": [(100, 100), (140, 140), (80, 80), (150, 150)],
    "BBB": [(100, 100), (104, 104), (108, 108), (112, 112)],
}


def bars(levels):
    return {symbol: [(op, max(op, cl), min(op, cl), cl) for op, cl in rows] for symbol, rows in levels.items()}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["value", "calmar", "sortino", "drawdown"])
def test_the_steady_beats_the_wild_where_the_course_counts(kind):
    view = contest(bars=bars(UP_DOWN), scoring=kind)
    market_step(market_id=view.market_id, ticks=1)
    (wild, who), (steady, other) = joined(view), joined(view)
    place(who, wild, "buy", 800, "AAA")
    place(other, steady, "buy", 800, "BBB")
    market_step(market_id=view.market_id, ticks=40)
    before = [row.account_id for row in standings_page(view.id).rows]
    contest_end(actor=OPERATOR, contest_id=view.id)
    first = wild if kind == "value" else steady
    assert before == [row.account_id for row in standings_page(view.id).rows]
    assert Participant.objects.get(contest_id=view.id, final_rank=1).account_id == first
    found = contest_verify(view.slug)
    assert found.is_equal, found.findings
    assert ScoreState.objects.filter(contest_id=view.id).exists() == (kind != "value")


@pytest.mark.django_db(transaction=True)
def test_a_score_that_was_touched_is_found():
    view = contest(bars=bars(UP_DOWN), scoring="calmar")
    market_step(market_id=view.market_id, ticks=1)
    account, who = joined(view)
    place(who, account, "buy", 100, "BBB")
    market_step(market_id=view.market_id, ticks=40)
    contest_end(actor=OPERATOR, contest_id=view.id)
    assert contest_verify(view.slug).is_equal
    Participant.objects.filter(account_id=account).update(final_score=9_000_000)
    found = contest_verify(view.slug)
    assert not found.checks["scores"]
    assert "score stored 9000000" in found.findings[0]
