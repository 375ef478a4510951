"""What scores that look back know of the days before: the course of everyone's equity, as it was last stored."""

from __future__ import annotations

import numpy as np

from contests.domain.scoring import LOOKING_BACK, Course, scores
from contests.domain.standings import Ints
from contests.models import Contest, ScoreState

MOST_KEPT = 16
# The course that a process has read last of a contest, with the id of its row: rows never change.
_courses: dict[int, tuple[int, Course]] = {}


def course_before(contest: Contest, day_index: int | None) -> Course | None:
    """The course up to the last recorded close before a day (None: up to the last of all); None without any."""
    rows = ScoreState.objects.filter(contest=contest)
    if day_index is not None:
        rows = rows.filter(day_index__lt=day_index)
    row_id = rows.order_by("-day_index").values_list("pk", flat=True).first()
    if row_id is None:
        return None
    kept = _courses.get(contest.pk)
    if kept is None or kept[0] != row_id:
        packed = ScoreState.objects.values_list("columns", flat=True).get(pk=row_id)
        kept = (row_id, Course.unpack(bytes(packed)))
        while len(_courses) >= MOST_KEPT:
            _courses.pop(next(iter(_courses)))
        _courses[contest.pk] = kept
    return kept[1]


def courses_forget() -> None:
    """Empty what the process keeps (tests, where ids come back after a rollback)."""
    _courses.clear()


def course_none(contest: Contest) -> Course:
    """The course of nobody: before the first day."""
    return Course.at_start(np.array([], dtype=np.int64), contest.initial_balance_minor)


def scores_of(contest: Contest, account_ids: Ints, equity: Ints, day_index: int | None) -> Ints | None:
    """What ranks these accounts (ascending) at these equities on a market day; None where it is the value."""
    if contest.scoring not in LOOKING_BACK:
        return None
    initial = contest.initial_balance_minor
    before = course_before(contest, day_index) or course_none(contest)
    return scores(contest.scoring, before.joined_by(account_ids, initial).after(equity), initial)
