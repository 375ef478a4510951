"""Waiting for a place, and teams, as people see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from contests.models import Contest, Entry, Participant, Team, TeamMember, Waiting


@dataclass(frozen=True, slots=True)
class WaitingView:
    """A person in the queue of a contest. `position` counts from 1; 0 when a place is kept until `offered_until`."""

    status: str
    position: int
    offered_until: datetime | None


@dataclass(frozen=True, slots=True)
class MateView:
    """Somebody of a team."""

    user_id: int
    name: str
    is_captain: bool


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team as its own people see it, its code included."""

    id: int
    name: str
    code: str
    account_id: int
    captain_id: int
    people: tuple[MateView, ...]


def waiting_of(contest_id: int, user_id: int | None) -> WaitingView | None:
    """A person's place in the queue of a contest; None when they do not wait."""
    rows = Waiting.objects.filter(contest_id=contest_id, user_id=user_id or 0, status__in=["waiting", "offered"])
    row = rows.first()
    if row is None:
        return None
    ahead = Waiting.objects.filter(contest_id=contest_id, status="waiting", pk__lte=row.pk)
    return WaitingView(row.status, ahead.count() if row.status == "waiting" else 0, row.offered_until)


def waiting_count(contest_id: int) -> int:
    """How many wait for a place."""
    return Waiting.objects.filter(contest_id=contest_id, status__in=["waiting", "offered"]).count()


def places_free(contest: Contest, user_id: int = 0) -> int:
    """The places of a contest that nobody has, nobody is paying for, and none is kept for another who waits."""
    taken = contest.participants.filter(status=Participant.Status.ACTIVE).count()
    held = contest.entries.filter(status=Entry.Status.HELD).count()
    offered = contest.waiting.filter(status=Waiting.Status.OFFERED).exclude(user_id=user_id).count()
    return contest.capacity - taken - held - offered


def places_for(contest: Contest, user_id: int) -> int:
    """The places that this user may take: 0 when what is free is for those who waited longer."""
    left = max(places_free(contest, user_id), 0)
    queue = contest.waiting.filter(status=Waiting.Status.WAITING).order_by("pk")
    ahead = list(queue.values_list("user_id", flat=True)[:left])
    if len(ahead) < left or user_id in ahead:
        return left
    return left if contest.waiting.filter(status=Waiting.Status.OFFERED, user_id=user_id).exists() else 0


def is_full(contest_id: int, user_id: int | None) -> bool:
    """Whether there is no place for this user just now."""
    return not places_for(Contest.objects.get(pk=contest_id), user_id or 0)


def team_of(participant_id: int) -> TeamView | None:
    """The team of a participant; None where everyone is for themselves."""
    team = Team.objects.select_related("participant__user").filter(participant_id=participant_id).first()
    if team is None:
        return None
    captain = team.participant.user
    rows = TeamMember.objects.select_related("user").filter(team=team, left_at=None).order_by("pk")
    people = [MateView(captain.pk, captain.display_name, is_captain=True)]
    people += [MateView(row.user_id, row.user.display_name, is_captain=False) for row in rows]
    return TeamView(team.pk, team.name, team.code, team.participant.account_id, captain.pk, tuple(people))
