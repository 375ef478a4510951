"""Operators look at the site as a trader: read-only, for half an hour, with a reason, and all of it in the trail."""

from __future__ import annotations

from hashlib import sha256
from uuid import uuid4

from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.domain.impersonation import LASTS, Looking
from accounts.models import User
from accounts.services.reasons import reason_require
from core.errors import Forbidden, NotFound
from core.redis import client
from core.services import audit

PAGE_EVERY = 60  # seconds between two entries about the same page
_ENDED_KEPT = 86_400


def impersonation_begin(*, actor: User, user_id: int, reason: str, ip: str | None = None) -> Looking:
    """Let a moderator or an administrator look at the site as a trader; the caller keeps the look in their session.

    Suspended traders too; never agents, operators, or someone whose data was erased. Raises Forbidden `forbidden`,
    `not_yourself`, `not_a_trader`; NotFound `user_not_found`; Invalid without a reason.
    """
    reason = reason_require(reason)
    if not may_look(actor):
        raise Forbidden("forbidden", "Only moderators and administrators may look as somebody else.")
    if actor.pk == user_id:
        raise Forbidden("not_yourself", "You are yourself already.")
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise NotFound("user_not_found", "There is no such user.")
    if not may_be_looked_at(user):
        raise Forbidden("not_a_trader", "Only traders can be looked at: no operators, no agents.")
    looking = Looking(
        ref=str(uuid4()), operator_id=actor.pk, user_id=user.pk, name=user.display_name, reason=reason,
        until=timezone.now() + LASTS,
    )  # fmt: skip
    with transaction.atomic(durable=True):
        _record(actor, looking, "impersonation_begun", {"until": looking.until.isoformat()}, ip)
    return looking


def may_look(user: User) -> bool:
    """Whether this user's role lets them look as somebody else."""
    return user.is_active and user.is_operator


def may_be_looked_at(user: User) -> bool:
    """Whether this is a trader, whatever else they were before."""
    is_operator = user.is_staff or user.is_superuser or user.role != User.Role.TRADER
    return user.kind == User.Kind.PERSON and not is_operator and user.anonymised_at is None


def impersonation_ending(*, actor: User, looking: Looking, user: User | None) -> str:
    """Why a look must end now: `expired`, `role_changed`, `not_a_trader`; empty while it goes on.

    Asked at every request, with both users as they are stored at that moment.
    """
    if actor.pk != looking.operator_id or not may_look(actor):
        return "role_changed"
    if looking.is_over(timezone.now()):
        return "expired"
    return "" if user is not None and may_be_looked_at(user) else "not_a_trader"


def impersonation_page(*, actor: User, looking: Looking, path: str) -> None:
    """Write down that a page was looked at, once a minute and page. The path is kept without its query."""
    key = f"looking:{looking.ref}:{sha256(path.encode()).hexdigest()}"
    if _is_first(key, PAGE_EVERY):
        _record(actor, looking, "impersonation_page", {"path": path[:300]})


def impersonation_end(*, actor: User, looking: Looking, because: str) -> None:
    """Write down that a look is over: `stopped`, `signed_out`, or what `impersonation_ending` says. Once a look."""
    if _is_first(f"looking:{looking.ref}:ended", _ENDED_KEPT):
        _record(actor, looking, "impersonation_ended", {"because": because})


def _is_first(key: str, seconds: int) -> bool:
    """Whether nobody asked this in the last so many seconds; without Redis always: rather twice than not at all."""
    try:
        return bool(client().set(key, 1, nx=True, ex=seconds))
    except RedisError:
        return True


def _record(actor: User, looking: Looking, action: str, after: dict[str, object], ip: str | None = None) -> None:
    audit.record(
        actor=actor, action=action, subject_type="user", subject_id=looking.user_id,
        after={"look": looking.ref, **after}, reason=looking.reason, ip=ip,
    )  # fmt: skip
