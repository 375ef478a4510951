"""The embedded test provider's own side: what it knows, what it has told, its statement."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class SandboxObject(models.Model):
    """A checkout, charge, refund, dispute, subscription, invoice, payee or payout at the sandbox."""

    kind = models.CharField(max_length=16)
    ref = models.CharField(max_length=60, unique=True)
    our_ref = models.CharField(max_length=60, blank=True)
    parent_ref = models.CharField(max_length=60, blank=True)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["kind", "our_ref"], name="sandbox_our_ref"),
            models.Index(fields=["kind", "parent_ref"], name="sandbox_parent"),
        ]

    def __str__(self) -> str:
        return self.ref


class SandboxEvent(models.Model):
    """Something that the sandbox has to tell; delivered until it is taken."""

    ref = models.CharField(max_length=60, unique=True)
    type = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=16)
    object_ref = models.CharField(max_length=60)
    created_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=models.Q(delivered_at__isnull=True), name="sandbox_to_tell")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.object_ref}"


class SandboxKey(models.Model):
    """An idempotency key that was used, for what, and the object that came of it."""

    key = models.CharField(max_length=255, unique=True)
    body_hash = models.CharField(max_length=64)
    ref = models.CharField(max_length=60)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.key


class SandboxMovement(models.Model):
    """A line of the sandbox's statement."""

    ref = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=20)
    source_ref = models.CharField(max_length=60)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["at"], name="sandbox_movement_at")]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_minor} {self.currency}"
