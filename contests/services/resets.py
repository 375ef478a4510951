"""Beginning anew: a participant's account is closed and another opened with the starting balance, so many times."""

from __future__ import annotations

from django.db import transaction

from contests.domain.constraints import Constraints
from contests.domain.states import ContestStatus
from contests.locks import contest_lock
from contests.models import Participant
from contests.services.joins import place_account_open_in_tx
from contests.services.moves import tell
from core.errors import Conflict, NotFound
from core.services import audit
from trading.domain.types import Actor
from trading.services.changes import orders_cancel
from trading.services.locking import account_close_in_tx


def contest_reset(*, actor: Actor, contest_id: int) -> int:
    """Begin anew in a running contest; the new account's id. What was traded stays on record in the old one.

    Raises NotFound `not_in_contest`; Conflict `contest_not_running`, `no_resets_left`.
    """
    place = _place(contest_id, actor)
    old = place.account_id
    orders_cancel(actor=actor, account_id=old)
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        place = _place(contest_id, actor)
        if place.account_id != old:
            return place.account_id
        allowed = Constraints.from_json(contest.constraints).resets or 0
        if contest.status != ContestStatus.ACTIVE or contest.closing_at is not None:
            raise Conflict("contest_not_running", "One begins anew while the contest runs.", {"status": contest.status})
        if place.resets >= allowed:
            raise Conflict("no_resets_left", f"This contest allows {allowed} resets.", {"resets": allowed})
        account_close_in_tx(account_id=old, reason="Began anew.", actor=actor)
        place.account_id = place_account_open_in_tx(contest, place.user_id)
        place.resets += 1
        place.save(update_fields=["account", "resets"])
        contest.people_version += 1
        contest.save(update_fields=["people_version"])
        audit.record(
            actor=actor, action="contest.reset", subject_type="contest", subject_id=contest.pk,
            before={"account": old}, after={"account": place.account_id, "resets": place.resets},
        )  # fmt: skip
        tell(contest, "reset", user_id=place.user_id, account_id=place.account_id)
    # An order that came in between rests in a closed account: it cannot fill, and is ended.
    orders_cancel(actor=Actor(user_id=None, is_staff=True, label="system"), account_id=old)
    return place.account_id


def _place(contest_id: int, actor: Actor) -> Participant:
    rows = Participant.objects.filter(contest_id=contest_id, user_id=actor.user_id or 0)
    place = rows.filter(status=Participant.Status.ACTIVE).first()
    if place is None:
        raise NotFound("not_in_contest", "You are not in this contest.")
    return place
