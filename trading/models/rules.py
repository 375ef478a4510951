"""Rule sets, what they remember of accounts, and the verdicts that they gave."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from marketdata.models import Listing, Market
from trading.models.accounts import Account


class RuleSet(models.Model):
    """One version of the rules of a phase, as a document (trading.domain.rules.RuleSet). Append-only: never changed."""

    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    document = models.JSONField(help_text="As trading.domain.rules.RuleSet.to_json writes it: every knob written out")
    hash = models.CharField(max_length=64, help_text="SHA-256 of the canonical document")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="rule_set_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class AccountRules(models.Model):
    """The rules that an account keeps, and their state. Written under the account's lock only.

    `last_fill_id` is the last fill that the state has taken in. `must_flatten`: a verdict closed or locked the account,
    and orders or positions of it may be left.
    """

    class Status(models.TextChoices):
        """`failed` and `expired` are for good; `locked` is until the next reset; `passed` goes on under the rules."""

        ACTIVE = "active"
        LOCKED = "locked"
        PASSED = "passed"
        FAILED = "failed"
        EXPIRED = "expired"

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="rules")
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    state = models.JSONField(help_text="trading.domain.rules.RuleState")
    last_fill_id = models.BigIntegerField(db_default=0, default=0)
    must_flatten = models.BooleanField(db_default=False, default=False)
    started_at = models.DateTimeField(help_text="Market time")
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "account rules"
        indexes = [
            models.Index(fields=["account"], condition=models.Q(must_flatten=True), name="account_rules_flatten")
        ]

    def __str__(self) -> str:
        return f"rules of {self.account_id}"


class RuleLines(models.Model):
    """When to look at an account again (trading.domain.rules.Lines): what the sweep compares with, and its peak.

    Amounts are minor units, instants microseconds since 1970 of the market's time. `reset_us` is the next roll.
    """

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="+")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    equity_low = models.BigIntegerField()
    equity_high = models.BigIntegerField()
    balance_low = models.BigIntegerField()
    balance_high = models.BigIntegerField()
    peak = models.BigIntegerField(help_text="Highest equity marked, while a rule trails it intraday")
    trail = models.BigIntegerField()
    cap = models.BigIntegerField()
    trade_low = models.BigIntegerField()
    trade_share = models.FloatField()
    due_us = models.BigIntegerField()
    reset_us = models.BigIntegerField()
    phase = models.IntegerField(db_default=0, default=0, help_text="Counts the rule sets that the account was given")

    class Meta:
        verbose_name_plural = "rule lines"
        indexes = [models.Index(fields=["market", "reset_us"], name="rule_lines_reset")]

    def __str__(self) -> str:
        return f"lines of {self.account_id}"


class FloorStep(models.Model):
    """Where a floor of an account lay from a moment on, and what it was measured from. Minor units. Append-only.

    Written when the rules' state is: at resets, trades, payouts, and whenever the account is looked at closely.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    rule_key = models.CharField(max_length=64)
    market_at = models.DateTimeField()
    reference_minor = models.BigIntegerField(help_text="The day's reference, the high water, or the initial balance")
    floor_minor = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="floor_step_account")]

    def __str__(self) -> str:
        return f"{self.rule_key} of {self.account_id} at {self.floor_minor}"


class Verdict(models.Model):
    """What the rules found of an account, with the evidence to compute it again. Append-only."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="verdicts")
    rule_set = models.ForeignKey(RuleSet, on_delete=models.PROTECT, related_name="+")
    rule_key = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, help_text="fail, expired, soft, warn, pass, eligible, ineligible")
    code = models.CharField(max_length=64)
    message = models.TextField()
    evidence = models.JSONField()
    inputs_hash = models.CharField(max_length=64)
    market_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="verdict_account")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.code}"


class BookChange(models.Model):
    """An account that changed without a journal: who keeps accounts in memory reads it again. Insert-only, purged.

    A column `xact` (not known here) holds the transaction that wrote the row. `rules_only`: cash and positions stay.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    rules_only = models.BooleanField(db_default=False, default=False)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"change of {self.account_id}"


class EnforcementPause(models.Model):
    """A listing whose price is not believed: rules judge its holders at `held_price` from `from_tick` on.

    Until the tick `until_tick`, which is judged at the market's price again. Prices are in the listing's currency.
    """

    class Kind(models.TextChoices):
        """`halt` ends with the halt, `anomaly` when the price is back or stays, `operator` by an operator only."""

        HALT = "halt"
        ANOMALY = "anomaly"
        OPERATOR = "operator"

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    reason = models.CharField(max_length=200)
    held_price = models.DecimalField(max_digits=24, decimal_places=6, help_text="The last good one")
    seen_price = models.DecimalField(max_digits=24, decimal_places=6, help_text="What the market showed")
    from_tick = models.IntegerField()
    from_at = models.DateTimeField(help_text="Market time")
    until_tick = models.IntegerField(null=True, blank=True)
    until_at = models.DateTimeField(null=True, blank=True, help_text="Market time")
    end_reason = models.CharField(max_length=200, blank=True, db_default="", default="")
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["market", "until_tick"], name="pause_market")]
        constraints = [
            models.UniqueConstraint(
                fields=["listing"], condition=models.Q(until_tick__isnull=True), name="pause_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.listing_id} from {self.from_tick}"
