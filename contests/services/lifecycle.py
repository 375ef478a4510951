"""What happens by itself: contests start and end on time, an arena starts over. Safe with any number of workers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q

from contests.domain.states import CLOSED, LIVE, ContestStatus
from contests.locks import contest_lock, contest_try_lock
from contests.models import Contest
from contests.selectors import ContestView, featured
from contests.services.closing import closing_begin_in_tx, contest_end
from contests.services.contests import contest_create_in_tx, contest_start, contest_start_in_tx, spec_of
from contests.services.moves import SYSTEM, move_in_tx, now
from core.errors import DomainError, NotFound
from core.money import Money
from trading.domain.types import Actor

logger = logging.getLogger(__name__)

# Between two runs of an arena: time to look at the result, and to join the next.
INTERMISSION = timedelta(seconds=45)
# A second "start" this soon after the first is a double click.
DOUBLE_CLICK = timedelta(seconds=10)


def lifecycle_run(at: datetime | None = None) -> dict[str, list[int]]:
    """Start what is due and end what is over; returns the ids of what was moved."""
    at = at or now()
    done: dict[str, list[int]] = {"started": [], "ended": []}
    due = Contest.objects.filter(status=ContestStatus.SCHEDULED, starts_at__lte=at)
    for contest_id in list(due.order_by("starts_at", "id").values_list("id", flat=True)):
        if _attempt(_start_due, contest_id, at):
            done["started"].append(contest_id)
    live = Contest.objects.filter(status__in=[str(status) for status in LIVE])
    over = live.filter(Q(ends_at__lte=at) | Q(closing_at__isnull=False) | Q(market__status="ended"))
    for contest_id in list(over.order_by("id").values_list("id", flat=True)):
        if _attempt(_end_due, contest_id):
            done["ended"].append(contest_id)
    return done


def _attempt(step: Callable[..., bool], *arguments: Any) -> bool:
    try:
        return step(*arguments)
    except DomainError:
        logger.exception("contest %s could not be moved on", arguments[0])
        return False


def _start_due(contest_id: int, at: datetime) -> bool:
    with transaction.atomic(durable=True):
        contest = contest_try_lock(contest_id)
        if contest is None or contest.status != ContestStatus.SCHEDULED:
            return False
        if contest.starts_at is None or contest.starts_at > at:
            return False
        contest_start_in_tx(contest, actor=SYSTEM, reason="its time has come")
    return True


def _end_due(contest_id: int) -> bool:
    return contest_end(contest_id=contest_id, reason="its time is over", wait=False) is not None


def market_ended_in_tx(market_id: int) -> None:
    """The market's slice is over: its contests close. The lifecycle task finishes what begins here."""
    ids = Contest.objects.filter(market_id=market_id, status__in=[str(status) for status in LIVE])
    for contest_id in list(ids.order_by("id").values_list("id", flat=True)):
        contest = contest_lock(contest_id)
        if contest.status in LIVE:
            closing_begin_in_tx(contest, reason="the market's slice is over")


def contest_renew_in_tx(contest: Contest, *, starts_at: datetime | None, **changes: Any) -> Contest:
    """Schedule the next run of a series: the same slice with the market's seed one higher, and masked.

    The slice has been seen, so its names, dates and price levels are hidden and the way between a day's prints is drawn
    anew. A contest that names its symbols cannot hide them. On a live market the next run is as long as the last.
    """
    newest = Contest.objects.filter(series=contest.series).aggregate(n=Max("run_number"))["n"]
    spec = spec_of(contest)
    market: dict[str, Any] = {**spec.market, "seed": int(spec.market.get("seed", 0)) + 1}
    ends_at = None
    if spec.is_replay:
        market["mask"] = not spec.allowed_symbols
    elif contest.ends_at is not None and contest.starts_at is not None:
        ends_at = (starts_at or now()) + (contest.ends_at - contest.starts_at)
    spec = replace(spec, run_number=newest + 1, market=market, starts_at=starts_at, ends_at=ends_at, **changes)
    renewed = contest_create_in_tx(actor=SYSTEM, spec=spec)
    move_in_tx(renewed, ContestStatus.SCHEDULED, actor=SYSTEM, reason=f"next run after {contest.slug}")
    return renewed


def renew_after_in_tx(contest_id: int) -> None:
    """After a run of an arena that renews itself: schedule the next one, once."""
    contest = contest_lock(contest_id)
    later = Contest.objects.filter(series=contest.series, run_number__gt=contest.run_number)
    if contest.auto_renew and not later.exists():
        contest_renew_in_tx(contest, starts_at=now() + INTERMISSION)


def arena_start(*, actor: Actor) -> ContestView:
    """Start the featured arena afresh: a new run with new accounts at the default balance, agents seated.

    A run that is scheduled is started; one that runs is ended first, its ranks kept. A run that has just been started
    is answered as it is.
    """
    current = _featured()
    if current.status == ContestStatus.SCHEDULED:
        return contest_start(actor=actor, contest_id=current.id, reason="started by an operator")
    recent = current.started_at is not None and now() - current.started_at < DOUBLE_CLICK
    if current.status == ContestStatus.ACTIVE and recent:
        return current
    with transaction.atomic(durable=True):
        contest = contest_lock(current.id)
        later = Contest.objects.filter(series=contest.series, run_number__gt=contest.run_number)
        fresh = later.exclude(status__in=[str(status) for status in CLOSED]).order_by("run_number").first()
        if fresh is None:
            balance = Money.of(settings.DEFAULT_BALANCE, contest.currency)
            fresh = contest_renew_in_tx(contest, starts_at=None, initial_balance=balance)
    if current.is_live:
        contest_end(actor=actor, contest_id=current.id, reason="a new run was started")
    return contest_start(actor=actor, contest_id=fresh.pk, reason="started by an operator")


def arena_current() -> ContestView:
    """The featured arena's current run. Raises NotFound."""
    return _featured()


def _featured() -> ContestView:
    current = featured()
    if current is None:
        raise NotFound("no_arena", "There is no featured contest. An operator can make one.")
    return current
