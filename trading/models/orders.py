"""Orders, their steps, and what fills them."""

from django.db import models
from django.db.models import JSONField, Value
from django.db.models.functions import Now

from marketdata.models import Listing
from trading.domain.states import MOVES
from trading.models.accounts import Account


class Order(models.Model):
    """One order. Status moves only as trading.domain.states allows; every move is an OrderTransition."""

    id = models.BigIntegerField(primary_key=True, help_text="From the sequence trading_order_id")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="orders")
    listing = models.ForeignKey(Listing, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    symbol = models.CharField(max_length=32, help_text="As requested; empty listing when unknown")
    side = models.CharField(max_length=4)
    type = models.CharField(max_length=16)
    time_in_force = models.CharField(max_length=3)
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    filled_quantity = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)
    limit_price = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    stop_price = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    trail_amount = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    trail_percent = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    extreme = models.DecimalField(
        max_digits=18, decimal_places=6, null=True, blank=True, help_text="Best last price that a trail has seen"
    )
    triggered = models.BooleanField(db_default=False, default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    live_at = models.DateTimeField(null=True, blank=True, help_text="Market time from which it may fill (latency)")
    reduce_only = models.BooleanField(db_default=False, default=False)
    order_class = models.CharField(max_length=8, db_default="simple", default="simple")
    role = models.CharField(max_length=12, blank=True, db_default="", default="", help_text="take_profit, stop_loss")
    link_id = models.BigIntegerField(null=True, blank=True, help_text="The entry of its bracket, or its OCO pair")
    replaces_id = models.BigIntegerField(null=True, blank=True)
    replaced_by_id = models.BigIntegerField(null=True, blank=True)
    average_price = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    notional_minor = models.BigIntegerField(db_default=0, default=0, help_text="Filled, in the instrument's currency")
    fees_minor = models.BigIntegerField(db_default=0, default=0, help_text="Paid so far, in the account's currency")
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
    seen_tick = models.IntegerField(null=True, blank=True, help_text="Tick of the last quote that changed it")
    wake = models.CharField(max_length=2, blank=True, db_default="", default="", help_text="trading.domain.rows.wake")
    wake_price = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    market_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"], name="order_account"),
            models.Index(
                fields=["listing", "wake", "wake_price"],
                condition=models.Q(status__in=["accepted", "triggered", "partially_filled"]),
                name="order_wakes",
            ),
            models.Index(
                fields=["account", "listing"],
                condition=models.Q(status__in=["held", "accepted", "triggered", "partially_filled"]),
                name="order_live",
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
    """One step of an order's life: the order audit trail. Append-only; a move outside the state table is refused."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="transitions")
    from_status = models.CharField(max_length=16)
    to_status = models.CharField(max_length=16)
    reason = models.CharField(max_length=300, blank=True)
    actor_id = models.BigIntegerField(null=True, blank=True)
    market_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(*(models.Q(from_status=a, to_status=b) for a, b in MOVES), _connector=models.Q.OR),
                name="transition_in_the_state_table",
            )
        ]

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
    charges = models.JSONField(default=dict, db_default=Value({}, JSONField()), help_text="Fee by kind, minor units")
    fx = models.DecimalField(
        max_digits=18, decimal_places=10, db_default=1, default=1, help_text="Account currency for one of the listing's"
    )
    realized_minor = models.BigIntegerField()
    cash_after_minor = models.BigIntegerField()
    quote = models.JSONField(help_text="The quote used: bid, ask, last, tick, at, source")
    market_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="fill_account")]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} @ {self.price}"


class QuoteUse(models.Model):
    """How much of a quote's size on one side has been filled: one quote's size cannot fill two orders beyond it."""

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    tick = models.IntegerField()
    side = models.CharField(max_length=4)
    taken = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listing", "tick", "side"], name="quote_use_once")]

    def __str__(self) -> str:
        return f"{self.listing_id} @{self.tick} {self.side} {self.taken}"
