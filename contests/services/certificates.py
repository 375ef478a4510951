"""Certificates: what shows to anyone where somebody came. Made when first asked for, and the same ever after."""

from __future__ import annotations

import secrets

from django.db import IntegrityError, transaction

from contests.domain.states import OVER
from contests.models import Certificate, Participant
from core.errors import Conflict, NotFound
from core.services import audit
from trading.domain.types import Actor


def certificate_issue(*, actor: Actor, contest_id: int) -> str:
    """The code of one's certificate of a contest that has ended. Asking twice answers the same.

    Raises NotFound `not_in_contest`; Conflict `contest_not_over`, `not_ranked`.
    """
    rows = Participant.objects.select_related("contest").filter(contest_id=contest_id, user_id=actor.user_id or 0)
    place = rows.first()
    if place is None:
        raise NotFound("not_in_contest", "You are not in this contest.")
    if place.contest.status not in OVER:
        raise Conflict("contest_not_over", "There are certificates once the contest has ended.")
    if place.final_rank is None:
        raise Conflict("not_ranked", "There is a certificate for who is ranked.")
    known = Certificate.objects.filter(participant=place).first()
    if known is not None:
        return known.code
    try:
        with transaction.atomic(durable=True):
            made = Certificate.objects.create(participant=place, code=secrets.token_hex(10))
            audit.record(
                actor=actor, action="contest.certificate", subject_type="contest", subject_id=contest_id,
                after={"participant": place.pk, "code": made.code},
            )  # fmt: skip
    except IntegrityError:
        return Certificate.objects.get(participant=place).code
    return made.code
