"""What accounts hold, and what changed it beside fills."""

from django.db import models
from django.db.models import JSONField, Value
from django.db.models.functions import Now

from marketdata.models import Listing
from trading.models.accounts import Account


class Position(models.Model):
    """A position of one account in one listing: signed quantity and cost (a short's are negative).

    Average cost = cost_minor / quantity: the VWAP of what is still open.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="positions")
    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="+")
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    reserved_quantity = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)
    cost_minor = models.BigIntegerField()
    realized_minor = models.BigIntegerField(db_default=0, default=0)
    drawn_tick = models.IntegerField(db_default=-1, default=-1, help_text="The quote that it last filled on")
    drawn_bought = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)
    drawn_sold = models.DecimalField(max_digits=20, decimal_places=6, db_default=0, default=0)
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "listing"], name="position_once"),
            models.CheckConstraint(
                condition=models.Q(reserved_quantity=0)
                | models.Q(reserved_quantity__gt=0) & models.Q(reserved_quantity__lte=models.F("quantity")),
                name="position_not_oversold",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.listing_id}"


class Adjustment(models.Model):
    """A change of cash or position that no order made: a dividend, a split, a payout. Append-only, once each."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="adjustments")
    listing = models.ForeignKey(Listing, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, help_text="dividend, split, delisting, payout, scaling, correction")
    reference = models.CharField(max_length=80, help_text="What it comes from: applied once for each account")
    quantity_before = models.DecimalField(max_digits=20, decimal_places=6)
    quantity_after = models.DecimalField(max_digits=20, decimal_places=6)
    cost_before_minor = models.BigIntegerField()
    cost_after_minor = models.BigIntegerField()
    cash_minor = models.BigIntegerField(help_text="Signed: what it brought")
    realized_minor = models.BigIntegerField(help_text="Of the cash, what closed a part of the position made")
    cash_after_minor = models.BigIntegerField()
    details = models.JSONField(default=dict, db_default=Value({}, JSONField()))
    market_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="adjustment_account")]
        constraints = [models.UniqueConstraint(fields=["account", "reference"], name="adjustment_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
