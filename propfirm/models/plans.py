"""What the firm sells: versions of plans, and who brings buyers."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from marketdata.models import Market
from trading.models import AccountGroup


class PropPlan(models.Model):
    """One version of a plan (propfirm.domain.plans.PlanDefinition).

    PostgreSQL lets a draft change; of what was offered only the status does: who bought a version keeps it.
    """

    class Status(models.TextChoices):
        """At most one version of a code is offered; what is withdrawn is no longer sold."""

        DRAFT = "draft", "Draft"
        OFFERED = "offered", "Offered"
        WITHDRAWN = "withdrawn", "Withdrawn"

    code = models.SlugField(max_length=40)
    version = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    tagline = models.CharField(max_length=160, blank=True)
    steps = models.CharField(max_length=10, help_text="one, two, three or instant")
    currency = models.CharField(max_length=3)
    size_minor = models.PositiveBigIntegerField(help_text="Starting balance of each phase, minor units")
    price_minor = models.PositiveBigIntegerField(help_text="Before add-ons, coupons and tax")
    definition = models.JSONField(help_text="propfirm.domain.plans.PlanDefinition: phases, rules, add-ons")
    hash = models.CharField(max_length=64, help_text="SHA-256 of the canonical definition")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    rank = models.PositiveSmallIntegerField(default=100, help_text="Order of the comparison; the lowest first")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())
    offered_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "plan"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["code", "version"], name="prop_plan_version"),
            models.UniqueConstraint(
                fields=["code"], condition=models.Q(status="offered"), name="prop_plan_offered_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})"


class PropGroup(models.Model):
    """The group in which accounts of a plan and a purpose trade on a market."""

    plan = models.ForeignKey(PropPlan, on_delete=models.PROTECT, related_name="groups")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=16)
    group = models.OneToOneField(AccountGroup, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["plan", "market", "purpose"], name="prop_group_once")
        ]

    def __str__(self) -> str:
        return f"{self.purpose} of plan {self.plan_id}"


class Affiliate(models.Model):
    """Somebody who brings buyers: they pay less with the code, and a share of what they pay is owed to this person."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    code = models.CharField(max_length=20, unique=True, help_text="Upper case; people may type it as they like")
    commission_bp = models.PositiveIntegerField(help_text="Basis points of the net fee: 1000 is 10 %")
    discount_bp = models.PositiveIntegerField(default=0, help_text="What the buyer saves")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=models.Q(commission_bp__lte=5_000, discount_bp__lte=5_000), name="affiliate_shares_sane"
            )
        ]

    def __str__(self) -> str:
        return self.code
