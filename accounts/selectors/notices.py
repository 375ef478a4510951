"""Reads of notifications and of what people want of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import time
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from accounts.domain.catalogue import CATALOGUE, CHANNELS, EventKind, listed
from accounts.domain.telling import Recipient
from accounts.models import Notification, NotificationPreference, NotificationSettings, PushSubscription, User

UNREAD_UP_TO = 100
PANEL_ROWS = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """One kind by one channel, as it stands for somebody."""

    channel: str
    is_on: bool
    is_fixed: bool


@dataclass(frozen=True, slots=True)
class KindChoices:
    """One kind with its channels."""

    kind: EventKind
    channels: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody wants to be told, how and when."""

    groups: dict[str, list[KindChoices]]
    quiet_from: time | None
    quiet_until: time | None
    digest: str
    rank_step: int
    time_zone: str


def unread_count(user_id: int) -> int:
    """How many notifications of the bell a user has not read; counted up to 100."""
    return int(_shown(user_id).filter(read_at__isnull=True)[:UNREAD_UP_TO].count())


def notices_of(user_id: int, *, group: str = "", unread: bool = False) -> QuerySet[Notification]:
    """A user's notifications in the bell, newest first; of one group of the catalogue, or unread only."""
    rows = _shown(user_id)
    if group:
        rows = rows.filter(kind__in=[kind.key for kind in CATALOGUE.values() if kind.group == group])
    if unread:
        rows = rows.filter(read_at__isnull=True)
    return rows.order_by("-id")


def latest(user_id: int, rows: int = PANEL_ROWS) -> list[Notification]:
    """The last few notifications of the bell."""
    return list(notices_of(user_id)[:rows])


def recipients(user_ids: Collection[int]) -> dict[int, Recipient]:
    """Those of these users who can be told anything, in one statement. Who has left the platform is not among them."""
    wanted = "notification_settings__"
    has_push = Exists(PushSubscription.objects.filter(user_id=OuterRef("pk")))
    rows = User.objects.filter(pk__in=set(user_ids), is_active=True, anonymised_at__isnull=True)
    values = rows.annotate(has_push=has_push).values_list(
        "pk",
        "kind",
        "status",
        "has_push",
        "profile__time_zone",
        f"{wanted}quiet_from",
        f"{wanted}quiet_until",
        f"{wanted}digest",
    )
    return {
        pk: Recipient(
            user_id=pk,
            is_person=kind == User.Kind.PERSON,
            is_suspended=status == User.Status.SUSPENDED,
            has_push=push,
            time_zone=zone or "UTC",
            quiet_from=start,
            quiet_until=end,
            digest=digest or NotificationSettings.Digest.OFF,
        )
        for pk, kind, status, push, zone, start, end, digest in values
    }


def choices_of(user_ids: Collection[int], kinds: Collection[str]) -> dict[tuple[int, str], dict[str, bool]]:
    """What these users have chosen for these kinds where it differs from the default: {(user, kind): {channel: on}}."""
    found: dict[tuple[int, str], dict[str, bool]] = defaultdict(dict)
    rows = NotificationPreference.objects.filter(user_id__in=set(user_ids), kind__in=set(kinds))
    for user_id, kind, channel, is_on in rows.values_list("user_id", "kind", "channel", "is_on"):
        found[user_id, kind][channel] = is_on
    return dict(found)


def wishes_of(user: User) -> Wishes:
    """Everything of the settings page, in two statements."""
    chosen: dict[tuple[str, str], bool] = {
        (kind, channel): is_on
        for kind, channel, is_on in NotificationPreference.objects.filter(user=user).values_list(
            "kind", "channel", "is_on"
        )
    }
    row = NotificationSettings.objects.filter(user=user).select_related(
        "user__profile"
    ).first() or NotificationSettings(user=user)
    groups = {
        group: [
            KindChoices(
                kind,
                tuple(
                    Choice(channel, kind.goes_by(channel, chosen.get((kind.key, channel))), kind.is_fixed(channel))
                    for channel in CHANNELS
                ),
            )
            for kind in kinds
        ]
        for group, kinds in listed().items()
    }
    profile = getattr(row.user, "profile", None)
    zone = profile.time_zone if profile is not None else "UTC"
    return Wishes(groups, row.quiet_from, row.quiet_until, row.digest, row.rank_step, zone)


def rank_steps(user_ids: Collection[int] | QuerySet[Any]) -> dict[int, int]:
    """How many places each user's rank must change by to be told, where it is not the default."""
    rows = NotificationSettings.objects.filter(user_id__in=user_ids).exclude(rank_step=RANK_STEP)
    return dict(rows.values_list("user_id", "rank_step"))


def _shown(user_id: int) -> QuerySet[Notification]:
    return Notification.objects.filter(user_id=user_id, in_app=True)


RANK_STEP: int = NotificationSettings._meta.get_field("rank_step").default
