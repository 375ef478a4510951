"""Traces that let moderators see who may be one person, and the leads drawn from them. Nothing here bans anyone."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class DeviceSighting(models.Model):
    """A user was seen with a device, an address or a payment instrument, of which only a keyed hash is kept."""

    class Kind(models.TextChoices):
        """What was seen."""

        DEVICE = "device"
        IP = "ip"
        PAYMENT = "payment"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    digest = models.CharField(max_length=64)
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    times = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "kind", "digest"], name="sighting_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["kind", "digest"], name="sighting_digest"),
            models.Index(fields=["last_seen_at"], name="sighting_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of user {self.user_id}"


class AbuseLead(models.Model):
    """A group of users who share something, for a moderator to look at."""

    class Status(models.TextChoices):
        """`dismissed`: looked at and harmless; `confirmed`: a moderator acted on it."""

        OPEN = "open"
        DISMISSED = "dismissed"
        CONFIRMED = "confirmed"

    key = models.CharField(max_length=80, unique=True, help_text="The kind and the hash that are shared")
    kind = models.CharField(max_length=8, choices=DeviceSighting.Kind.choices)
    score = models.PositiveSmallIntegerField(help_text="0 to 100: how telling what is shared is")
    evidence = models.JSONField(default=dict)
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["status", "-score"], name="lead_queue")]

    def __str__(self) -> str:
        return f"{self.kind} lead {self.pk}"
