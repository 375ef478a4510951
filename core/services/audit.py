"""Audit entries: who did what to whom, before and after, why, from where."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import structlog

from core.models import AuditEntry
from core.whence import address_now


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
    AuditEntry.objects.bulk_create(
        _entry(act.actor, act.action, act.subject_type, act.subject_id, act.before, act.after, act.reason, None)
        for act in acts
    )


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

    The actor is a user, anything with a `user_id`, or None for the system. Only its display name is kept, never its
    email address. Without an `ip`, it is that of the request that is being served.
    """
    entry = _entry(actor, action, subject_type, subject_id, before, after, reason, ip)
    entry.save(force_insert=True)
    return entry


def _entry(
    actor: object | None,
    action: str,
    subject_type: str,
    subject_id: object,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    reason: str,
    ip: str | None,
) -> AuditEntry:
    return AuditEntry(
        actor_id=_actor_id(actor),
        actor_label=_actor_label(actor)[:120],
        action=action,
        subject_type=subject_type,
        subject_id=str(subject_id),
        before=before,
        after=after,
        reason=reason[:500],
        ip=_address(ip or address_now()),
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64],
    )


def _address(text: str | None) -> str | None:
    """An address as it can be stored; a proxy may have sent anything."""
    try:
        return str(ip_address(text)) if text else None
    except ValueError:
        return None


def _actor_id(actor: object | None) -> int | None:
    return getattr(actor, "pk", None) or getattr(actor, "user_id", None)


def _actor_label(actor: object | None) -> str:
    if actor is None:
        return "system"
    return str(getattr(actor, "display_name", "") or getattr(actor, "label", "") or f"user {_actor_id(actor)}")
