"""The provider's statement, held against our books."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class BalanceMovement(models.Model):
    """A line of a provider's statement, as fetched; its fee is booked when it is first seen."""

    provider = models.CharField(max_length=16)
    ref = models.CharField(max_length=120)
    kind = models.CharField(max_length=20)
    source_ref = models.CharField(max_length=120, blank=True)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    description = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "ref"], name="balance_movement_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["provider", "at"], name="balance_movement_at"),
            models.Index(fields=["provider", "source_ref"], name="balance_movement_source"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind} {self.amount_minor} {self.currency}"


class ReconciliationRun(models.Model):
    """One comparison of a provider's statement with the books."""

    class Status(models.TextChoices):
        """How it ended."""

        RUNNING = "running"
        CLEAN = "clean"
        DIFFERS = "differs"
        FAILED = "failed"

    provider = models.CharField(max_length=16)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.RUNNING)
    since = models.DateTimeField()
    until = models.DateTimeField()
    movements = models.PositiveIntegerField(default=0)
    fees_booked = models.PositiveIntegerField(default=0)
    balances = models.JSONField(default=dict, help_text="Currency -> [provider's, ours], minor units")
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.provider} {self.since:%Y-%m-%d}: {self.status}"


class Difference(models.Model):
    """What the statement and the books disagree about, and the journal that would settle it."""

    class Kind(models.TextChoices):
        """What is wrong."""

        NOT_BOOKED = "not_booked", "At the provider, not in the books"
        NOT_THERE = "not_there", "In the books, not at the provider"
        AMOUNT = "amount", "The amounts differ"

    class Status(models.TextChoices):
        """What became of it."""

        OPEN = "open"
        BOOKED = "booked"
        DISMISSED = "dismissed"
        GONE = "gone", "No longer there"

    run = models.ForeignKey(ReconciliationRun, on_delete=models.PROTECT, related_name="differences")
    provider = models.CharField(max_length=16)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    source_ref = models.CharField(max_length=120)
    currency = models.CharField(max_length=3)
    provider_minor = models.BigIntegerField()
    books_minor = models.BigIntegerField()
    proposal = models.JSONField(help_text="[account, minor units]: the legs of the journal that would settle it")
    explanation = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["provider", "source_ref", "currency"],
                condition=models.Q(status="open"),
                name="difference_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.source_ref}: {self.kind}"
