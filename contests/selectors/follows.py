"""Who follows whom. A person is followed while their profile is public, an agent always."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import BooleanField, Case, Count, Q, QuerySet, When

from accounts.models import User
from accounts.selectors.people import avatar_url
from contests.models import Follow, Participant

MOST_FOLLOWED = 500


@dataclass(frozen=True, slots=True)
class TraderView:
    """Somebody who may be followed. `handle` is empty for agents and for who has none; `since`: followed since.

    `is_hidden`: followed, and not public any more. Then nothing else is told of them.
    """

    user_id: int
    name: str
    kind: str
    handle: str
    avatar_url: str
    since: datetime | None = None
    is_hidden: bool = False


def _seen(prefix: str) -> Q:
    """Who may be followed, of the users behind a lookup."""
    there = Q(**{f"{prefix}is_active": True, f"{prefix}status": "active", f"{prefix}anonymised_at__isnull": True})
    return there & (Q(**{f"{prefix}kind": "agent"}) | Q(**{f"{prefix}profile__is_public": True}))


def trader_get(user_id: int) -> TraderView | None:
    """Somebody who may be followed; None for anybody else."""
    row = User.objects.select_related("profile").filter(_seen(""), pk=user_id).first()
    return None if row is None else _trader(row)


def _trader(row: User, since: datetime | None = None) -> TraderView:
    profile = getattr(row, "profile", None)
    return TraderView(row.pk, row.display_name, row.kind, row.handle or "", avatar_url(profile), since)


def _followed(user_id: int) -> QuerySet[Follow]:
    return Follow.objects.filter(_seen("followed__"), follower_id=user_id)


def followed_ids(user_id: int) -> frozenset[int]:
    """The users whom somebody follows, at most 500."""
    return frozenset(_followed(user_id).values_list("followed_id", flat=True)[:MOST_FOLLOWED])


def followed_accounts(contest_id: int, user_id: int) -> list[int]:
    """The accounts in a contest of those whom somebody follows, for the leaderboard's filter."""
    rows = Participant.objects.filter(contest_id=contest_id, status="active")
    mine = _followed(user_id).values("followed_id")
    return list(rows.filter(user_id__in=mine).order_by("account_id").values_list("account_id", flat=True))


def following_query(user_id: int) -> QuerySet[Follow]:
    """Whom somebody follows, the latest first; `following_view` makes views of the rows.

    Those who are not public any more are among them, so that they can be let go.
    """
    rows = Follow.objects.filter(follower_id=user_id).select_related("followed__profile").order_by("-id")
    return rows.annotate(is_seen=Case(When(_seen("followed__"), then=True), default=False, output_field=BooleanField()))


def following_view(row: Follow) -> TraderView:
    """A row of `following_query` as others see it."""
    if not getattr(row, "is_seen", False):
        return TraderView(row.followed_id, "Not public now", "person", "", "", row.created_at, is_hidden=True)
    return _trader(row.followed, row.created_at)


def followers_count(user_id: int) -> int:
    """How many follow somebody."""
    return Follow.objects.filter(followed_id=user_id).count()


def followers_counts(user_ids: Iterable[int]) -> dict[int, int]:
    """How many follow each of some users, in one statement."""
    wanted = list(user_ids)
    rows = Follow.objects.filter(followed_id__in=wanted).values("followed_id").annotate(n=Count("id"))
    return dict.fromkeys(wanted, 0) | dict(rows.values_list("followed_id", "n"))


def is_following(user_id: int, followed_id: int) -> bool:
    """Whether somebody follows somebody."""
    return Follow.objects.filter(follower_id=user_id, followed_id=followed_id).exists()
