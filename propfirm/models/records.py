"""Disputes about verdicts, what the detectors found, and the calendar of scheduled news."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from marketdata.models import Market
from propfirm.models.accounts import PropAccount
from trading.models import Verdict


class PropDispute(models.Model):
    """An objection to a verdict that ended a phase: judged again with corrected prices, undone by two people."""

    class Status(models.TextChoices):
        """Assessed: one person has judged it again and proposes; another decides."""

        OPEN = "open", "Open"
        ASSESSED = "assessed", "Looked at"
        UPHELD = "upheld", "The verdict stands"
        REINSTATED = "reinstated", "Undone"

    account = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="disputes")
    verdict = models.OneToOneField(Verdict, on_delete=models.PROTECT, related_name="+")
    body = models.CharField(max_length=2_000, help_text="What the trader says")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    corrections = models.JSONField(default=dict, blank=True, help_text="Symbol -> price that should have counted")
    again = models.JSONField(default=list, blank=True, help_text="What the rules find with these prices")
    balance_minor = models.BigIntegerField(null=True, blank=True, help_text="The balance to go on with")
    proposal = models.CharField(max_length=10, blank=True, help_text="uphold or reinstate")
    note = models.CharField(max_length=1_000, blank=True, help_text="Said to the trader")
    assessed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    assessed_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "dispute"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(assessed_by__isnull=True) | Q(decided_by__isnull=True) | ~Q(assessed_by=F("decided_by")),
                name="prop_dispute_two_people",
            )
        ]

    def __str__(self) -> str:
        return f"dispute of verdict {self.verdict_id}: {self.status}"


class PropFinding(models.Model):
    """Two accounts of the firm that trade the same, or the opposite, more often than chance explains."""

    class Kind(models.TextChoices):
        """Opposite: hedged across accounts."""

        COPY = "copy", "Same trades"
        OPPOSITE = "opposite", "Opposite trades"

    class Status(models.TextChoices):
        """People decide what it means."""

        OPEN = "open", "Open"
        CONFIRMED = "confirmed", "Confirmed"
        DISMISSED = "dismissed", "Dismissed"

    kind = models.CharField(max_length=8, choices=Kind.choices)
    left = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="+")
    right = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="+")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    score = models.DecimalField(max_digits=5, decimal_places=4, help_text="0 to 1")
    evidence = models.JSONField()
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True)
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "finding"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "left", "right"], name="prop_finding_once")
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["status", "-id"], name="prop_finding_queue")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.left_id} and {self.right_id}"


class EconomicEvent(models.Model):
    """Scheduled news, imported. `symbols` empty: it moves everything."""

    at = models.DateTimeField(db_index=True)
    title = models.CharField(max_length=160)
    impact = models.CharField(max_length=6, help_text="low, medium or high")
    country = models.CharField(max_length=8, blank=True, help_text="Country or currency, as the source has it")
    symbols = models.JSONField(default=list, blank=True)
    source = models.CharField(max_length=40)
    external_id = models.CharField(max_length=80)
    imported_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["source", "external_id"], name="economic_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.at:%Y-%m-%d %H:%M}"
