"""Leaving: a deletion is asked for, waits for its day, can be taken back until then, and then erases the person.

What identifies the person goes; the books, the fills and the audit trail stay under the bare id of the user.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.files.storage import storages
from django.db import IntegrityError, transaction
from django.db.models.functions import Least, Now
from django.utils import timezone

from accounts.domain.privacy import REMIND_BEFORE, DeletionView, day
from accounts.locks import user_lock
from accounts.models import DeletionRequest, User
from accounts.ports import deletion_obstacle, personal_data
from accounts.services.notices import notify_in_tx
from core import push
from core.errors import Conflict, Denied, Invalid, NotFound
from core.services import audit, outbox

logger = logging.getLogger(__name__)

_WAITING = DeletionRequest.Status.WAITING
_KEEP = "Until then everything works as before. To keep your account, open Settings, Privacy and data."


def deletion_request(
    *, user_id: int, actor: User | None = None, reason: str = "", days: int | None = None, ip: str | None = None
) -> DeletionView:
    """Ask for a person to be forgotten after settings.DELETION_GRACE_DAYS; asked again, the first request stands.

    Raises Denied (`role_held` for whoever runs the platform, or what an app says must be settled first), and NotFound.
    """
    days = settings.DELETION_GRACE_DAYS if days is None else days
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        _may_go(user)
        known = DeletionRequest.objects.filter(user=user, status=_WAITING).first()
        if known is not None:
            return _view(known)
        try:
            with transaction.atomic():
                row = DeletionRequest.objects.create(user=user, due_at=timezone.now() + timedelta(days=days))
        except IntegrityError as error:
            raise Conflict("deletion_waiting", "Your account is to be deleted already.") from error
        row.refresh_from_db()
        _record(row, "deletion_requested", actor=actor, reason=reason, ip=ip, after={"due_at": row.due_at.isoformat()})
        what = f"Your account will be deleted on {day(row.due_at)}"
        _tell(row, dedupe=f"deletion:{row.pk}:asked", what=what, message=_KEEP)
    return _view(row)


def deletion_cancel(*, user_id: int, actor: User | None = None, reason: str = "", ip: str | None = None) -> bool:
    """Take a deletion back; False when none was waiting."""
    with transaction.atomic(durable=True):
        user_lock(user_id)
        row = DeletionRequest.objects.select_for_update().filter(user_id=user_id, status=_WAITING).first()
        if row is None:
            return False
        row.status, row.cancelled_at = DeletionRequest.Status.CANCELLED, timezone.now()
        row.save(update_fields=["status", "cancelled_at"])
        _record(row, "deletion_cancelled", actor=actor, reason=reason, ip=ip)
        message = "You have taken the deletion back. Nothing was erased."
        _tell(row, dedupe=f"deletion:{row.pk}:kept", what="Your account stays", message=message)
    return True


def deletions_remind(batch: int = 500) -> int:
    """Tell those whose day is near, once; returns how many."""
    soon = timezone.now() + REMIND_BEFORE
    rows = DeletionRequest.objects.filter(status=_WAITING, reminded_at__isnull=True, due_at__lte=soon)
    told = 0
    for pk, user_id in list(rows.order_by("due_at").values_list("pk", "user_id")[:batch]):
        with transaction.atomic(durable=True):
            user_lock(user_id)
            row = DeletionRequest.objects.select_for_update().get(pk=pk)
            if row.status != _WAITING or row.reminded_at is not None:
                continue
            row.reminded_at = timezone.now()
            row.save(update_fields=["reminded_at"])
            if row.due_at - row.requested_at > REMIND_BEFORE:
                what = f"Your account will be deleted on {day(row.due_at)}"
                _tell(row, dedupe=f"deletion:{row.pk}:soon", what=what, message=_KEEP)
                told += 1
    return told


def deletions_carry_out(batch: int = 100) -> int:
    """Erase the people whose day has come, each in a transaction of its own; returns how many.

    What must be settled first, or fails, is left as it is for the next time, and keeps nobody else waiting.
    """
    rows = DeletionRequest.objects.filter(status=_WAITING, due_at__lte=timezone.now())
    done = 0
    for request_id in list(rows.order_by("due_at", "pk").values_list("pk", flat=True)[:batch]):
        try:
            done += deletion_carry_out(request_id=request_id)
        except Denied as error:
            logger.warning("deletion %s waits: %s", request_id, error.code)
        except Exception:
            logger.exception("deletion %s failed", request_id)
    return done


def deletion_carry_out(*, request_id: int, actor: User | None = None, reason: str = "") -> bool:
    """Erase one person whose day has come; False when that was done, taken back, or is not due.

    Raises Denied while something must be settled first.
    """
    user_id = DeletionRequest.objects.filter(pk=request_id).values_list("user_id", flat=True).first()
    if user_id is None:
        return False
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        row = DeletionRequest.objects.select_for_update().get(pk=request_id)
        if row.status != _WAITING or row.due_at > timezone.now():
            return False
        _may_go(user)
        _erase_in_tx(user)
        row.status, row.done_at = DeletionRequest.Status.DONE, timezone.now()
        row.save(update_fields=["status", "done_at"])
        _record(row, "person_anonymised", actor=actor, reason=reason)
        outbox.emit(topic="accounts.user_anonymised", aggregate=f"user:{user_id}", payload={"user_id": user_id})
    return True


def deletion_now(*, user_id: int, reason: str) -> bool:
    """Erase a person without waiting, at an operator's word."""
    deletion_request(user_id=user_id, reason=reason)
    with transaction.atomic(durable=True):
        user_lock(user_id)
        rows = DeletionRequest.objects.filter(user_id=user_id, status=_WAITING)
        rows.update(due_at=Least("due_at", Now()))
        request_id = rows.values_list("pk", flat=True).first()
    return request_id is not None and deletion_carry_out(request_id=request_id, reason=reason)


def deletion_aftermath(*, user_id: int) -> None:
    """What follows once a person is erased, outside of any transaction: resting orders end. Bears being repeated."""
    if not User.objects.filter(pk=user_id, anonymised_at__isnull=False).exists():
        return
    for share in personal_data():
        share.afterwards(user_id)


def files_delete(*, storage: str, names: Sequence[str]) -> None:
    """Delete files that nothing refers to any more; those that are gone already do no harm."""
    where = storages[storage]
    for name in names:
        where.delete(name)


def _erase_in_tx(user: User) -> None:
    from accounts.services.signins import signins_end_all_in_tx

    signins_end_all_in_tx(user_id=user.pk, because="deleted")
    for share in personal_data():
        share.erase(user.pk)
    push.stream_cut(user.pk)


def _may_go(user: User) -> None:
    if user.anonymised_at is not None:
        raise NotFound("user_not_found", "There is no such user.")
    if user.kind != User.Kind.PERSON:
        raise Denied("not_a_person", "Agents belong to the platform. They are switched off, not deleted.")
    if user.role != User.Role.TRADER or user.is_staff or user.is_superuser:
        raise Denied("role_held", "You help to run the platform. Have an administrator take your role away first.")
    obstacle = deletion_obstacle(user.pk)
    if obstacle is not None:
        raise Denied(obstacle.code, obstacle.message)


def _record(
    row: DeletionRequest,
    action: str,
    *,
    actor: User | None,
    reason: str,
    ip: str | None = None,
    after: dict[str, str] | None = None,
) -> None:
    audit.record(
        actor=actor, action=action, subject_type="user", subject_id=row.user_id, after=after, reason=reason, ip=ip
    )
    if action != "person_anonymised":
        payload = {"user_id": row.user_id, "request_id": row.pk}
        outbox.emit(topic=f"accounts.{action}", aggregate=f"user:{row.user_id}", payload=payload)


def _tell(row: DeletionRequest, *, dedupe: str, what: str, message: str) -> None:
    params = {"what": what, "message": message}
    notify_in_tx(user_id=row.user_id, kind="deletion", dedupe=dedupe, params=params, url="/settings/privacy")


def _view(row: DeletionRequest) -> DeletionView:
    return DeletionView(id=row.pk, requested_at=row.requested_at, due_at=row.due_at)


def operator_reason(reason: str) -> str:
    """Why an operator acts; raises Invalid without one."""
    if not reason.strip():
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    return reason.strip()
