"""What moderators decide about participants, and the appeals against it. A sanction is never changed, only answered.

Everything happens under the contest's lock. Once a contest has ended its ranks are frozen anew in the same transaction;
once its prizes are out only a warning is left.
"""

from __future__ import annotations

from django.db import transaction

from accounts.services.notices import notify_in_tx
from contests.domain.fairplay_words import IN_FORCE, SANCTION_TITLES
from contests.domain.states import ContestStatus
from contests.locks import contest_lock
from contests.models import Appeal, Contest, Finding, Participant, Sanction
from contests.selectors.access import takes_part
from contests.services.closing import refreeze_in_tx
from contests.services.moves import now, tell
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.services import audit
from core.throttling import limit
from trading.domain.types import Actor
from trading.models import Account
from trading.services.locking import account_lock_in_tx, account_unlock_in_tx

LEAST_REASON, MOST_REASON, MOST_BODY = 10, 500, 2_000
LOCKED_FOR = "Disqualified: "
_Kind = Sanction.Kind
_Place = Participant.Status
# kind -> (where the participant must stand, where they stand afterwards)
_MOVES: dict[str, tuple[frozenset[str], str]] = {
    _Kind.EXCLUDE: (frozenset({_Place.ACTIVE}), _Place.EXCLUDED),
    _Kind.DISQUALIFY: (frozenset({_Place.ACTIVE, _Place.EXCLUDED}), _Place.DISQUALIFIED),
    _Kind.REINSTATE: (frozenset({_Place.EXCLUDED, _Place.DISQUALIFIED}), _Place.ACTIVE),
}


def sanction_decide(*, actor: Actor, participant_id: int, kind: str, reason: str) -> int:
    """Warn, exclude, disqualify or reinstate a participant; the sanction's id.

    Raises Forbidden `not_moderator`, `not_yourself`; NotFound; Invalid `reason_needed`, `unknown_sanction`; Conflict
    `contest_settled`, `contest_cancelled`, `sanction_state`, `not_a_person`.
    """
    moderator_require(actor)
    contest_id = Participant.objects.filter(pk=participant_id).values_list("contest_id", flat=True).first()
    if contest_id is None:
        raise NotFound("participant_not_found", "There is no such participant.")
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        place = Participant.objects.select_for_update(no_key=True, of=("self",)).get(pk=participant_id)
        return sanction_in_tx(contest, place, actor=actor, kind=kind, reason=reason).pk


def moderator_require(actor: Actor) -> None:
    """Raise Forbidden `not_moderator` unless a moderator or an administrator acts."""
    if not actor.is_staff or actor.user_id is None:
        raise Forbidden("not_moderator", "Only a moderator may do this.")


def _outsider_require(contest: Contest, place: Participant, actor: Actor) -> None:
    """Raise Forbidden unless the moderator has no part in what is decided: `not_yourself`, `takes_part`."""
    if place.user_id == actor.user_id:
        raise Forbidden("not_yourself", "This is about you. Another moderator decides it.")
    if takes_part(contest.pk, actor.user_id):
        raise Forbidden("takes_part", "You take part in this contest yourself. Another moderator decides it.")


def reason_require(text: str, field: str = "reason") -> str:
    """The reason as it is kept. Raises Invalid `reason_needed`, `reason_too_long`."""
    text = text.strip()
    if len(text) < LEAST_REASON:
        raise Invalid("reason_needed", f"Give a reason of at least {LEAST_REASON} characters.", {"field": field})
    if len(text) > MOST_REASON:
        raise Invalid("reason_too_long", f"A reason has at most {MOST_REASON} characters.", {"field": field})
    return text


def sanction_in_tx(
    contest: Contest, place: Participant, *, actor: Actor, kind: str, reason: str, finding: Finding | None = None
) -> Sanction:
    """`sanction_decide` on a locked contest and participant, in the caller's transaction."""
    reason = reason_require(reason)
    if kind not in _Kind.values:
        raise Invalid("unknown_sanction", "There is no such sanction.", {"field": "kind"})
    _outsider_require(contest, place, actor)
    if place.kind != "person":
        raise Conflict("not_a_person", "An agent of the house is not sanctioned: take it out of the contest instead.")
    before = place.status
    if kind != _Kind.WARN:
        _move_in_tx(contest, place, actor=actor, kind=kind, reason=reason)
    row = Sanction.objects.create(
        participant=place, kind=kind, reason=reason, finding=finding, decided_by_id=actor.user_id
    )
    audit.record(
        actor=actor, action=f"contest.{kind}", subject_type="participant", subject_id=place.pk,
        before={"status": before}, after={"status": place.status, "sanction": row.pk}, reason=reason,
    )  # fmt: skip
    tell(contest, "sanctioned", participant_id=place.pk, user_id=place.user_id, kind=kind, sanction_id=row.pk)
    notify_in_tx(
        user_id=place.user_id,
        kind="fair_play",
        dedupe=f"sanction:{row.pk}",
        params={"what": SANCTION_TITLES[kind], "contest": contest.name, "reason": reason},
        url=f"/contests/{contest.slug}/fair-play",
    )
    return row


def _move_in_tx(contest: Contest, place: Participant, *, actor: Actor, kind: str, reason: str) -> None:
    """Where the participant stands, their account, and the frozen ranks."""
    if contest.status in (ContestStatus.SETTLED, ContestStatus.CANCELLED):
        words = "has given its prizes" if contest.status == ContestStatus.SETTLED else "was called off"
        message = f"This contest {words}. A warning is all that is left."
        raise Conflict(f"contest_{contest.status}", message, {"status": contest.status})
    wanted, target = _MOVES[kind]
    if place.status not in wanted:
        message = f"Somebody who is {place.get_status_display().lower()} cannot be put there: {kind}."
        raise Conflict("sanction_state", message, {"status": place.status, "kind": kind})
    was, place.status = place.status, target
    place.save(update_fields=["status"])
    if target == _Place.DISQUALIFIED:
        account_lock_in_tx(account_id=place.account_id, reason=f"{LOCKED_FOR}{reason}", actor=actor)
    elif was == _Place.DISQUALIFIED:
        _unlock_in_tx(place.account_id, reason, actor)
    if contest.status == ContestStatus.ENDED:
        refreeze_in_tx(contest)


def _unlock_in_tx(account_id: int, reason: str, actor: Actor) -> None:
    """Lift the lock of a disqualification. A lock for another reason, such as a rule's, stays."""
    locked = Account.objects.filter(pk=account_id, status=Account.Status.LOCKED, lock_reason__startswith=LOCKED_FOR)
    if locked.exists():
        account_unlock_in_tx(account_id=account_id, reason=reason, actor=actor)


def appeal_make(*, actor: Actor, sanction_id: int, body: str) -> int:
    """Say something to a sanction of one's own, once; the appeal's id.

    Raises NotFound; Invalid `body_needed`, `body_too_long`; Conflict `appeal_made`, `nothing_to_appeal`,
    `sanction_over`, `contest_settled`; `rate_limited`.
    """
    body = body.strip()
    if len(body) < LEAST_REASON:
        raise Invalid("body_needed", f"Say in at least {LEAST_REASON} characters why.", {"field": "body"})
    if len(body) > MOST_BODY:
        raise Invalid("body_too_long", f"An appeal has at most {MOST_BODY} characters.", {"field": "body"})
    found = Sanction.objects.filter(pk=sanction_id, participant__user_id=actor.user_id or 0)
    contest_id = found.values_list("participant__contest_id", flat=True).first()
    if contest_id is None:
        raise NotFound("sanction_not_found", "There is no such decision about you.")
    limit("comments", f"appeal:{actor.user_id}")
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        row = found.select_related("participant").get()
        _appealable_require(contest, row)
        appeal, is_new = Appeal.objects.get_or_create(sanction=row, defaults={"body": body})
        if not is_new:
            raise Conflict("appeal_made", "You have appealed against this already.")
        audit.record(
            actor=actor, action="contest.appeal", subject_type="appeal", subject_id=appeal.pk,
            after={"sanction": row.pk},
        )  # fmt: skip
        tell(contest, "appealed", appeal_id=appeal.pk, sanction_id=row.pk, user_id=row.participant.user_id)
    return appeal.pk


def _appealable_require(contest: Contest, row: Sanction) -> None:
    if row.kind == _Kind.REINSTATE:
        raise Conflict("nothing_to_appeal", "You were reinstated: there is nothing to appeal against.")
    if row.kind == _Kind.WARN:
        return
    if contest.status in (ContestStatus.SETTLED, ContestStatus.CANCELLED):
        raise Conflict("contest_settled", "This contest is over for good: nothing can be changed any more.")
    if not in_force(row):
        raise Conflict("sanction_over", "This decision is not in force any more.")


def in_force(row: Sanction) -> bool:
    """Whether a sanction is what makes its participant stand where they stand: the latest but warnings."""
    latest = Sanction.objects.filter(participant_id=row.participant_id).exclude(kind=_Kind.WARN).order_by("-pk").first()
    return latest is not None and latest.pk == row.pk and row.kind in IN_FORCE


def appeal_answer(*, actor: Actor, appeal_id: int, is_granted: bool, answer: str) -> None:
    """Answer an appeal; to grant one against a sanction in force is to reinstate.

    Raises Forbidden `not_moderator`, `another_moderator` (who decided does not answer), `not_yourself`, `takes_part`;
    NotFound;
    Invalid `reason_needed`; Conflict `appeal_answered`, `contest_settled`.
    """
    moderator_require(actor)
    answer = reason_require(answer, "answer")
    found = Appeal.objects.filter(pk=appeal_id)
    contest_id = found.values_list("sanction__participant__contest_id", flat=True).first()
    if contest_id is None:
        raise NotFound("appeal_not_found", "There is no such appeal.")
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        row = found.select_related("sanction__participant").get()
        sanction, place = row.sanction, row.sanction.participant
        if row.status != Appeal.Status.OPEN:
            raise Conflict("appeal_answered", f"This appeal was {row.status} already.")
        _outsider_require(contest, place, actor)
        if sanction.decided_by_id == actor.user_id:
            raise Forbidden("another_moderator", "You decided this. Another moderator answers the appeal.")
        row.status = Appeal.Status.GRANTED if is_granted else Appeal.Status.REFUSED
        row.answer, row.answered_by_id, row.answered_at = answer, actor.user_id, now()
        row.save(update_fields=["status", "answer", "answered_by", "answered_at"])
        if is_granted and in_force(sanction):
            sanction_in_tx(contest, place, actor=actor, kind=_Kind.REINSTATE, reason=answer, finding=sanction.finding)
        _answer_tell_in_tx(contest, row, place, actor)


def _answer_tell_in_tx(contest: Contest, row: Appeal, place: Participant, actor: Actor) -> None:
    audit.record(
        actor=actor, action="contest.appeal_answer", subject_type="appeal", subject_id=row.pk,
        before={"status": Appeal.Status.OPEN}, after={"status": row.status}, reason=row.answer,
    )  # fmt: skip
    tell(contest, "appeal_answered", appeal_id=row.pk, granted=row.status == "granted", user_id=place.user_id)
    notify_in_tx(
        user_id=place.user_id,
        kind="appeal_answered",
        dedupe=f"appeal:{row.pk}",
        params={"contest": contest.name, "status": row.status, "message": row.answer},
        url=f"/contests/{contest.slug}/fair-play",
    )
