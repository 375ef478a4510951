"""People's own limits, and what the watch over risk has noted."""

from django.conf import settings
from django.db import models
from django.db.models import JSONField, Value
from django.db.models.functions import Now

from trading.models.accounts import Account


class RiskSettings(models.Model):
    """A person's limits (trading.domain.limits.Limits) and kill switch, for all of their accounts.

    `limits` is what every order is judged by: the person's own choice, tightened by their plan. `chosen` is the choice.
    `pending` is a looser choice that waits for the next market day: {"limits": {...}, "after": {market id: day}}.
    """

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    limits = models.JSONField(default=dict, db_default=Value({}, JSONField()))
    chosen = models.JSONField(default=dict, db_default=Value({}, JSONField()))
    pending = models.JSONField(null=True, blank=True)
    tolerance = models.CharField(max_length=12, blank=True, db_default="", default="")
    updated_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"limits of {self.owner_id}"


class MarginCall(models.Model):
    """A margin account below its maintenance margin: one open call at a time. Amounts as of the call, minor units."""

    class Outcome(models.TextChoices):
        """How a call ended: equity came back by itself, or positions were reduced by force."""

        OPEN = ""
        MET = "met"
        REDUCED = "reduced"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    tick = models.IntegerField()
    market_at = models.DateTimeField()
    equity_minor = models.BigIntegerField()
    exposure_minor = models.BigIntegerField()
    maintenance_minor = models.BigIntegerField()
    close_out_minor = models.BigIntegerField()
    outcome = models.CharField(max_length=8, blank=True, choices=Outcome.choices, db_default="", default="")
    reduced_orders = models.IntegerField(db_default=0, default=0)
    ended_tick = models.IntegerField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Market time")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=models.Q(ended_tick__isnull=True), name="margin_call_open_once"
            ),
            models.UniqueConstraint(fields=["account", "tick"], name="margin_call_once_a_tick"),
        ]

    def __str__(self) -> str:
        return f"margin call of {self.account_id} @{self.tick}"


class RiskNotice(models.Model):
    """Something told once for each account and market day, such as a daily loss limit that was reached."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=24, help_text="daily_loss_limit")
    day_index = models.IntegerField()
    market_at = models.DateTimeField()
    details = models.JSONField(default=dict, db_default=Value({}, JSONField()))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "kind", "day_index"], name="risk_notice_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.account_id}, day {self.day_index}"
