"""Suspending people, at once and everywhere, and letting them back in."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.domain.suspension import suspension_words
from accounts.locks import user_lock
from accounts.models import User
from accounts.services.notices import notify_in_tx
from accounts.services.reasons import reason_require
from accounts.services.signins import signins_end_all_in_tx
from core import push
from core.errors import Forbidden, Invalid
from core.services import audit, outbox

LIFT_BATCH = 500


def user_suspend(
    *, actor: User | None, user_id: int, reason: str, until: datetime | None = None, ip: str | None = None
) -> User:
    """Refuse a user everywhere from now on, until a moment (aware) or until someone reinstates them.

    Sessions and tokens end, live streams are cut, and trading cancels the resting orders; positions stay. The person
    is told the reason. Suspending with the same end again changes nothing; another end replaces the one before.
    Raises Forbidden: `not_yourself`, and `forbidden` for an operator when the actor is no administrator.
    """
    reason = reason_require(reason)
    if until is not None and until <= timezone.now():
        raise Invalid("invalid", "That moment has passed.", {"until": ["That moment has passed."]})
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        _may(actor, user)
        if user.status == User.Status.SUSPENDED and user.suspended_until == until:
            return user
        before = _shape(user)
        _set(user, User.Status.SUSPENDED, reason, until)
        signins_end_all_in_tx(user_id=user.pk, because="suspended")
        push.stream_cut(user.pk)
        _tell(user, before, actor=actor, verb="suspended", reason=reason, ip=ip)
    return user


def user_reinstate(*, actor: User | None, user_id: int, reason: str, ip: str | None = None) -> User:
    """Let a suspended user back in. Sessions and tokens from before stay ended, orders cancelled."""
    reason = reason_require(reason)
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        _may(actor, user)
        if user.status == User.Status.ACTIVE:
            return user
        before = _shape(user)
        _set(user, User.Status.ACTIVE, "", None)
        push.stream_allow(user.pk)
        _tell(user, before, actor=actor, verb="reinstated", reason=reason, ip=ip)
    return user


def suspensions_lift() -> int:
    """Reinstate those whose suspension is over; returns how many."""
    over = User.objects.filter(status=User.Status.SUSPENDED, suspended_until__lte=timezone.now())
    lifted = 0
    for user_id in list(over.order_by("pk").values_list("pk", flat=True)[:LIFT_BATCH]):
        with transaction.atomic(durable=True):
            user = user_lock(user_id)
            until = user.suspended_until
            if user.status != User.Status.SUSPENDED or until is None or until > timezone.now():
                continue
            before = _shape(user)
            _set(user, User.Status.ACTIVE, "", None)
            push.stream_allow(user.pk)
            _tell(user, before, actor=None, verb="reinstated", reason="The suspension is over.", ip=None)
        lifted += 1
    return lifted


def _may(actor: User | None, user: User) -> None:
    if actor is None:
        return
    if actor.pk == user.pk:
        raise Forbidden("not_yourself", "You cannot suspend or reinstate yourself.")
    if actor.role not in (User.Role.MODERATOR, User.Role.ADMIN) and not actor.is_superuser:
        raise Forbidden("forbidden", "Only moderators and administrators may do this.")
    if user.is_staff and actor.role != User.Role.ADMIN and not actor.is_superuser:
        raise Forbidden("forbidden", "Only an administrator may suspend an operator.")


def _set(user: User, status: str, reason: str, until: datetime | None) -> None:
    user.status, user.suspended_reason, user.suspended_until = status, reason[:300], until
    user.token_version += 1
    user.save(update_fields=["status", "suspended_reason", "suspended_until", "token_version"])


def _shape(user: User) -> dict[str, str | None]:
    return {"status": user.status, "until": user.suspended_until.isoformat() if user.suspended_until else None}


def _tell(
    user: User, before: dict[str, str | None], *, actor: User | None, verb: str, reason: str, ip: str | None
) -> None:
    audit.record(
        actor=actor,
        action=f"user_{verb}",
        subject_type="user",
        subject_id=user.pk,
        before=before,
        after=_shape(user),
        reason=reason,
        ip=ip,
    )
    outbox.emit(topic=f"accounts.user_{verb}", aggregate=f"user:{user.pk}", payload={"user_id": user.pk})
    what = suspension_words(user.suspended_until) if verb == "suspended" else "Your account is reinstated"
    notify_in_tx(
        user_id=user.pk,
        kind="account_suspended",
        dedupe=f"{verb}:{user.token_version}",
        params={"what": what, "reason": reason},
    )
