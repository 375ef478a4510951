"""Teams: people who trade the account of a captain together. The captain entered, pays the fee and takes the prize."""

from __future__ import annotations

import hmac
import secrets

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.selectors.standing import standing_require
from contests.domain.admission import Admission
from contests.domain.states import ContestStatus
from contests.locks import contest_lock
from contests.models import Contest, Participant, Team, TeamMember
from contests.services.joins import admission_require, open_require, team_free_require, waiting_done_in_tx
from contests.services.moves import now, tell
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.services import audit
from trading.domain.types import Actor

MOST_NAME = 40


def team_join(*, actor: Actor, contest_id: int, team_code: str) -> int:
    """Join a team by its code; the account that it trades. Joining twice changes nothing.

    Raises Forbidden `team_code_wrong`; Conflict `already_joined`, `in_team`, `team_full`, and as entering a contest.
    """
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        user = User.objects.filter(pk=actor.user_id or 0).first()
        if user is None or user.kind != User.Kind.PERSON:
            raise Forbidden("not_a_person", "Only a person joins a team.")
        standing_require(user)
        team = _by_code(contest, team_code)
        mine = TeamMember.objects.filter(team=team, user=user, left_at=None).first()
        if mine is not None:
            return team.participant.account_id
        open_require(contest, "", invited=True)
        admission_require(contest, user)
        if Participant.objects.filter(contest=contest, user=user, status=Participant.Status.ACTIVE).exists():
            raise Conflict("already_joined", "You are in this contest already, with a team of your own.")
        team_free_require(contest, user.pk)
        size = Admission.from_json(contest.admission).team_size
        if team.members.filter(left_at=None).count() + 1 >= size:
            raise Conflict("team_full", f"A team has {size} people at most.", {"team_size": size})
        TeamMember.objects.create(team=team, contest=contest, user=user)
        waiting_done_in_tx(contest, user.pk)
        _record(contest, actor, "join", team, user.pk)
        return team.participant.account_id


def _by_code(contest: Contest, code: str) -> Team:
    rows = Team.objects.select_related("participant").filter(contest=contest, participant__status="active")
    found = [team for team in rows.filter(code=code.strip()[:32]) if hmac.compare_digest(team.code, code.strip()[:32])]
    if not found:
        raise Forbidden("team_code_wrong", "No team of this contest has that code.")
    return found[0]


def team_leave(*, actor: Actor, contest_id: int, user_id: int | None = None) -> None:
    """Leave a team, or as its captain take somebody out (`user_id`). Raises NotFound `not_in_team`.

    A captain leaves with the contest itself (`contest_withdraw`): the account is theirs.
    """
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        leaving = user_id or actor.user_id or 0
        rows = TeamMember.objects.select_related("team").filter(contest=contest, user_id=leaving, left_at=None)
        if leaving != actor.user_id:
            rows = rows.filter(team__participant__user_id=actor.user_id or 0)
        member = rows.first()
        if member is None:
            raise NotFound("not_in_team", "That person is in no team of yours here.")
        member.left_at = now()
        member.save(update_fields=["left_at"])
        _record(contest, actor, "leave", member.team, leaving)


def team_rename(*, actor: Actor, contest_id: int, name: str) -> None:
    """Give one's team a name, as its captain, until the contest starts; the code is made anew with it.

    Raises NotFound `not_captain`; Conflict `contest_started`, `name_taken`; Invalid `invalid_name`.
    """
    chosen = " ".join(name.split())
    if not 2 <= len(chosen) <= MOST_NAME or not chosen.isprintable():
        raise Invalid("invalid_name", f"A team's name has 2 to {MOST_NAME} letters.", {"field": "name"})
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        rows = Team.objects.select_related("participant").filter(contest=contest, participant__status="active")
        team = rows.filter(participant__user_id=actor.user_id or 0).first()
        if team is None:
            raise NotFound("not_captain", "You have no team in this contest.")
        if contest.status != ContestStatus.SCHEDULED:
            raise Conflict("contest_started", "A team keeps its name once the contest has started.")
        team.name, team.code = chosen, secrets.token_urlsafe(9)
        try:
            with transaction.atomic():
                team.save(update_fields=["name", "code"])
        except IntegrityError as error:
            raise Conflict("name_taken", "Another team has that name.", {"field": "name"}) from error
        Participant.objects.filter(pk=team.participant_id).update(display_name=chosen)
        _people_changed(contest)
        _record(contest, actor, "rename", team, team.participant.user_id)


def _people_changed(contest: Contest) -> None:
    contest.people_version += 1
    contest.save(update_fields=["people_version"])


def _record(contest: Contest, actor: Actor, verb: str, team: Team, user_id: int) -> None:
    audit.record(
        actor=actor, action=f"contest.team_{verb}", subject_type="contest", subject_id=contest.pk,
        after={"team": team.pk, "name": team.name, "user": user_id},
    )  # fmt: skip
    tell(contest, f"team_{verb}", team_id=team.pk, user_id=user_id)
