"""A person's rights over what is held about them: a copy of it, and its end."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.models.identity import private_storage


def export_path(export: "DataExport", filename: str) -> str:  # noqa: ARG001
    """A name nobody can guess."""
    return f"exports/{uuid4().hex}.zip"


class DataExport(models.Model):
    """A copy of everything held about a person, built by a task; its link ends with `expires_at`."""

    class Status(models.TextChoices):
        """`expired`: the file is gone."""

        REQUESTED = "requested", "Waiting to be built"
        BUILDING = "building", "Being built"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="data_exports")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REQUESTED)
    file = models.FileField(upload_to=export_path, storage=private_storage, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes")
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent")
    error = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField(db_default=Now())
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(status__in=["requested", "building"]), name="data_export_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"export for user {self.user_id}: {self.status}"


class DeletionRequest(models.Model):
    """A person wants to be forgotten: taken back until `due_at`, carried out by a task after it."""

    class Status(models.TextChoices):
        """`done`: the person was anonymised, the books stayed whole."""

        WAITING = "waiting", "Waiting"
        CANCELLED = "cancelled", "Taken back"
        DONE = "done", "Done"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deletion_requests")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    requested_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(status="waiting"), name="deletion_request_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"deletion of user {self.user_id}: {self.status}"
