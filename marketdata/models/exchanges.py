"""Exchanges and when, at which prices and for what they may be used: effective-dated data, never constants.

A day without a row is closed. A day outside the loaded range is closed too, and somebody is told.
"""

from django.db import models
from django.db.models.functions import Now


class Exchange(models.Model):
    """A place where instruments trade. One that `follows` another keeps the other's sessions."""

    code = models.CharField(max_length=12, primary_key=True)
    name = models.CharField(max_length=80)
    country = models.CharField(max_length=2)
    zone = models.CharField(max_length=40, help_text="IANA name, such as America/New_York")
    currency = models.CharField(max_length=3)
    follows = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_always_open = models.BooleanField(default=False, help_text="Every day, around the clock, in `zone`")
    is_simulated = models.BooleanField(default=False)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class ExchangeSession(models.Model):
    """One day's continuous trading of an exchange."""

    class Kind(models.TextChoices):
        """What kind of day it is."""

        REGULAR = "regular"
        EARLY_CLOSE = "early_close"
        LATE_OPEN = "late_open"
        SPECIAL = "special"

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="sessions")
    date = models.DateField(help_text="The trade date, in the exchange's zone")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.REGULAR)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["exchange_id", "date"]
        constraints = [
            models.UniqueConstraint(fields=["exchange", "date"], name="exchange_session_once"),
            models.CheckConstraint(
                condition=models.Q(closes_at__gt=models.F("opens_at")), name="exchange_session_order"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.date}"


class SessionPhase(models.Model):
    """A part of a day, in local time, for as long as it is valid: pre-open, continuous, closing auction, ...

    `segment` names the instruments that it holds for; an empty one is all that no other row of the kind names. Times
    are those of a regular day; on a shortened day what comes after the close moves with it.
    """

    class Kind(models.TextChoices):
        """Parts of a day."""

        PRE_MARKET = "pre_market"
        PRE_OPEN = "pre_open"
        CONTINUOUS = "continuous"
        CLOSING_AUCTION = "closing_auction"
        POST_CLOSE = "post_close"
        AFTER_HOURS = "after_hours"
        OVERNIGHT = "overnight"

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="phases")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    segment = models.CharField(max_length=16, blank=True, default="")
    starts = models.TimeField()
    ends = models.TimeField()
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True, help_text="The last day; none: until further notice")
    note = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["exchange_id", "valid_from", "starts"]
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "kind", "segment", "valid_from", "starts"], name="session_phase_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.kind} {self.starts:%H:%M}"


class ExchangeHoliday(models.Model):
    """A weekday without a session, and why."""

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="holidays")
    date = models.DateField()
    name = models.CharField(max_length=120)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["exchange_id", "date"]
        constraints = [models.UniqueConstraint(fields=["exchange", "date"], name="exchange_holiday_once")]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.date} {self.name}"


class CalendarRange(models.Model):
    """The days for which an exchange's sessions and holidays are known. Outside of it the exchange counts as closed."""

    exchange = models.OneToOneField(Exchange, on_delete=models.PROTECT, related_name="calendar")
    first = models.DateField()
    last = models.DateField()
    source = models.CharField(max_length=200)
    loaded_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.first}..{self.last}"


class ExchangeHalt(models.Model):
    """A stop of trading: of a whole exchange (`instrument` empty) or of one instrument; open-ended without an end."""

    class Kind(models.TextChoices):
        """Who or what stopped it."""

        MARKET_WIDE = "market_wide"
        VOLATILITY = "volatility"
        REGULATORY = "regulatory"
        OPERATOR = "operator"

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="halts")
    instrument = models.ForeignKey(
        "marketdata.Instrument", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["-starts_at"]
        indexes = [models.Index(fields=["exchange", "starts_at"], name="exchange_halt_times")]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.kind} {self.starts_at}"


class TickSizeRule(models.Model):
    """The price grid of an exchange for prices from `price_from`, for as long as it is valid."""

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="tick_sizes")
    price_from = models.DecimalField(max_digits=18, decimal_places=6)
    tick_size = models.DecimalField(max_digits=12, decimal_places=6)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["exchange_id", "valid_from", "price_from"]
        constraints = [
            models.UniqueConstraint(fields=["exchange", "price_from", "valid_from"], name="tick_size_rule_once"),
            models.CheckConstraint(condition=models.Q(tick_size__gt=0), name="tick_size_rule_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} from {self.price_from}: {self.tick_size}"


class PriceBandRule(models.Model):
    """How far prices may move, in percent of the previous close (or of the reference, for auctions and LULD)."""

    class Kind(models.TextChoices):
        """What the percentage is of, and what happens there."""

        DAILY = "daily"
        DYNAMIC = "dynamic"
        LULD = "luld"
        AUCTION = "auction"

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="price_bands")
    instrument = models.ForeignKey(
        "marketdata.Instrument", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    segment = models.CharField(max_length=16, blank=True, default="")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    price_from = models.DecimalField(max_digits=18, decimal_places=6, default=0)
    percent = models.DecimalField(max_digits=6, decimal_places=3)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["exchange_id", "valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(percent__gt=0) & models.Q(percent__lt=100), name="price_band_percent"
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange_id} {self.kind} {self.percent} %"


class MarketPolicy(models.Model):
    """What an exchange's prices may be used for: money at stake, and with what lag they may be shown."""

    exchange = models.ForeignKey(Exchange, on_delete=models.PROTECT, related_name="policies")
    allows_money = models.BooleanField(help_text="Whether contests on it may have entry fees or prizes")
    lag_minutes = models.PositiveIntegerField(
        default=0, help_text="How old prices in contests with virtual money must be"
    )
    live_by = models.CharField(
        max_length=12,
        default="anyone",
        choices=[("anyone", "anyone"), ("own_broker", "only the person's own broker link"), ("nobody", "nobody")],
        help_text="Who may be shown live prices",
    )
    reason = models.CharField(max_length=300, help_text="Shown to the operator who is refused")
    valid_from = models.DateField()

    class Meta:
        ordering = ["exchange_id", "-valid_from"]
        verbose_name_plural = "market policies"
        constraints = [models.UniqueConstraint(fields=["exchange", "valid_from"], name="market_policy_once")]

    def __str__(self) -> str:
        return f"{self.exchange_id} from {self.valid_from}"
