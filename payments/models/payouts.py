"""Money that goes out: payees, payouts and their steps, batches, and who is not paid."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Payee(models.Model):
    """Where a person is paid. Every change of it makes a new `version`: what was approved is sent to no other."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=16)
    ref = models.CharField(max_length=120, blank=True)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    label = models.CharField(max_length=80, blank=True, help_text="As people may see it: a bank's name, four digits")
    details = models.TextField(blank=True, help_text="Encrypted; of providers that keep none themselves")
    is_ready = models.BooleanField(default=False)
    missing = models.JSONField(default=list, blank=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user"], condition=models.Q(is_active=True), name="payee_active_once"),
            models.UniqueConstraint(fields=["provider", "ref"], condition=~models.Q(ref=""), name="payee_ref_once"),
        ]

    def __str__(self) -> str:
        return f"payee {self.pk} at {self.provider}"


class PayoutBatch(models.Model):
    """Payouts that are sent together."""

    name = models.CharField(max_length=60)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "payout batches"

    def __str__(self) -> str:
        return self.name


class Payout(models.Model):
    """What a person is paid, from the request to the bank. `public_id` is the key the provider is asked with."""

    class Status(models.TextChoices):
        """See payments.domain.states."""

        REQUESTED = "requested", "Requested"
        REVIEWED = "reviewed", "Reviewed"
        APPROVED = "approved", "Approved"
        SENDING = "sending", "Being sent"
        SENT = "sent", "On its way"
        PAID = "paid", "Paid"
        FAILED = "failed", "Failed"
        RETURNED = "returned", "Returned by the bank"
        REJECTED = "rejected", "Not approved"
        CANCELLED = "cancelled", "Cancelled"

    public_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    payee = models.ForeignKey(Payee, on_delete=models.PROTECT, related_name="payouts")
    payee_version = models.PositiveIntegerField(help_text="As it was when it was asked for")
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.REQUESTED)
    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, null=True, blank=True, related_name="payouts")
    not_before = models.DateTimeField(db_default=Now(), help_text="Held until then")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True, help_text="Said to the person")
    flags = models.JSONField(default=list, blank=True, help_text="What the reviewer should look at")
    provider = models.CharField(max_length=16)
    ref = models.CharField(max_length=120, blank=True)
    failure_code = models.CharField(max_length=60, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="payout_of_something"),
            models.CheckConstraint(
                condition=models.Q(reviewed_by__isnull=True)
                | models.Q(approved_by__isnull=True)
                | ~models.Q(reviewed_by=models.F("approved_by")),
                name="payout_two_people",
            ),
            models.CheckConstraint(
                condition=(models.Q(reviewed_by__isnull=True) | ~models.Q(reviewed_by=models.F("user")))
                & (models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("user"))),
                name="payout_not_by_oneself",
            ),
            models.UniqueConstraint(fields=["provider", "ref"], condition=~models.Q(ref=""), name="payout_ref_once"),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-id"], name="payout_of_user"),
            models.Index(fields=["status", "next_at"], name="payout_queue"),
        ]

    def __str__(self) -> str:
        return f"payout {self.pk}: {self.status}"


class PayoutStep(models.Model):
    """A step of a payout, for its timeline."""

    payout = models.ForeignKey(Payout, on_delete=models.PROTECT, related_name="steps")
    status = models.CharField(max_length=12)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"payout {self.payout_id}: {self.status}"


class BlockedParty(models.Model):
    """Somebody who must not be paid: a name of a sanctions list, or one of our own. `key` is the name, normalised."""

    name = models.CharField(max_length=160)
    key = models.CharField(max_length=160)
    country = models.CharField(max_length=2, blank=True, help_text="Only of this country; empty: wherever")
    source = models.CharField(max_length=80)
    note = models.CharField(max_length=300, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "blocked parties"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["key", "country", "source"], name="blocked_party_once")
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["key"], name="blocked_party_key")]

    def __str__(self) -> str:
        return self.name
