"""Reading the chat of a contest, who may write in it, and what moderators have before them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Prefetch, Q, QuerySet

from accounts.models import User
from contests.domain.comments import writing_ends
from contests.domain.sharing import Sharing
from contests.models import Comment, CommentReport, Contest, Mute, Participant, TeamMember
from core.errors import Conflict, DomainError, Forbidden

PAGE = 30
MOST = 100
REASONS_SHOWN = 5
LAST_ID = 2**63 - 1
# Who has been taken out of the ranking trades on, and may speak; who is disqualified or has left may not.
_SPEAKS = (Participant.Status.ACTIVE, Participant.Status.EXCLUDED)


@dataclass(frozen=True, slots=True)
class CommentView:
    """A message as everyone sees it. `handle` is empty for who shows no profile."""

    id: int
    author_id: int
    author: str
    handle: str
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CommentsPage:
    """A stretch of a chat, the newest first. `next` goes on with older ones; None at the first message."""

    rows: tuple[CommentView, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class ReportedView:
    """A message before the moderators, with what was said about it, the latest first."""

    id: int
    contest_id: int
    contest_slug: str
    contest_name: str
    author_id: int
    author: str
    body: str
    created_at: datetime
    reports: int
    reasons: tuple[str, ...]
    hidden_at: datetime | None
    hidden_by: str
    hidden_reason: str
    can_unhide: bool


@dataclass(frozen=True, slots=True)
class MuteView:
    """Who may not write in a contest. `until` None: for good."""

    user_id: int
    name: str
    until: datetime | None
    reason: str
    decided_by: str
    created_at: datetime


def comments_page(contest_id: int, *, before: int | None = None, size: int = PAGE) -> CommentsPage:
    """Messages of a contest that are not hidden, the newest first; `before`: older than that message."""
    rows = Comment.objects.filter(contest_id=contest_id, hidden_at__isnull=True).order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=min(before, LAST_ID))
    size = max(1, min(size, MOST))
    found = list(rows.select_related("author__profile")[: size + 1])
    more = len(found) > size
    return CommentsPage(tuple(comment_view(row) for row in found[:size]), found[size - 1].pk if more else None)


def comment_view(row: Comment) -> CommentView:
    """A row as everyone sees it."""
    author = row.author
    profile = getattr(author, "profile", None)
    is_public = profile is not None and profile.is_public and author.status == User.Status.ACTIVE
    handle = author.handle if is_public else ""
    return CommentView(row.pk, author.pk, author.display_name, handle or "", row.body, row.created_at)


def write_refusal(contest: Contest, user_id: int | None, now: datetime | None = None) -> DomainError | None:
    """Why a user may not write in the chat of a contest; None when they may.

    Conflict `chat_off`, `chat_closed`; Forbidden `not_in_contest`, `muted`.
    """
    now = now or datetime.now(tz=UTC)
    if not Sharing.from_json(contest.sharing).comments:
        return Conflict("chat_off", "This contest has no chat.")
    ends = writing_ends(contest.ended_at)
    if contest.status == Contest.Status.DRAFT or (ends is not None and now > ends):
        return Conflict("chat_closed", "This chat is closed.")
    if user_id is None or not takes_part(contest.pk, user_id):
        return Forbidden("not_in_contest", "Only those who take part in this contest write here.")
    mute = Mute.objects.filter(contest=contest, user_id=user_id).first()
    if mute is not None and (mute.until is None or mute.until > now):
        when = "" if mute.until is None else f" until {mute.until:%d %b %Y %H:%M} UTC"
        until = None if mute.until is None else mute.until.isoformat()
        return Forbidden("muted", f"You may not write here{when}: {mute.reason}", {"until": until})
    return None


def takes_part(contest_id: int, user_id: int) -> bool:
    """Whether somebody is in a contest, on their own or in a team."""
    if Participant.objects.filter(contest_id=contest_id, user_id=user_id, status__in=_SPEAKS).exists():
        return True
    teams = TeamMember.objects.filter(contest_id=contest_id, user_id=user_id, left_at__isnull=True)
    return teams.filter(team__participant__status__in=_SPEAKS).exists()


def reported_query(*, hidden: bool = False) -> QuerySet[Comment]:
    """Reported messages, the most reported first; or the hidden ones, the latest first."""
    reports = CommentReport.objects.exclude(reason="").order_by("-id")[:REASONS_SHOWN]
    rows = Comment.objects.select_related("contest", "author", "hidden_by").prefetch_related(
        Prefetch("reports", queryset=reports, to_attr="latest")
    )
    if hidden:
        return rows.filter(hidden_at__isnull=False).order_by("-id")
    return rows.filter(reports_count__gt=0, hidden_at__isnull=True).order_by("-reports_count", "-id")


def reported_view(row: Comment) -> ReportedView:
    """A row of `reported_query` as moderators see it."""
    return ReportedView(
        id=row.pk,
        contest_id=row.contest_id,
        contest_slug=row.contest.slug,
        contest_name=row.contest.name,
        author_id=row.author_id,
        author=row.author.display_name,
        body=row.body,
        created_at=row.created_at,
        reports=row.reports_count,
        reasons=tuple(report.reason for report in getattr(row, "latest", ())),
        hidden_at=row.hidden_at,
        hidden_by="" if row.hidden_by is None else row.hidden_by.display_name,
        hidden_reason=row.hidden_reason,
        can_unhide=row.hidden_at is not None and row.hidden_by_id not in (None, row.author_id),
    )


def mutes_query(contest_id: int | None = None) -> QuerySet[Mute]:
    """Who may not write now, in a contest or in any; `mute_view` makes views of the rows."""
    lasts = Q(until__isnull=True) | Q(until__gt=datetime.now(tz=UTC))
    rows = Mute.objects.select_related("user", "decided_by").filter(lasts).order_by("-id")
    return rows if contest_id is None else rows.filter(contest_id=contest_id)


def mute_view(row: Mute) -> MuteView:
    """A row of `mutes_query` as moderators see it."""
    by = "" if row.decided_by is None else row.decided_by.display_name
    return MuteView(row.user_id, row.user.display_name, row.until, row.reason, by, row.created_at)
