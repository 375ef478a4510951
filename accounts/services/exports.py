"""Copies of everything held about a person: asked for, built by a task, fetched by that person only, gone in time.

One process builds a copy at a time: it holds a lease in Redis that it renews as it goes. Whoever finds a copy without a
lease builds it again from the start.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import IO
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.db import IntegrityError, transaction
from django.db.models.fields.files import FieldFile
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.adapters.archive import Archive
from accounts.domain.privacy import EXPORT_GIVEN_UP_AFTER, ExportView
from accounts.locks import user_lock
from accounts.models import DataExport, User
from accounts.models.privacy import export_path
from accounts.ports import personal_data
from accounts.selectors.privacy import export_require, export_view
from accounts.services.export_words import readme
from accounts.services.notices import notify_in_tx
from core.errors import Conflict, DomainError, NotFound
from core.redis import client
from core.services import audit, outbox
from core.throttling import limit

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
_TELL_EVERY = 1.0
_OPEN = (DataExport.Status.REQUESTED, DataExport.Status.BUILDING)
_FAILED = "The copy could not be made. Ask for it again."
_FILE_CHUNK = 262_144
Beat = Callable[[], None]


def export_request(
    *, user_id: int, actor: User | None = None, reason: str = "", ip: str | None = None, is_limited: bool = True
) -> ExportView:
    """Ask for a copy of everything that is held about a person.

    Raises Conflict (`export_open`) while one is being made, and `rate_limited` after settings' `exports` a day.
    """
    if DataExport.objects.filter(user_id=user_id, status__in=_OPEN).exists():
        raise _open_already()
    if is_limited:
        limit("exports", str(user_id))
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        if user.anonymised_at is not None:
            raise NotFound("user_not_found", "There is no such user.")
        try:
            with transaction.atomic():
                row = DataExport.objects.create(user=user)
        except IntegrityError as error:
            raise _open_already() from error
        row.refresh_from_db()
        audit.record(
            actor=actor, action="data_export_requested", subject_type="user", subject_id=user.pk,
            after={"export": row.pk}, reason=reason, ip=ip,
        )  # fmt: skip
        outbox.emit(topic="accounts.export_requested", aggregate=f"user:{user.pk}", payload={"export_id": row.pk})
    return export_view(row)


def export_open(*, user: User, export_id: int, ip: str | None = None) -> tuple[IO[bytes], DataExport]:
    """The file of a person's own copy, opened; who fetched it is recorded.

    Raises NotFound for whoever else asks, Conflict (`export_not_ready`), and `export_expired` (410) when its time is
    over.
    """
    row = export_require(user_id=user.pk, export_id=export_id)
    if row.status in _OPEN or row.status == DataExport.Status.FAILED:
        raise Conflict("export_not_ready", "This copy is not ready.", {"status": row.status})
    if row.status == DataExport.Status.EXPIRED or row.expires_at is None or row.expires_at <= timezone.now():
        raise _expired()
    try:
        file = row.file.storage.open(str(row.file.name), "rb")
    except FileNotFoundError as error:
        raise _expired() from error
    with transaction.atomic(durable=True):
        audit.record(
            actor=user, action="data_export_fetched", subject_type="user", subject_id=user.pk,
            after={"export": row.pk}, ip=ip,
        )  # fmt: skip
    return file, row


def export_build(*, export_id: int) -> bool:
    """Build a copy that was asked for; False when there is nothing to build, another process does it, or it failed."""
    lease = _Lease(export_id)
    if not lease.take():
        return False
    try:
        row = DataExport.objects.filter(pk=export_id, status__in=_OPEN).first()
        if row is None:
            return False
        DataExport.objects.filter(pk=export_id).update(status=DataExport.Status.BUILDING, progress=0)
        with tempfile.TemporaryFile() as file:
            archive_write(file, user_id=row.user_id, beat=_progress(export_id, row.user_id, lease))
            return _finish(export_id, row.user_id, file)
    except Exception:
        logger.exception("export %s failed", export_id)
        DataExport.objects.filter(pk=export_id, status__in=_OPEN).update(
            status=DataExport.Status.FAILED, error=_FAILED, progress=0
        )
        return False
    finally:
        lease.give_back()


def archive_write(file: IO[bytes], *, user_id: int, beat: Beat = lambda: None) -> None:
    """Write the ZIP of a person's data: each table as JSON and CSV, their files, and a README that explains them."""
    shares = personal_data()
    with Archive(file, beat) as archive:
        counts = {
            table.name: archive.table(table.name, table.shown, table.rows(user_id))
            for share in shares
            for table in share.tables
        }
        names = []
        for share in shares:
            for name, stored in share.files(user_id):
                if stored.storage.exists(str(stored.name)):
                    archive.file(name, _chunks(stored))
                    names.append(name)
        archive.text("README.txt", readme(shares, counts, names, at=timezone.now()))


def export_hand_over(*, user_id: int, path: Path, reason: str) -> int:
    """Write a person's copy to a new file that only the operator may read; returns its size. Raises NotFound.

    For those who cannot sign in. Recorded before a byte is read.
    """
    if not User.objects.filter(pk=user_id).exists():
        raise NotFound("user_not_found", "There is no such user.")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        with transaction.atomic(durable=True):
            audit.record(
                actor=None, action="data_export_handed_over", subject_type="user", subject_id=user_id, reason=reason
            )
        archive_write(file, user_id=user_id)
        return file.tell()


def exports_unbuilt() -> list[int]:
    """Copies that are asked for and that nobody builds, for a task to build; gives up those that waited too long."""
    now = timezone.now()
    waiting = DataExport.objects.filter(status__in=_OPEN, requested_at__lt=now - timedelta(seconds=LEASE_SECONDS))
    found = []
    for export_id, asked_at in waiting.order_by("pk").values_list("pk", "requested_at")[:200]:
        if _Lease(export_id).is_held():
            continue
        if asked_at < now - EXPORT_GIVEN_UP_AFTER:
            DataExport.objects.filter(pk=export_id, status__in=_OPEN).update(
                status=DataExport.Status.FAILED, error=_FAILED, progress=0
            )
        else:
            found.append(export_id)
    return found


def exports_expire(batch: int = 200) -> int:
    """Delete the files whose time is over; returns how many."""
    over = DataExport.objects.filter(status=DataExport.Status.READY, expires_at__lte=timezone.now())
    expired = 0
    for row in over.order_by("pk")[:batch]:
        # The file first: a crash in between leaves a row that comes up again, not a file that nobody knows of.
        row.file.storage.delete(str(row.file.name))
        expired += DataExport.objects.filter(pk=row.pk, status=DataExport.Status.READY).update(
            status=DataExport.Status.EXPIRED, file=""
        )
    return expired


class _Lease:
    """Whoever holds it builds the copy. It ends by itself when its holder is gone."""

    def __init__(self, export_id: int) -> None:
        self._key, self._mark = f"export:{export_id}:builder", uuid4().hex

    def take(self) -> bool:
        """Take it; False when another process has it. Raises RedisError: without Redis nothing is built."""
        return bool(client().set(self._key, self._mark, nx=True, ex=LEASE_SECONDS))

    def is_held(self) -> bool:
        """Whether anybody has it; yes when Redis does not answer, which is no reason to build twice."""
        try:
            return bool(client().exists(self._key))
        except RedisError:
            return True

    def renew(self) -> None:
        """Keep it for longer."""
        try:
            client().expire(self._key, LEASE_SECONDS)
        except RedisError:
            logger.warning("the lease of an export was not renewed", exc_info=True)

    def give_back(self) -> None:
        """Let go of what is one's own."""
        try:
            if client().get(self._key) == self._mark:
                client().delete(self._key)
        except RedisError:
            logger.warning("the lease of an export ends by itself", exc_info=True)


def _progress(export_id: int, user_id: int, lease: _Lease) -> Beat:
    """Counts rows as they are written, and tells of it about once a second: percent to the page, life to the lease."""
    total = max(sum(table.count(user_id) for share in personal_data() for table in share.tables), 1)
    done, told_at = 0, time.monotonic()

    def beat() -> None:
        nonlocal done, told_at
        done += 1
        if time.monotonic() - told_at >= _TELL_EVERY:
            told_at = time.monotonic()
            lease.renew()
            DataExport.objects.filter(pk=export_id).update(progress=min(99, done * 100 // total))

    return beat


def _finish(export_id: int, user_id: int, file: IO[bytes]) -> bool:
    """Put the file into private storage and tell the person; a copy that nobody waits for any more is thrown away."""
    storage: Storage = storages["private"]
    size = file.seek(0, 2)
    file.seek(0)
    name = storage.save(export_path(DataExport(), ""), File(file))
    is_kept = False
    try:
        with transaction.atomic(durable=True):
            is_kept = _settle_in_tx(export_id, user_id, name, size)
    finally:
        if not is_kept:
            storage.delete(name)
    return is_kept


def _settle_in_tx(export_id: int, user_id: int, name: str, size: int) -> bool:
    user = user_lock(user_id)
    row = DataExport.objects.select_for_update().get(pk=export_id)
    if row.status != DataExport.Status.BUILDING or user.anonymised_at is not None:
        return False
    now = timezone.now()
    row.status, row.file, row.size, row.progress, row.error = DataExport.Status.READY, name, size, 100, ""
    row.ready_at, row.expires_at = now, now + timedelta(days=settings.EXPORT_LINK_DAYS)
    row.save(update_fields=["status", "file", "size", "progress", "error", "ready_at", "expires_at"])
    notify_in_tx(
        user_id=user_id,
        kind="export_ready",
        dedupe=f"export:{export_id}",
        params={"until": f"{row.expires_at:%d %B %Y, %H:%M} UTC"},
        url="/settings/privacy",
    )
    return True


def _chunks(stored: FieldFile) -> Iterable[bytes]:
    with stored.storage.open(str(stored.name), "rb") as file:
        yield from file.chunks(_FILE_CHUNK)


def _open_already() -> Conflict:
    return Conflict("export_open", "A copy of your data is being made already. It will be here when it is ready.")


def _expired() -> DomainError:
    return DomainError("export_expired", "This copy has expired. Ask for a new one.", status=410)
