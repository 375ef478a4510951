"""Before a contest is there, and while it is not yet running: a dry run of a definition, and what may still change.

What decides the result is fixed with the definition's hash when a contest is made. Words, sponsors, places and the
window may change until it starts, the words and the sponsors until it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from contests.domain.definition import MAX_CAPACITY, ContestSpec, sponsors_check, window_check
from contests.domain.states import ContestStatus
from contests.locks import contest_lock
from contests.models import Contest, Entry, Participant
from contests.selectors import ContestView, view_of
from contests.services.contests import contest_create_in_tx, policy_check
from contests.services.moves import status_push, tell
from contests.services.pools import pool_fund_in_tx
from core.errors import Conflict, Invalid
from core.services import audit
from marketdata import selectors as market_selectors
from trading.domain.types import Actor

ALWAYS = frozenset({"description", "sponsors"})
BEFORE_START = ALWAYS | {"name", "capacity", "starts_at", "ends_at"}


class _Undone(Exception):
    """Ends the transaction of a dry run."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a definition would make. `symbols`: those that may be traded; times are the market's."""

    contest: ContestView
    symbols: tuple[str, ...]
    days: int
    ticks: int
    minutes: int | None
    first_at: datetime | None
    last_at: datetime | None


def contest_preview(*, actor: Actor, spec: ContestSpec) -> Preview:
    """A dry run: everything that creating and scheduling would check, and nothing stored. Raises as they do."""
    found: Preview | None = None
    try:
        with transaction.atomic(durable=True):
            contest = contest_create_in_tx(actor=actor, spec=spec)
            policy_check(contest)
            pool_fund_in_tx(contest)
            found = _preview(contest)
            raise _Undone
    except _Undone:
        market_selectors.cache_clear()
    assert found is not None
    return found


def _preview(contest: Contest) -> Preview:
    market = market_selectors.market_view(contest.market_id)
    listed = [listing.symbol for listing in market_selectors.listings(contest.market_id)]
    symbols = tuple(symbol for symbol in listed if not contest.allowed_symbols or symbol in contest.allowed_symbols)
    first = last = minutes = None
    if market.ticks_total:
        line = market_selectors.timeline(contest.market_id)
        first, last = line.at(0), line.at(market.ticks_total - 1)
        minutes = round(float(market.seconds_per_tick) * market.ticks_total / 60)
    return Preview(view_of(contest), symbols, market.days_total or 0, market.ticks_total or 0, minutes, first, last)


def contest_edit(*, actor: Actor, contest_id: int, changes: Mapping[str, Any]) -> ContestView:
    """Change what may still change of a contest; what is left out stays.

    Raises Invalid `definition_fixed` for what its hash covers, `invalid_contest` for what makes no sense; Conflict
    `contest_started`, `contest_over`, `below_taken`.
    """
    fixed = sorted(set(changes) - BEFORE_START)
    if fixed:
        message = f"{fixed[0]} is part of the definition, which everyone joined on. Cancel it and make another."
        raise Invalid("definition_fixed", message, {"field": fixed[0]})
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        _open_require(contest, changes)
        before = {name: _plain(getattr(contest, name)) for name in changes}
        for name, value in changes.items():
            setattr(contest, name, _clean(contest, name, value))
        is_replay = contest.definition["market"].get("kind", "replay") == "replay"
        window_check(contest.starts_at, contest.ends_at, is_replay=is_replay)
        after = {name: _plain(getattr(contest, name)) for name in changes}
        if after != before:
            contest.save(update_fields=list(changes))
            audit.record(
                actor=actor, action="contest.edit", subject_type="contest", subject_id=contest.pk,
                before=before, after=after,
            )  # fmt: skip
            tell(contest, "edited", fields=sorted(changes))
            status_push(contest)
        return view_of(contest)


def _open_require(contest: Contest, changes: Mapping[str, Any]) -> None:
    if contest.status not in (ContestStatus.DRAFT, ContestStatus.SCHEDULED, ContestStatus.ACTIVE, ContestStatus.PAUSED):
        raise Conflict("contest_over", f"A contest that is {contest.status} is changed no more.")
    late = sorted(set(changes) - ALWAYS)
    if late and contest.status not in (ContestStatus.DRAFT, ContestStatus.SCHEDULED):
        message = f"{late[0]} may change until the contest starts; this one has."
        raise Conflict("contest_started", message, {"field": late[0], "status": contest.status})


def _clean(contest: Contest, name: str, value: Any) -> Any:
    if name in ("name", "description"):
        text = str(value).strip()
        if name == "name" and not 0 < len(text) <= 120:
            raise _bad(name, "Give it a name of at most 120 characters.")
        if len(text) > 4000:
            raise _bad(name, "At most 4,000 characters.")
        return text
    if name == "sponsors":
        sponsors_check(value)
        return [dict(item) for item in value]
    if name == "capacity":
        return _capacity(contest, value)
    if value is not None and not isinstance(value, datetime):
        raise _bad(name, "This is a moment with its zone.")
    return value


def _capacity(contest: Contest, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_CAPACITY:
        raise _bad("capacity", f"Capacity must be 1 to {MAX_CAPACITY:,}.")
    taken = contest.participants.filter(status=Participant.Status.ACTIVE).count()
    taken += contest.entries.filter(status=Entry.Status.HELD).count()
    if value < max(taken, len(contest.agents)):
        raise Conflict("below_taken", f"{taken} places are taken already.", {"field": "capacity", "taken": taken})
    return value


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _bad(field: str, message: str) -> Invalid:
    return Invalid("invalid_contest", message, {"field": field})
