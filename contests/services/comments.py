"""The chat of a contest: writing, reporting, hiding, muting. What was said never goes into the audit trail.

Pages that show the chat hear `comment` on the contest's channel. It names the message and not its words: everyone may
listen there, and what is hidden must not come back from the stream's memory.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q

from contests.domain.comments import REMOVED_BODY, body_read, reason_read, until_read
from contests.models import Comment, CommentReport, Contest, Follow, Mute, Participant, TeamMember
from contests.selectors.comments import CommentView, comment_view, write_refusal
from contests.services.moves import now, tell
from core import push
from core.errors import Conflict, Forbidden, NotFound
from core.services import audit
from core.throttling import limit
from trading.domain.types import Actor

BY_AUTHOR = "Removed by its author."


def comment_write(*, actor: Actor, contest_id: int, body: str) -> CommentView:
    """Say something in a contest.

    Raises Invalid `invalid_comment`; Conflict `chat_off`, `chat_closed`; Forbidden `not_in_contest`, `muted`; 429.
    """
    user_id = _user(actor)
    text = body_read(body)
    limit("comments", f"write:{user_id}")
    with transaction.atomic(durable=True):
        contest = _contest(contest_id)
        refusal = write_refusal(contest, user_id, now())
        if refusal is not None:
            raise refusal
        row = Comment.objects.create(contest=contest, author_id=user_id, body=text)
        row.refresh_from_db(fields=["created_at"])
        _told(actor, row, contest, "written")
        return comment_view(Comment.objects.select_related("author__profile").get(pk=row.pk))


def comment_report(*, actor: Actor, contest_id: int, comment_id: int, reason: str = "") -> None:
    """Ask the moderators to look at a message, once a person. The caller has checked that the contest may be seen.

    Raises Invalid `invalid_comment`; NotFound `comment_not_found`; Conflict `own_comment`; 429.
    """
    user_id = _user(actor)
    said = reason_read(reason, required=False)
    limit("comments", f"report:{user_id}")
    with transaction.atomic(durable=True):
        row = _comment(comment_id, contest_id)
        if row.hidden_at is not None:
            raise _not_found()
        if row.author_id == user_id:
            raise Conflict("own_comment", "This message is yours. You can remove it.")
        try:
            with transaction.atomic():
                CommentReport.objects.create(comment=row, reporter_id=user_id, reason=said)
        except IntegrityError:
            return  # said before
        Comment.objects.filter(pk=row.pk).update(reports_count=F("reports_count") + 1)
        _told(actor, row, row.contest, "reported", shown=False)


def comment_remove(*, actor: Actor, contest_id: int, comment_id: int) -> None:
    """Take back a message of one's own; removing twice changes nothing. Raises NotFound `comment_not_found`."""
    user_id = _user(actor)
    with transaction.atomic(durable=True):
        row = _comment(comment_id, contest_id)
        if row.author_id != user_id:
            raise _not_found()
        if _hide(row, user_id, BY_AUTHOR):
            _told(actor, row, row.contest, "removed")


def comment_hide(*, actor: Actor, comment_id: int, reason: str) -> None:
    """Hide a message from everyone but moderators. Hiding twice changes nothing.

    Raises Forbidden `forbidden`; Invalid `invalid_comment`; NotFound `comment_not_found`.
    """
    moderator = _moderator(actor)
    why = reason_read(reason)
    with transaction.atomic(durable=True):
        row = _comment(comment_id)
        if _hide(row, moderator, why):
            _told(actor, row, row.contest, "hidden", reason=why)


def comment_unhide(*, actor: Actor, comment_id: int, reason: str) -> None:
    """Show a message again that a moderator hid.

    Raises Forbidden `forbidden`; NotFound `comment_not_found`; Conflict `removed_by_author` for what its author took
    back, or what went with its author.
    """
    _moderator(actor)
    why = reason_read(reason)
    with transaction.atomic(durable=True):
        row = _comment(comment_id)
        if row.hidden_at is None:
            return
        if row.hidden_by_id in (None, row.author_id):
            raise Conflict("removed_by_author", "Its author removed this message. It stays hidden.")
        hidden = Comment.objects.filter(pk=row.pk, hidden_at=row.hidden_at)
        if hidden.update(hidden_at=None, hidden_by=None, hidden_reason="", reports_count=0):
            _told(actor, row, row.contest, "shown", reason=why)


def comment_keep(*, actor: Actor, comment_id: int) -> None:
    """Leave a reported message as it is: it goes from the queue until somebody else reports it.

    Raises Forbidden `forbidden`; NotFound `comment_not_found`.
    """
    _moderator(actor)
    with transaction.atomic(durable=True):
        row = _comment(comment_id)
        if (
            Comment.objects.filter(pk=row.pk, reports_count=row.reports_count)
            .exclude(reports_count=0)
            .update(reports_count=0)
        ):
            _told(actor, row, row.contest, "kept", shown=False)


def mute_set(*, actor: Actor, contest_id: int, user_id: int, until: datetime | None, reason: str) -> None:
    """Let somebody not write in a contest until a moment, or for good (None); a second mute takes the first's place.

    Raises Forbidden `forbidden`; Invalid `invalid_comment`; NotFound `contest_not_found`, `not_in_contest`; Conflict
    `not_yourself`.
    """
    moderator = _moderator(actor)
    why, ends = reason_read(reason), until_read(until, now())
    if user_id == moderator:
        raise Conflict("not_yourself", "You cannot mute yourself.")
    with transaction.atomic(durable=True):
        contest = _contest(contest_id)
        _known(contest, user_id)
        before = Mute.objects.filter(contest=contest, user_id=user_id).first()
        fields = {"until": ends, "reason": why, "decided_by_id": moderator}
        Mute.objects.update_or_create(contest=contest, user_id=user_id, defaults=fields)
        audit.record(
            actor=actor, action="comment.mute", subject_type="user", subject_id=user_id, reason=why,
            before=None if before is None else _shape(contest, before.until), after=_shape(contest, ends),
        )  # fmt: skip
        tell(contest, "muted", user_id=user_id, until=None if ends is None else ends.isoformat())


def mute_lift(*, actor: Actor, contest_id: int, user_id: int, reason: str = "") -> None:
    """Let somebody write again before their mute ends; who is not muted changes nothing. Raises Forbidden, NotFound."""
    _moderator(actor)
    why = reason_read(reason, required=False)
    with transaction.atomic(durable=True):
        contest = _contest(contest_id)
        row = Mute.objects.filter(contest=contest, user_id=user_id).first()
        if row is None or not row.delete()[0]:
            return
        audit.record(
            actor=actor, action="comment.unmute", subject_type="user", subject_id=user_id, reason=why,
            before=_shape(contest, row.until), after=None,
        )  # fmt: skip
        tell(contest, "unmuted", user_id=user_id)


def social_erase(user_id: int) -> None:
    """What a person said and whom they follow, gone with them; in the transaction that anonymises them."""
    mine = Comment.objects.filter(author_id=user_id)
    mine.filter(hidden_at__isnull=True).update(hidden_at=now())
    # Nobody is named who hid it, so that nobody can show it again.
    mine.update(body=REMOVED_BODY, hidden_by=None, hidden_reason="Its author's account was deleted.")
    Follow.objects.filter(Q(follower_id=user_id) | Q(followed_id=user_id)).delete()
    Mute.objects.filter(user_id=user_id).delete()


def _user(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden("not_a_user", "Only a user can do this.")
    return actor.user_id


def _moderator(actor: Actor) -> int:
    if not actor.is_staff:
        raise Forbidden("forbidden", "Only moderators may do this.")
    return _user(actor)


def _contest(contest_id: int) -> Contest:
    contest = Contest.objects.filter(pk=contest_id).first()
    if contest is None:
        raise NotFound("contest_not_found", "There is no such contest.")
    return contest


def _comment(comment_id: int, contest_id: int | None = None) -> Comment:
    rows = Comment.objects.select_related("contest").filter(pk=comment_id)
    row = (rows if contest_id is None else rows.filter(contest_id=contest_id)).first()
    if row is None:
        raise _not_found()
    return row


def _not_found() -> NotFound:
    return NotFound("comment_not_found", "There is no such message.")


def _hide(row: Comment, user_id: int, reason: str) -> bool:
    """Hide a message unless it is; whether this has hidden it. The statement itself decides between two at once."""
    shown = Comment.objects.filter(pk=row.pk, hidden_at__isnull=True)
    return bool(shown.update(hidden_at=now(), hidden_by_id=user_id, hidden_reason=reason))


def _known(contest: Contest, user_id: int) -> None:
    """Raise NotFound unless somebody is, or was, in a contest."""
    if not (
        Participant.objects.filter(contest=contest, user_id=user_id).exists()
        or TeamMember.objects.filter(contest=contest, user_id=user_id).exists()
    ):
        raise NotFound("not_in_contest", "Nobody of that id is in this contest.")


def _shape(contest: Contest, until: datetime | None) -> dict[str, Any]:
    return {"contest": contest.pk, "until": None if until is None else until.isoformat()}


def _told(actor: Actor, row: Comment, contest: Contest, verb: str, *, reason: str = "", shown: bool = True) -> None:
    """The audit entry, the event and, where pages change, the push."""
    audit.record(
        actor=actor, action=f"comment.{verb}", subject_type="comment", subject_id=row.pk, reason=reason,
        after={"contest": contest.pk, "author": row.author_id},
    )  # fmt: skip
    tell(contest, f"comment_{verb}", comment_id=row.pk, user_id=row.author_id)
    if shown:
        push.publish(f"contest:{contest.pk}", "comment", {"id": row.pk, "verb": verb})
