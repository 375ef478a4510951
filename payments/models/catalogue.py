"""What is sold: versions of plans, their prices, coupons, taxes."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from payments.domain.catalogue import UNLIMITED


class PlanVersion(models.Model):
    """A plan as it was published. Who bought a version keeps it; PostgreSQL lets only `is_offered` change."""

    code = models.SlugField(max_length=24)
    version = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    tagline = models.CharField(max_length=160, blank=True)
    rank = models.PositiveSmallIntegerField(help_text="A plan of higher rank holds all of the lower ones")
    limits = models.JSONField(help_text=f"Feature -> how many, {UNLIMITED} for no limit; switches 0 or 1")
    is_offered = models.BooleanField(default=True)
    published_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["code", "version"], name="plan_version_once"),
            models.UniqueConstraint(
                fields=["code"], condition=models.Q(is_offered=True), name="plan_version_offered_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class PlanPrice(models.Model):
    """What a version costs, before tax. Immutable but for `is_offered`, like its version."""

    class Interval(models.TextChoices):
        """How often it is paid."""

        MONTH = "month", "Monthly"
        YEAR = "year", "Yearly"

    plan = models.ForeignKey(PlanVersion, on_delete=models.PROTECT, related_name="prices")
    code = models.SlugField(max_length=60, unique=True, help_text="e.g. pro-1-usd-month")
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=8, choices=Interval.choices)
    amount_minor = models.PositiveBigIntegerField()
    is_offered = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["plan", "currency", "interval"], condition=models.Q(is_offered=True), name="plan_price_once"
            )
        ]

    def __str__(self) -> str:
        return self.code


class TaxRate(models.Model):
    """The tax on what is sold to a country, on top of the price, while it is in force."""

    country = models.CharField(max_length=2)
    name = models.CharField(max_length=24, help_text="As on the invoice: VAT, GST")
    rate_bp = models.PositiveIntegerField(help_text="Basis points: 1800 is 18 %")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True, help_text="The first day on which it is no longer in force")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["country", "starts_on"], name="tax_rate_once"),
            models.CheckConstraint(condition=models.Q(rate_bp__lte=10_000), name="tax_rate_sane"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.country} {self.rate_bp / 100:g} %"


class Coupon(models.Model):
    """A discount for who knows its code: a share of the price, or an amount in its currency."""

    code = models.CharField(max_length=32, unique=True, help_text="Upper case; people may type it as they like")
    percent_bp = models.PositiveIntegerField(default=0, help_text="Basis points of the price: 2000 is 20 %")
    amount_minor = models.PositiveBigIntegerField(default=0)
    currency = models.CharField(max_length=3, blank=True, help_text="Of the amount")
    kinds = models.JSONField(default=list, blank=True, help_text="Kinds of purchases it is good for; empty: all")
    references = models.JSONField(default=list, blank=True, help_text="Plans or things it is good for; empty: all")
    max_uses = models.PositiveIntegerField(null=True, blank=True, help_text="In all; empty: no limit")
    max_uses_each = models.PositiveIntegerField(default=1, help_text="By one person")
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(percent_bp__gt=0, percent_bp__lte=10_000, amount_minor=0)
                | models.Q(percent_bp=0, amount_minor__gt=0) & ~models.Q(currency=""),
                name="coupon_takes_one_thing_off",
            )
        ]

    def __str__(self) -> str:
        return self.code


class CouponUse(models.Model):
    """A coupon on a payment: held while it is being paid for, then used or released."""

    class Status(models.TextChoices):
        """Held and used count against the limits."""

        HELD = "held"
        USED = "used"
        RELEASED = "released"

    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, related_name="uses")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField("payments.Payment", on_delete=models.PROTECT, related_name="coupon_use")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.HELD)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["coupon", "status"], name="coupon_use_count")]

    def __str__(self) -> str:
        return f"{self.coupon_id} on payment {self.payment_id}: {self.status}"
