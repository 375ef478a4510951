"""Audit entries: who did what to whom, before and after, why, from where."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import structlog
from django.db import connection

from core.models import AuditEntry
from core.whence import address_now

# As one document: hundreds of rows as parameters cost more than writing them.
_RECORD_MANY = """
INSERT INTO core_auditentry
    (actor_id, actor_label, action, subject_type, subject_id, before, after, reason, ip, request_id)
SELECT actor_id, actor_label, action, subject_type, subject_id, before, after, reason, %s::inet, %s
FROM jsonb_to_recordset(%s::jsonb) AS e(actor_id bigint, actor_label text, action text, subject_type text,
    subject_id text, before jsonb, after jsonb, reason text)
"""


@dataclass(frozen=True, slots=True)
class Act:
    """A sensitive act that is recorded with others: what `record` takes."""

    actor: object | None
    action: str
    subject_type: str
    subject_id: object
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str = ""


def record_many(acts: Iterable[Act]) -> None:
    """`record` for several acts, in one statement."""
    rows = [
        {
            "actor_id": _actor_id(act.actor),
            "actor_label": _actor_label(act.actor)[:120],
            "action": act.action,
            "subject_type": act.subject_type,
            "subject_id": str(act.subject_id),
            "before": act.before,
            "after": act.after,
            "reason": act.reason[:500],
        }
        for act in acts
    ]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_RECORD_MANY, [_address(address_now()), _request_id(), json.dumps(rows)])


def record(
    *,
    actor: object | None,
    action: str,
    subject_type: str,
    subject_id: object,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    ip: str | None = None,
) -> AuditEntry:
    """Record a sensitive act in the caller's transaction.

    The actor is a user, anything with a `user_id`, or the system: None, or a `user_id` of None. Only its display
    name is kept, never its email address. Without an `ip`, it is that of the request that is being served.
    """
    return AuditEntry.objects.create(
        actor_id=_actor_id(actor),
        actor_label=_actor_label(actor)[:120],
        action=action,
        subject_type=subject_type,
        subject_id=str(subject_id),
        before=before,
        after=after,
        reason=reason[:500],
        ip=_address(ip or address_now()),
        request_id=_request_id(),
    )


def _request_id() -> str:
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64]


def _address(text: str | None) -> str | None:
    """An address as it can be stored; a proxy may have sent anything."""
    try:
        return str(ip_address(text)) if text else None
    except ValueError:
        return None


def _actor_id(actor: object | None) -> int | None:
    return getattr(actor, "pk", None) or getattr(actor, "user_id", None)


def _actor_label(actor: object | None) -> str:
    # The system acts by itself, or as an actor without a user.
    if actor is None or getattr(actor, "user_id", actor) is None:
        return "system"
    return str(getattr(actor, "display_name", "") or getattr(actor, "label", "") or f"user {_actor_id(actor)}")
