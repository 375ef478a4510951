"""Messages of an organiser to everyone in a contest: on its page, and to each person as they wish to hear of it."""

from __future__ import annotations

from django.db import transaction

from contests.locks import contest_lock
from contests.models import Broadcast
from contests.services.moves import now, status_push, tell
from core.errors import Conflict, Invalid
from core.services import audit
from trading.domain.types import Actor

MOST = 1000
MOST_A_DAY = 10


def broadcast_send(*, actor: Actor, contest_id: int, body: str) -> int:
    """Write to everyone in a contest; the message's id.

    Raises Invalid `invalid_message`; Conflict `contest_state`, `too_many_messages`.
    """
    text = body.strip()
    if not 1 <= len(text) <= MOST or any(not char.isprintable() and char != "\n" for char in text):
        raise Invalid("invalid_message", f"A message has 1 to {MOST:,} characters.", {"field": "body"})
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status == "draft":
            raise Conflict("contest_state", "Nobody is in a draft.", {"status": contest.status})
        today = contest.broadcasts.filter(created_at__date=now().date()).count()
        if today >= MOST_A_DAY:
            raise Conflict("too_many_messages", f"At most {MOST_A_DAY} messages a day.", {"limit": MOST_A_DAY})
        row = Broadcast.objects.create(contest=contest, author_id=actor.user_id, body=text)
        audit.record(
            actor=actor, action="contest.broadcast", subject_type="contest", subject_id=contest.pk,
            after={"broadcast": row.pk, "body": text},
        )  # fmt: skip
        tell(contest, "message", broadcast_id=row.pk)
        status_push(contest)
        return row.pk
