"""Telling people things: one row a notification, one row for each way it goes out, in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.domain.catalogue import CATALOGUE, clean, words_of
from accounts.domain.telling import Way, ways
from accounts.models import Notification, NotificationDelivery
from accounts.selectors.notices import choices_of, recipients, unread_count
from core import push
from core.errors import Invalid

CHUNK = 1_000
MOST_IDS = 200
_Status = NotificationDelivery.Status

_INSERT = """
INSERT INTO accounts_notification (user_id, kind, title, body, url, params, dedupe, in_app)
SELECT user_id, kind, title, body, url, params::jsonb, dedupe, in_app
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::boolean[])
    WITH ORDINALITY AS n(user_id, kind, title, body, url, params, dedupe, in_app, place)
ORDER BY user_id, place
ON CONFLICT (user_id, dedupe) DO NOTHING RETURNING id, user_id, dedupe
"""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell somebody. `kind` is a key of the catalogue, `url` a path on this site."""

    user_id: int
    kind: str
    dedupe: str
    params: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    notice: Notice
    title: str
    body: str
    in_app: bool
    out: Sequence[Way]

    @property
    def key(self) -> tuple[int, str]:
        return self.notice.user_id, self.notice.dedupe[:120]


def notify_in_tx(
    *, user_id: int, kind: str, dedupe: str, params: Mapping[str, Any] | None = None, url: str = ""
) -> int | None:
    """Tell a person something once: the same `dedupe` (at most 120 characters) tells nothing more.

    Called by handlers of the outbox and by services, inside their transaction. `kind` is a key of the catalogue;
    `params` fill its words. Returns the notification's id, or None when it was told before or nobody is to be told.
    """
    made = notify_many_in_tx([Notice(user_id=user_id, kind=kind, dedupe=dedupe, params=params or {}, url=url)])
    return made[0] if made else None


def notify_many_in_tx(notices: Iterable[Notice]) -> list[int]:
    """Tell many people something, four statements for each thousand; returns the ids of what was not told before.

    Unknown people and those who have left are passed over, and so is who wants to hear of a kind in no way at all.
    """
    made: list[int] = []
    source = iter(notices)
    while chunk := list(islice(source, CHUNK)):
        made += _tell(chunk)
    return made


def _tell(notices: Sequence[Notice]) -> list[int]:
    now = timezone.now()
    rows = _rows(notices, now)
    if not rows:
        return []
    ids = _insert(rows)
    told = {row.key: row for row in rows if row.key in ids}
    deliveries = [_delivery(ids[key], way, now) for key, row in told.items() for way in row.out]
    if deliveries:
        NotificationDelivery.objects.bulk_create(deliveries)
    shown = [_event(ids[key], row) for key, row in told.items() if row.in_app]
    if shown:
        push.publish_many(shown)
    return list(ids.values())


def _rows(notices: Sequence[Notice], now: datetime) -> list[_Row]:
    users = {notice.user_id for notice in notices}
    known, chosen = recipients(users), choices_of(users, {notice.kind for notice in notices})
    rows: dict[tuple[int, str], _Row] = {}
    for notice in notices:
        title, body = words_of(notice.kind, notice.params)
        if notice.url and (not notice.url.startswith("/") or notice.url.startswith("//")):
            raise ValueError("a notification leads to a path on this site")
        who = known.get(notice.user_id)
        if who is None:
            continue
        choices = chosen.get((notice.user_id, notice.kind), {})
        in_app, out = ways(CATALOGUE[notice.kind], who, choices, now)
        if in_app or out:
            row = _Row(notice, title, body, in_app, out)
            rows.setdefault(row.key, row)
    return list(rows.values())


def _insert(rows: Sequence[_Row]) -> dict[tuple[int, str], int]:
    """Store what was not told before; the new ids by user and cause."""
    columns: list[Any] = [
        [row.notice.user_id for row in rows],
        [row.notice.kind for row in rows],
        [row.title for row in rows],
        [row.body for row in rows],
        [row.notice.url[:200] for row in rows],
        [_params(row.notice.params) for row in rows],
        [row.key[1] for row in rows],
        [row.in_app for row in rows],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
        return {(user_id, dedupe): pk for pk, user_id, dedupe in cursor.fetchall()}


def _params(params: Mapping[str, Any]) -> str:
    return json.dumps({name: clean(str(value))[:500] for name, value in params.items()})


def _delivery(notification_id: int, way: Way, now: datetime) -> NotificationDelivery:
    return NotificationDelivery(
        notification_id=notification_id,
        channel=way.channel,
        status=_Status.HELD if way.not_before is not None else _Status.PENDING,
        is_digest=way.is_digest,
        next_at=way.not_before or now,
    )


def _event(notification_id: int, row: _Row) -> tuple[str, str, dict[str, Any]]:
    data = {"id": notification_id, "kind": row.notice.kind, "title": row.title, "url": row.notice.url}
    return channel_of(row.notice.user_id), "notice", data


def channel_of(user_id: int) -> str:
    """The channel of the stream on which a person's own bell listens."""
    return f"person:{user_id}"


def notices_read(*, user_id: int, ids: Sequence[int] | None = None) -> int:
    """Mark these notifications as read, or all without `ids`; what belongs to others is left alone. The unread left.

    Other pages of the same person hear of it.
    """
    if ids is not None and len(ids) > MOST_IDS:
        raise Invalid("too_many_ids", f"Name at most {MOST_IDS} notifications.", {"field": "ids"})
    with transaction.atomic(durable=True):
        rows = Notification.objects.filter(user_id=user_id, in_app=True, read_at__isnull=True)
        if ids is not None:
            rows = rows.filter(pk__in=ids)
        changed = rows.update(read_at=timezone.now())
        left = unread_count(user_id)
        if changed:
            push.publish(channel_of(user_id), "read", {"unread": left})
    return left
