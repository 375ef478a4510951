"""Telling people things: one row a notification, one row for each way it goes out, in the caller's transaction."""

from collections.abc import Mapping
from typing import Any

from accounts.domain.catalogue import CATALOGUE
from accounts.models import Notification


def notify_in_tx(
    *, user_id: int, kind: str, dedupe: str, params: Mapping[str, Any] | None = None, url: str = ""
) -> int | None:
    """Tell a person something once: the same `dedupe` (at most 120 characters) tells nothing more.

    Called by handlers of the outbox and by services, inside their transaction. `kind` is a key of the catalogue;
    `params` fill its words. Returns the notification's id, or None when it was told before.
    """
    event = CATALOGUE[kind]
    values = {name: str(value) for name, value in (params or {}).items()}
    row, is_new = Notification.objects.get_or_create(
        user_id=user_id,
        dedupe=dedupe[:120],
        defaults={
            "kind": kind,
            "title": event.title.format_map(values)[:120],
            "body": event.body.format_map(values)[:500],
            "url": url[:200],
            "params": values,
        },
    )
    return row.pk if is_new else None
