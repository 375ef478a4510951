"""Accounts that trade, their orders, fills, positions and marks.

Written through `trading/sql/` functions only (see trading.services); the admin shows these rows read-only.
"""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from core.models import LedgerAccount
from marketdata.models import Listing, Market


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

    Buying power = cash_minor - reserved_minor. Realised P&L is before fees.
    """

    class Status(models.TextChoices):
        """`locked` may only cancel; `closed` may do nothing."""

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
    fills_count = models.IntegerField(db_default=0, default=0)
    open_orders_count = models.IntegerField(db_default=0, default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["owner", "-id"], name="account_owner")]
        constraints = [
            models.CheckConstraint(condition=models.Q(cash_minor__gte=0), name="account_cash_not_negative"),
            models.CheckConstraint(
                condition=models.Q(reserved_minor__gte=0) & models.Q(reserved_minor__lte=models.F("cash_minor")),
                name="account_reserved_within_cash",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Order(models.Model):
    """One order. Status moves only as trading.domain.states allows; every move is an OrderTransition."""

    id = models.BigIntegerField(primary_key=True, help_text="From the sequence trading_order_id")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    listing = models.ForeignKey(Listing, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    symbol = models.CharField(max_length=32, help_text="As requested; empty listing when unknown")
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=8)
    time_in_force = models.CharField(max_length=3)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    filled_quantity = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)
    limit_price = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    average_price = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    status = models.CharField(max_length=16)
    reserved_minor = models.BigIntegerField(db_default=0, default=0, help_text="Buying power held while it rests")
    reserved_quantity = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)
    code = models.CharField(
        max_length=40, blank=True, db_default="", default="", help_text="Why it was denied or ended"
    )
    message = models.CharField(max_length=300, blank=True, db_default="", default="")
    details = models.JSONField(null=True, blank=True)
    client_order_id = models.CharField(max_length=64, blank=True, db_default="", default="")
    source = models.CharField(max_length=16, help_text="web, api, agent, ...")
    actor_id = models.BigIntegerField(null=True, blank=True)
    accepted_tick = models.IntegerField(null=True, blank=True)
    market_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"], name="order_account"),
            models.Index(
                fields=["listing", "side", "limit_price"],
                condition=models.Q(status__in=["accepted", "partially_filled"]),
                name="order_resting",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(filled_quantity__gte=0) & models.Q(filled_quantity__lte=models.F("quantity")),
                name="order_filled_within_quantity",
            )
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.symbol} ({self.status})"


class OrderTransition(models.Model):
    """One step of an order's life: the order audit trail. Append-only."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="transitions")
    from_status = models.CharField(max_length=16)
    to_status = models.CharField(max_length=16)
    reason = models.CharField(max_length=300, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    market_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.from_status} -> {self.to_status}"


class Fill(models.Model):
    """An execution, with the quote that made it: enough to recompute the price. Append-only."""

    id = models.BigIntegerField(primary_key=True, help_text="From the sequence trading_fill_id")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="fills")
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    side = models.CharField(max_length=4)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    price = models.DecimalField(max_digits=18, decimal_places=6)
    notional_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    realized_minor = models.BigIntegerField()
    cash_after_minor = models.BigIntegerField()
    quote = models.JSONField(help_text="The quote used: bid, ask, last, tick, at, source")
    market_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="fill_account")]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} @ {self.price}"


class Position(models.Model):
    """Holdings of one listing in one account. Average cost = cost_minor / quantity (VWAP of what is still held)."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="positions")
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    reserved_quantity = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)
    cost_minor = models.BigIntegerField()
    realized_minor = models.BigIntegerField(db_default=0, default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "listing"], name="position_once"),
            models.CheckConstraint(
                condition=models.Q(quantity__gte=0)
                & models.Q(reserved_quantity__gte=0)
                & models.Q(reserved_quantity__lte=models.F("quantity")),
                name="position_not_oversold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.listing_id}"


class AccountMark(models.Model):
    """Latest mark of an account: equity = cash + sum(quantity x last). Rewritten each tick, apart from the hot row."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="mark")
    equity_minor = models.BigIntegerField()
    cash_minor = models.BigIntegerField()
    tick = models.IntegerField()
    market_at = models.DateTimeField()

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
