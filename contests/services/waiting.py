"""The queue of a full contest: places that get free go to who has waited longest.

Where entering is free they are in at once; where it costs a fee, or teams enter, the place is kept for them for a
while. Nobody who comes later gets past who waits (contests.services.joins.places_left_in_tx).
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction

from accounts.models import User
from accounts.selectors.standing import standing_require
from accounts.services.notices import notify_in_tx
from contests.domain.admission import Admission
from contests.domain.stakes import Stakes
from contests.domain.states import JOINABLE
from contests.locks import contest_lock, contest_try_lock
from contests.models import Contest, Participant, Waiting
from contests.selectors.places import places_free, waiting_of
from contests.services.joins import admission_require, contest_join_in_tx, open_require, team_free_require
from contests.services.moves import now, tell
from core.errors import Conflict, DomainError, Forbidden, NotFound
from core.services import audit
from trading.domain.types import Actor

logger = logging.getLogger(__name__)

OFFER = timedelta(hours=12)
MOST_WAITING = 10_000
BATCH = 200
_OPEN = (Waiting.Status.WAITING, Waiting.Status.OFFERED)


def waiting_join(*, actor: Actor, contest_id: int, invite_code: str = "") -> int:
    """Wait for a place in a full contest; the position in the queue, from 1. Waiting twice changes nothing.

    Raises as joining does, and Conflict `place_free` when there is one, `already_joined`, `queue_full`.
    """
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        user = User.objects.filter(pk=actor.user_id or 0).first()
        if user is None or user.kind != User.Kind.PERSON:
            raise Forbidden("not_a_person", "Only a person waits for a place.")
        standing_require(user)
        open_require(contest, invite_code)
        admission_require(contest, user)
        _place_none_require(contest, user.pk)
        if not contest.waiting.filter(user_id=user.pk, status__in=_OPEN).exists():
            if places_free(contest) > contest.waiting.filter(status=Waiting.Status.WAITING).count():
                raise Conflict("place_free", "There is a place: join now.", {"url": f"/contests/{contest.slug}"})
            if contest.waiting.filter(status__in=_OPEN).count() >= MOST_WAITING:
                raise Conflict("queue_full", "So many wait already that there is no hope of a place.")
            Waiting.objects.create(contest=contest, user_id=user.pk)
            audit.record(actor=actor, action="contest.wait", subject_type="contest", subject_id=contest.pk)
            tell(contest, "waited_for", user_id=user.pk)
        found = waiting_of(contest.pk, user.pk)
        return 0 if found is None else found.position


def _place_none_require(contest: Contest, user_id: int) -> None:
    place = Participant.objects.filter(contest=contest, user_id=user_id).first()
    if place is not None and place.status == Participant.Status.ACTIVE:
        raise Conflict("already_joined", "You are in this contest already.", {"url": f"/contests/{contest.slug}"})
    if place is not None and place.status != Participant.Status.WITHDRAWN:
        raise Forbidden("taken_out", "You were taken out of this contest.", {"status": place.status})
    team_free_require(contest, user_id)


def waiting_leave(*, actor: Actor, contest_id: int) -> None:
    """Wait no more. Raises NotFound `not_waiting`."""
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        rows = contest.waiting.filter(user_id=actor.user_id or 0, status__in=_OPEN)
        if not rows.update(status=Waiting.Status.LEFT):
            raise NotFound("not_waiting", "You do not wait for a place in this contest.")
        audit.record(actor=actor, action="contest.wait_end", subject_type="contest", subject_id=contest.pk)
        tell(contest, "waited_no_more", user_id=actor.user_id)


def waiting_advance_due() -> int:
    """Give free places to who waits, in every contest with a queue; how many got one or an offer."""
    ids = Waiting.objects.filter(status__in=_OPEN).order_by("contest_id").values_list("contest_id", flat=True)
    return sum(_advance(contest_id) for contest_id in list(ids.distinct()[:BATCH]))


def _advance(contest_id: int) -> int:
    with transaction.atomic(durable=True):
        contest = contest_try_lock(contest_id)
        if contest is None:
            return 0
        late = Admission.from_json(contest.admission).late_entry
        if contest.status not in JOINABLE or contest.closing_at is not None or not (
            late or contest.status == "scheduled"
        ):  # fmt: skip
            return _close_in_tx(contest)
        lapsed = contest.waiting.filter(status=Waiting.Status.OFFERED, offered_until__lte=now())
        for row in lapsed.exclude(user_id__in=contest.entries.filter(status="held").values("user_id")):
            _end_in_tx(row, Waiting.Status.EXPIRED, contest, "the offer has lapsed", "The place went to the next.")
        first = contest.waiting.filter(status=Waiting.Status.WAITING).order_by("pk")
        return sum(_give_in_tx(contest, row) for row in list(first[: max(min(places_free(contest), BATCH), 0)]))


def _close_in_tx(contest: Contest) -> int:
    for row in contest.waiting.filter(status__in=_OPEN).order_by("pk")[:BATCH]:
        _end_in_tx(row, Waiting.Status.EXPIRED, contest, "no place got free", "It takes nobody any more.")
    return 0


def _give_in_tx(contest: Contest, row: Waiting) -> int:
    """Keep a place for who waits, and where nothing else is asked of them let them in."""
    row.status, row.offered_until = Waiting.Status.OFFERED, now() + OFFER
    row.save(update_fields=["status", "offered_until"])
    if Stakes.from_json(contest.stakes).fee_minor or Admission.from_json(contest.admission).team_size > 1:
        message = f"Enter until {row.offered_until:%d %b %Y %H:%M} UTC, then it goes to the next."
        _notify_in_tx(row, contest, "a place is kept for you", message)
        return 1
    try:
        with transaction.atomic():
            contest_join_in_tx(actor=Actor(user_id=row.user_id), contest_id=contest.pk, invite_code=contest.invite_code)
    except DomainError as error:
        _end_in_tx(row, Waiting.Status.EXPIRED, contest, "you could not be let in", error.message)
        return 0
    _notify_in_tx(row, contest, "you are in", "A place got free, and it is yours.")
    return 1


def _end_in_tx(row: Waiting, status: str, contest: Contest, what: str, message: str) -> None:
    row.status = status
    row.save(update_fields=["status"])
    _notify_in_tx(row, contest, what, message)


def _notify_in_tx(row: Waiting, contest: Contest, what: str, message: str) -> None:
    notify_in_tx(
        user_id=row.user_id,
        kind="contest_place",
        dedupe=f"waiting:{row.pk}:{row.status}",
        params={"contest": contest.name, "what": what, "message": message},
        url=f"/contests/{contest.slug}",
    )
