"""Accounts of the firm: what somebody bought, the phases that they traded, and what happened to them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from payments.models import Payment
from propfirm.models.plans import Affiliate, PropPlan
from trading.models import Account, RuleSet, Verdict


class PropAccount(models.Model):
    """One purchased evaluation, from its payment to its end. Statuses move as propfirm.domain.states allows.

    A soft lock is not a status: the trading account of the phase carries it, with its end.
    """

    class Status(models.TextChoices):
        """`void` was never paid for; `closed` ended without a breach (given back, called off)."""

        PENDING = "pending", "Waiting for the payment"
        ACTIVE = "active", "Evaluation"
        FUNDED = "funded", "Funded"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"
        CLOSED = "closed", "Closed"
        VOID = "void", "Never paid"

    class FeeRefund(models.TextChoices):
        """The fee that comes back with a payout, by the payment's own ways."""

        NONE = "", "None"
        DUE = "due", "Due"
        DONE = "done", "Given back"
        FAILED = "failed", "Could not be given back"

    number = models.CharField(max_length=10, unique=True, help_text="PA and eight digits")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(PropPlan, on_delete=models.PROTECT, related_name="accounts")
    add_ons = models.JSONField(default=list, help_text="Codes of what was added to the plan")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    phase_index = models.PositiveSmallIntegerField(default=0)
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="+")
    affiliate = models.ForeignKey(Affiliate, on_delete=models.PROTECT, null=True, blank=True, related_name="accounts")
    fee_minor = models.PositiveBigIntegerField(help_text="What was paid, tax included")
    fee_refund = models.CharField(max_length=8, choices=FeeRefund.choices, default=FeeRefund.NONE, blank=True)
    fee_refund_minor = models.PositiveBigIntegerField(default=0)
    retries = models.PositiveSmallIntegerField(default=0, help_text="Free retries taken in this phase")
    resets = models.PositiveSmallIntegerField(default=0, help_text="Resets paid for")
    created_at = models.DateTimeField(db_default=Now())
    activated_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = "account"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "-id"], name="prop_account_owner"),
            models.Index(fields=["status", "-id"], name="prop_account_status"),
        ]

    def __str__(self) -> str:
        return self.number


class PropPhase(models.Model):
    """A phase of an account as it was traded: each attempt has a fresh trading account under its own rules."""

    class Status(models.TextChoices):
        """Only an active phase trades."""

        ACTIVE = "active", "Active"
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Expired"
        CLOSED = "closed", "Closed"

    account = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="phases")
    index = models.PositiveSmallIntegerField()
    attempt = models.PositiveSmallIntegerField(default=1)
    key = models.SlugField(max_length=24)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, help_text="evaluation or funded")
    trading_account = models.OneToOneField(Account, on_delete=models.PROTECT, related_name="+")
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    verdict = models.ForeignKey(
        Verdict, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="What ended it"
    )
    started_at = models.DateTimeField(help_text="Market time")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Market time")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "phase"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["account", "index", "attempt"], name="prop_phase_once"),
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(status="active"), name="prop_phase_active_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of account {self.account_id}"


class PropActivity(models.Model):
    """What happened to an account, for its owner to read. Append-only."""

    account = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="activities")
    kind = models.CharField(max_length=24, help_text="bought, activated, phase_started, warn, failed, payout_paid...")
    message = models.CharField(max_length=500)
    data = models.JSONField(default=dict)
    verdict = models.ForeignKey(Verdict, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    market_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "activity"
        verbose_name_plural = "activities"
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["account", "-id"], name="prop_activity_account")]

    def __str__(self) -> str:
        return f"{self.kind} of account {self.account_id}"


class PropReset(models.Model):
    """A reset that somebody buys for an account that ended: the phase begins again when it is paid."""

    class Status(models.TextChoices):
        """Held while it is paid for."""

        HELD = "held"
        TAKEN = "taken"
        RELEASED = "released"
        REVOKED = "revoked"

    account = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="bought_resets")
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="+")
    phase = models.OneToOneField(
        PropPhase, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="What it started"
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.HELD)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "reset"

    def __str__(self) -> str:
        return f"reset of account {self.account_id}"
