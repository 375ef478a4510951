"""Every row lock of the contests app. A contest is locked before its market, its group and their accounts."""

from __future__ import annotations

from contests.models import Contest, ContestTemplate
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


def template_lock(slug: str) -> ContestTemplate:
    """The template, locked until the transaction ends; before any contest. Raises NotFound."""
    template = ContestTemplate.objects.select_for_update(no_key=True, of=("self",)).filter(slug=slug).first()
    if template is None:
        raise NotFound("template_not_found", "There is no such template.", {"slug": slug[:60]})
    return template


def template_try_lock(template_id: int) -> ContestTemplate | None:
    """The template, locked; None when someone else holds it just now: they are doing the work."""
    rows = ContestTemplate.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    return rows.filter(pk=template_id).first()
