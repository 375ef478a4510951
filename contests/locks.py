"""Every row lock of the contests app. A contest is locked before its market, its group and their accounts."""

from __future__ import annotations

from contests.models import Contest
from core.errors import NotFound


def contest_lock(contest_id: int) -> Contest:
    """The contest, locked until the transaction ends. Raises NotFound."""
    contest = Contest.objects.select_for_update(no_key=True, of=("self",)).filter(pk=contest_id).first()
    if contest is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    return contest


def contest_try_lock(contest_id: int) -> Contest | None:
    """The contest, locked; None when someone else holds it just now: they are doing the work."""
    rows = Contest.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    return rows.filter(pk=contest_id).first()
