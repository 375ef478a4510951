"""What the organiser of a contest sees: figures, people with how they stand, messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from contests.models import Broadcast, Contest, Entry, Participant, Waiting

STATUSES = ("active", "withdrawn", "excluded", "barred")


@dataclass(frozen=True, slots=True)
class DeskView:
    """Counts of one contest."""

    people: int
    agents: int
    out: int
    teams: int
    mates: int
    held: int
    waiting: int
    traded: int
    findings: int
    appeals: int
    reported: int


@dataclass(frozen=True, slots=True)
class PersonView:
    """Somebody in a contest, as its organiser sees them."""

    id: int
    user_id: int
    account_id: int
    name: str
    email: str
    kind: str
    status: str
    joined_at: datetime
    trades: int
    equity_minor: int
    resets: int
    team: str


def desk_of(contest_id: int) -> DeskView:
    """The counts, in a few statements whatever the size."""
    contest = Contest.objects.get(pk=contest_id)
    active = Q(status=Participant.Status.ACTIVE)
    found = contest.participants.aggregate(
        people=Count("pk", filter=active & Q(kind="person")),
        agents=Count("pk", filter=active & Q(kind="agent")),
        out=Count("pk", filter=~active),
        traded=Count("pk", filter=active & Q(account__fills_count__gt=0)),
    )
    return DeskView(
        **found,
        teams=contest.teams.count(),
        mates=contest.teams.filter(members__left_at=None, members__isnull=False).count(),
        held=contest.entries.filter(status=Entry.Status.HELD).count(),
        waiting=contest.waiting.filter(status__in=[Waiting.Status.WAITING, Waiting.Status.OFFERED]).count(),
        findings=contest.findings.filter(status="open").count(),
        appeals=Participant.objects.filter(contest=contest, sanctions__appeal__status="open").count(),
        reported=contest.comments.filter(reports_count__gt=0, hidden_at__isnull=True).count(),
    )


def people_query(contest_id: int, asked: str = "", status: str = "") -> QuerySet[Participant]:
    """Those in a contest, the newest first; `person_view` shows a row. `asked`: a part of a name or an address."""
    rows = Participant.objects.filter(contest_id=contest_id).select_related("user", "account__mark", "team")
    if status in STATUSES:
        rows = rows.filter(status=status)
    if asked:
        rows = rows.filter(Q(display_name__icontains=asked) | Q(user__email__icontains=asked))
    return rows.order_by("-pk")


def person_view(row: Participant) -> PersonView:
    """A row of `people_query`."""
    mark = getattr(row.account, "mark", None)
    return PersonView(
        id=row.pk,
        user_id=row.user_id,
        account_id=row.account_id,
        name=row.display_name,
        email=row.user.email or "",
        kind=row.kind,
        status=row.get_status_display(),
        joined_at=row.joined_at,
        trades=row.account.fills_count,
        equity_minor=row.account.initial_minor if mark is None else mark.equity_minor,
        resets=row.resets,
        team=getattr(getattr(row, "team", None), "name", ""),
    )


def broadcasts_query(contest_id: int) -> QuerySet[Broadcast]:
    """The messages of a contest's organiser, the newest first."""
    return Broadcast.objects.filter(contest_id=contest_id).select_related("author").order_by("-pk")
