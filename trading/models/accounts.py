"""Groups of accounts and the accounts that trade."""

from django.conf import settings
from django.db import models
from django.db.models import JSONField, Value
from django.db.models.functions import Now

from core.models import LedgerAccount
from marketdata.models import Market
from trading.domain.purposes import PRACTICE


class AccountGroup(models.Model):
    """Accounts that open, pause and close together (a contest, a plan). Read fresh under each account's lock."""

    class Status(models.TextChoices):
        """Only `open` groups take new orders; `paused` still lets orders be cancelled; `closed` is for good."""

        PENDING = "pending"
        OPEN = "open"
        PAUSED = "paused"
        CLOSED = "closed"

    slug = models.CharField(max_length=100, unique=True, help_text="e.g. contest:spring-sprint")
    purpose = models.CharField(max_length=16, help_text="Which registered AccountPolicy judges its orders")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    policy = models.JSONField(default=dict, help_text="Data for the AccountPolicy of this purpose")
    is_listed = models.BooleanField(default=True, help_text="Its agents' accounts appear in public lists")
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.slug


class Account(models.Model):
    """One trading account. `cash_minor` is cached from the ledger and checked by `verify_books`.

    Realised P&L is before fees; `other_minor` is cash that no trade brought (dividends). For every account
    cash = initial + realised - open cost - fees + other.
    """

    class Status(models.TextChoices):
        """`locked` may only cancel, until `locked_until` or for good; `closed` may do nothing."""

        ACTIVE = "active"
        LOCKED = "locked"
        CLOSED = "closed"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(AccountGroup, null=True, blank=True, on_delete=models.PROTECT, related_name="accounts")
    purpose = models.CharField(max_length=16)
    label = models.CharField(max_length=120)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    ledger_account = models.OneToOneField(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    clearing_account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    fees_account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    initial_minor = models.BigIntegerField()
    cash_minor = models.BigIntegerField()
    reserved_minor = models.BigIntegerField(db_default=0, default=0)
    realized_minor = models.BigIntegerField(db_default=0, default=0)
    fees_minor = models.BigIntegerField(db_default=0, default=0)
    other_minor = models.BigIntegerField(db_default=0, default=0)
    is_margin = models.BooleanField(db_default=False, default=False)
    terms = models.JSONField(default=dict, db_default=Value({}, JSONField()), help_text="trading.domain.margin.Terms")
    locked_until = models.DateTimeField(null=True, blank=True, help_text="Market time; empty: for good")
    lock_reason = models.CharField(max_length=500, blank=True, db_default="", default="")
    fills_count = models.IntegerField(db_default=0, default=0)
    open_orders_count = models.IntegerField(db_default=0, default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["owner", "-id"], name="account_owner")]
        constraints = [
            models.UniqueConstraint(
                fields=["owner"],
                condition=models.Q(purpose=PRACTICE) & ~models.Q(status="closed"),
                name="practice_account_once",
            ),
            models.CheckConstraint(
                condition=models.Q(is_margin=True) | models.Q(cash_minor__gte=0), name="account_cash_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(reserved_minor__gte=0)
                & (models.Q(is_margin=True) | models.Q(reserved_minor__lte=models.F("cash_minor"))),
                name="account_reserved_within_cash",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class AccountMark(models.Model):
    """Latest mark of an account: equity = cash + sum(quantity x last), apart from the hot row; written when it changes.

    `day_equity_minor` is the equity that the session `day_index` began with.
    """

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="mark")
    equity_minor = models.BigIntegerField()
    cash_minor = models.BigIntegerField()
    tick = models.IntegerField()
    market_at = models.DateTimeField()
    day_index = models.IntegerField(db_default=-1, default=-1)
    day_equity_minor = models.BigIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.account_id} {self.equity_minor}"


class EquityPoint(models.Model):
    """Equity of an account at a tick: the equity curve. Append-only."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    tick = models.IntegerField()
    equity_minor = models.BigIntegerField()
    cash_minor = models.BigIntegerField()
    market_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "tick"], name="equity_point_once")]

    def __str__(self) -> str:
        return f"{self.account_id} @{self.tick} {self.equity_minor}"
