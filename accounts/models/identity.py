"""Who a person is, checked by people."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.core.files.storage import storages
from django.core.files.storage.base import Storage
from django.db import models
from django.db.models.functions import Now


def document_path(document: "IdentityDocument", filename: str) -> str:  # noqa: ARG001
    """A name nobody can guess; what the sender called the file is not kept."""
    return f"identity/{document.check_of_id}/{uuid4().hex}"


def private_storage() -> Storage:
    """Where files lie that no address serves."""
    return storages["private"]


class IdentityCheck(models.Model):
    """One application to be known: documents, a first look, a decision by a second person."""

    class Status(models.TextChoices):
        """`assessed`: a first person has recommended; `expired`: it must be done again."""

        DRAFT = "draft", "Not sent yet"
        SUBMITTED = "submitted", "Waiting for review"
        ASSESSED = "assessed", "Waiting for the second look"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Not accepted"
        EXPIRED = "expired", "Expired"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="identity_checks")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    provider = models.CharField(max_length=24, default="manual")
    legal_name = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=2, blank=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    assessed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    recommends_approval = models.BooleanField(null=True, blank=True)
    assessment = models.CharField(max_length=500, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True, help_text="Said to the person")
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(status__in=["draft", "submitted", "assessed"]),
                name="identity_check_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(assessed_by__isnull=True)
                | models.Q(decided_by__isnull=True)
                | ~models.Q(assessed_by=models.F("decided_by")),
                name="identity_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(assessed_by__isnull=True) | ~models.Q(assessed_by=models.F("user")),
                name="identity_not_assessed_by_oneself",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True) | ~models.Q(decided_by=models.F("user")),
                name="identity_not_decided_by_oneself",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["status", "submitted_at"], name="identity_queue"),
        ]

    def __str__(self) -> str:
        return f"identity of user {self.user_id}: {self.status}"


class IdentityDocument(models.Model):
    """A file of an application, in private storage, with what it hashes to; purged when its time is over."""

    class Kind(models.TextChoices):
        """What the picture shows."""

        FRONT = "front", "Front of the document"
        BACK = "back", "Back of the document"
        SELFIE = "selfie", "You with the document"
        ADDRESS = "address", "Proof of address"

    check_of = models.ForeignKey(IdentityCheck, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    file = models.FileField(upload_to=document_path, storage=private_storage, blank=True)
    content_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField(help_text="Bytes")
    sha256 = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField(db_default=Now())
    purged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["check_of", "kind"], condition=models.Q(purged_at__isnull=True), name="identity_document_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of check {self.check_of_id}"
