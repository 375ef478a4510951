"""Money that leaves the firm for its traders and affiliates, and what shows what somebody has done."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from payments.models import Payment, Payout
from propfirm.models.accounts import PropAccount, PropPhase
from propfirm.models.plans import Affiliate
from trading.models import Verdict


class PropPayout(models.Model):
    """Profit of a funded account that its trader asks for. Amounts are minor units of the account's currency.

    gross = trader + firm. `verdict` is the eligibility at the request, with its evidence; the account trades nothing
    until it is decided. Approved: `removed_minor` has left the account, and `payout` is on its way through payments.
    """

    class Status(models.TextChoices):
        """Two people decide, never the trader; how it is paid is the payout's own status."""

        REQUESTED = "requested", "Requested"
        REVIEWED = "reviewed", "Reviewed"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Not approved"
        CANCELLED = "cancelled", "Taken back"

    public_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    account = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="payouts")
    phase = models.ForeignKey(PropPhase, on_delete=models.PROTECT, related_name="+")
    verdict = models.ForeignKey(Verdict, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    gross_minor = models.PositiveBigIntegerField()
    trader_minor = models.PositiveBigIntegerField()
    firm_minor = models.PositiveBigIntegerField()
    refund_minor = models.PositiveBigIntegerField(default=0, help_text="Of the fee, given back with this payout")
    removed_minor = models.PositiveBigIntegerField(default=0, help_text="What left the trading account")
    split_percent = models.DecimalField(max_digits=5, decimal_places=2)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REQUESTED)
    flags = models.JSONField(default=list, blank=True, help_text="What the reviewer should look at")
    reason = models.CharField(max_length=300, blank=True, help_text="Said to the trader")
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    payout = models.OneToOneField(Payout, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "payout of profit"
        verbose_name_plural = "payouts of profit"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(status__in=["requested", "reviewed"]), name="prop_payout_open_once"
            ),
            models.CheckConstraint(
                condition=Q(gross_minor=F("trader_minor") + F("firm_minor")), name="prop_payout_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | Q(approved_by__isnull=True) | ~Q(reviewed_by=F("approved_by")),
                name="prop_payout_two_people",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["status", "id"], name="prop_payout_queue")]

    def __str__(self) -> str:
        return f"payout {self.pk} of account {self.account_id}: {self.status}"


class PropCertificate(models.Model):
    """What shows to anyone that a phase was passed, an account funded or a payout paid. Never changed."""

    class Kind(models.TextChoices):
        """What it certifies."""

        PASSED = "passed", "Passed"
        FUNDED = "funded", "Funded"
        PAYOUT = "payout", "Payout"

    code = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    account = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="certificates")
    phase = models.ForeignKey(PropPhase, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    payout = models.ForeignKey(PropPayout, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    figures = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "certificate"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "phase"], condition=Q(payout=None), name="prop_certificate_phase"),
            models.UniqueConstraint(fields=["payout"], name="prop_certificate_payout"),
        ]

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """A purchase that an affiliate brought. Its commission is held while the fee may still be given back."""

    class Status(models.TextChoices):
        """Earned: it is owed. Reversed: the fee went back."""

        HELD = "held"
        EARNED = "earned"
        REVERSED = "reversed"

    affiliate = models.ForeignKey(Affiliate, on_delete=models.PROTECT, related_name="referrals")
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(PropAccount, on_delete=models.PROTECT, related_name="+")
    commission_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.HELD)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["status", "due_at"], name="referral_due")]

    def __str__(self) -> str:
        return f"referral of payment {self.payment_id}"
