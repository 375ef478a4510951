"""Plans that people have: subscriptions, what they grant and for how long, and what has been used."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from payments.models.catalogue import PlanPrice, PlanVersion


class Subscription(models.Model):
    """A plan that renews at a provider. What it lets a person do is in the grants of its paid payments."""

    class Status(models.TextChoices):
        """As in payments.domain.ports.SubscriptionState."""

        INCOMPLETE = "incomplete", "Waiting for the first payment"
        TRIALING = "trialing", "On trial"
        ACTIVE = "active", "Active"
        PAST_DUE = "past_due", "Payment due"
        PAUSED = "paused", "Paused"
        CANCELED = "canceled", "Ended"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=16)
    ref = models.CharField(max_length=120)
    status = models.CharField(max_length=12, choices=Status.choices)
    price = models.ForeignKey(PlanPrice, on_delete=models.PROTECT, related_name="+", help_text="At which it renews")
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    cancel_at_period_end = models.BooleanField(default=False)
    grace_until = models.DateTimeField(
        null=True, blank=True, help_text="While a renewal is due, the plan lasts so long"
    )
    pay_url = models.URLField(max_length=2000, blank=True, help_text="Where a bill that is due can be paid")
    reminders = models.PositiveSmallIntegerField(default=0, help_text="Sent about the bill that is due")
    reminded_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When the provider was last asked by itself")
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["provider", "ref"], name="subscription_ref_once"),
            models.UniqueConstraint(
                fields=["user"], condition=~models.Q(status__in=["canceled", "incomplete"]), name="subscription_once"
            ),
        ]

    def __str__(self) -> str:
        return f"subscription {self.ref}: {self.status}"


class PlanGrant(models.Model):
    """A person has a plan from one moment to another, because of a payment or because an operator said so."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    payment = models.OneToOneField(
        "payments.Payment", on_delete=models.PROTECT, null=True, blank=True, related_name="plan_grant"
    )
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="plan_grant_lasts"),
            models.CheckConstraint(
                condition=models.Q(payment__isnull=False) | models.Q(given_by__isnull=False),
                name="plan_grant_has_cause",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["user", "ends_at"], name="plan_grant_of_user")]

    def __str__(self) -> str:
        return f"{self.plan_id} of user {self.user_id}"


class Usage(models.Model):
    """How often a person has used a counted feature in a period. Counted up in the transaction of the use."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    feature = models.CharField(max_length=24)
    period = models.CharField(max_length=10, help_text='"ever", or a date of UTC')
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "feature", "period"], name="usage_once")
        ]

    def __str__(self) -> str:
        return f"{self.feature} of user {self.user_id}: {self.used}"
