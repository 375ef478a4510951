"""What people are told, how, and what of it they want."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Notification(models.Model):
    """One thing a person is told. `dedupe` names its cause, so that a cause is told once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notifications")
    kind = models.CharField(max_length=40, help_text="A key of accounts.domain.catalogue")
    title = models.CharField(max_length=120)
    body = models.CharField(max_length=500, blank=True)
    url = models.CharField(max_length=200, blank=True, help_text="A path on this site")
    params = models.JSONField(default=dict)
    dedupe = models.CharField(max_length=120)
    in_app = models.BooleanField(default=True, help_text="Whether the bell shows it")
    created_at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "dedupe"], name="notification_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="notification_user"),
            models.Index(
                fields=["user"], condition=models.Q(read_at__isnull=True, in_app=True), name="notification_unread"
            ),
            models.Index(fields=["created_at"], name="notification_created"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to user {self.user_id}"


class NotificationDelivery(models.Model):
    """A notification on its way by one channel. Sent once: its row is taken under a lock before it is handed over."""

    class Channel(models.TextChoices):
        """How it goes out."""

        EMAIL = "email"
        PUSH = "push"

    class Status(models.TextChoices):
        """`held` waits for quiet hours or the digest; `unknown` may have been sent and is not repeated."""

        PENDING = "pending"
        HELD = "held"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        SKIPPED = "skipped"
        UNKNOWN = "unknown"

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    is_digest = models.BooleanField(default=False, help_text="Goes out together with others")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    message_id = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["notification", "channel"], name="delivery_once")
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["next_at"], condition=models.Q(status__in=["pending", "held", "sending"]), name="delivery_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.status} #{self.notification_id}"


class NotificationPreference(models.Model):
    """A person's choice for one kind and one channel, where it differs from the catalogue's default."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notification_choices")
    kind = models.CharField(max_length=40)
    channel = models.CharField(max_length=8, help_text="in_app, email or push")
    is_on = models.BooleanField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "kind", "channel"], name="notification_choice")
        ]

    def __str__(self) -> str:
        return f"user {self.user_id}: {self.kind} by {self.channel}"


class NotificationSettings(models.Model):
    """Quiet hours (in the person's own time zone) and the digest."""

    class Digest(models.TextChoices):
        """How often mail that can wait goes out together."""

        OFF = "off", "Each at once"
        DAILY = "daily", "Once a day"
        WEEKLY = "weekly", "Once a week"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notification_settings", primary_key=True
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    digest = models.CharField(max_length=8, choices=Digest.choices, default=Digest.OFF)
    rank_step = models.PositiveSmallIntegerField(default=10, help_text="Places a rank must change by to be told")

    def __str__(self) -> str:
        return f"notification settings of user {self.pk}"


class PushSubscription(models.Model):
    """A browser that takes web push."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="push_subscriptions")
    endpoint = models.URLField(max_length=500, unique=True)
    p256dh = models.CharField(max_length=120)
    auth = models.CharField(max_length=60)
    user_agent = models.CharField(max_length=300, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"push to user {self.user_id}"
