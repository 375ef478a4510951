"""What providers have told us, as it came."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class WebhookDelivery(models.Model):
    """One delivery, stored before anything is believed. Of an event's deliveries one is processed."""

    class Status(models.TextChoices):
        """`rejected`: not the provider's; `poison`: set aside after the last attempt, for an operator."""

        RECEIVED = "received", "Waiting"
        PROCESSED = "processed", "Processed"
        IGNORED = "ignored", "Ignored"
        DUPLICATE = "duplicate", "Seen before"
        REJECTED = "rejected", "Rejected"
        POISON = "poison", "Set aside"

    provider = models.CharField(max_length=16)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RECEIVED)
    event_id = models.CharField(max_length=120, blank=True)
    event_type = models.CharField(max_length=80, blank=True)
    object_kind = models.CharField(max_length=16, blank=True)
    object_ref = models.CharField(max_length=120, blank=True)
    account = models.CharField(max_length=80, blank=True)
    body = models.BinaryField(help_text="The raw body; emptied after the retention of webhooks")
    headers = models.JSONField(default=dict, help_text="The signature and what names the event; nothing else")
    event_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    received_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True, blank=True)
    replays = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["provider", "event_id"],
                condition=~models.Q(event_id="") & ~models.Q(status__in=["duplicate", "rejected"]),
                name="webhook_event_once",
            )
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_at"], condition=models.Q(status="received"), name="webhook_due"),
            models.Index(fields=["received_at"], name="webhook_received"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_type or '?'} {self.event_id}"
