"""Instruments, their history with its provenance, and markets: a clock plus a source of prices."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class Instrument(models.Model):
    """Something that trades. Prices are in `currency`; `tick_size` and `lot_size` bound prices and quantities."""

    symbol = models.CharField(max_length=16, unique=True)
    name = models.CharField(max_length=120)
    exchange = models.CharField(max_length=16)
    currency = models.CharField(max_length=3, default="USD")
    sector = models.CharField(max_length=40, blank=True)
    tick_size = models.DecimalField(max_digits=12, decimal_places=6, default="0.01")
    lot_size = models.DecimalField(max_digits=12, decimal_places=6, default="1")
    is_simulated = models.BooleanField(default=False, help_text="Invented ticker with generated history")
    kind = models.CharField(
        max_length=12, default="stock", db_default="stock", help_text="stock, etf, index, forex, crypto"
    )
    segment = models.CharField(
        max_length=16, blank=True, default="", db_default="", help_text="Such as derivatives, where hours differ"
    )
    vendor_symbols = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text="Its symbol at a vendor, where that differs",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["symbol"]

    def __str__(self) -> str:
        return self.symbol


class BarSeries(models.Model):
    """Where an instrument's bars come from: source, licence and range, recorded on every series."""

    instrument = models.OneToOneField(Instrument, on_delete=models.PROTECT, related_name="series")
    source = models.CharField(max_length=200)
    licence = models.CharField(max_length=120)
    resolution = models.CharField(max_length=8, default="1d")
    first_date = models.DateField()
    last_date = models.DateField()
    bars = models.PositiveIntegerField()
    checksum = models.CharField(max_length=64, help_text="sha256 over the canonical bars")
    seed = models.BigIntegerField(null=True, blank=True, help_text="Seed of the generator, for simulated history")
    imported_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "bar series"

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.first_date}..{self.last_date}"


class DailyBar(models.Model):
    """One session of one instrument, prices as traded (not adjusted)."""

    pk = models.CompositePrimaryKey("instrument_id", "date")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    open = models.DecimalField(max_digits=18, decimal_places=6)
    high = models.DecimalField(max_digits=18, decimal_places=6)
    low = models.DecimalField(max_digits=18, decimal_places=6)
    close = models.DecimalField(max_digits=18, decimal_places=6)
    volume = models.BigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(low__gt=0)
                & models.Q(low__lte=models.F("open"))
                & models.Q(low__lte=models.F("close"))
                & models.Q(high__gte=models.F("open"))
                & models.Q(high__gte=models.F("close")),
                name="daily_bar_ohlc",
            )
        ]

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.date}"


class CorporateAction(models.Model):
    """A split, cash dividend, change of symbol or delisting, effective at the open of `ex_date`."""

    class Kind(models.TextChoices):
        """`value`: new shares per old share; cash per share; cash per share at the end (0: the last close).

        A delisting's `ex_date` is the first day without trading.
        """

        SPLIT = "split"
        DIVIDEND = "dividend"
        SYMBOL_CHANGE = "symbol_change"
        DELISTING = "delisting"

    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="corporate_actions")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    ex_date = models.DateField()
    value = models.DecimalField(max_digits=18, decimal_places=8, default=0)
    new_symbol = models.CharField(max_length=16, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instrument", "kind", "ex_date"], name="corporate_action_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.instrument_id} {self.ex_date}"


class Market(models.Model):
    """A clock plus a source of prices. A replay plays a slice of loaded history at a speed.

    `tick` is the index of the tick in force (-1 before the first). It is stored before its prices are shown, so a
    restart continues where it was. In a replay the tick's prices are a pure function of `definition`, the history and
    `tick`; in a live or simulated market they are what the feed had when the tick was taken, kept in `LiveTick`.
    """

    class Kind(models.TextChoices):
        """Where the clock and the prices come from."""

        LIVE = "live"
        REPLAY = "replay"
        SIMULATED = "simulated"

    class Status(models.TextChoices):
        """Only a running market moves and takes orders."""

        IDLE = "idle"
        RUNNING = "running"
        PAUSED = "paused"
        ENDED = "ended"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.REPLAY)
    exchange = models.CharField(
        max_length=12, blank=True, default="", db_default="", help_text="Whose sessions a live market keeps"
    )
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.IDLE)
    currency = models.CharField(max_length=3, default="USD")
    definition = models.JSONField(help_text="See marketdata.domain.replay.ReplayDefinition")
    venue = models.JSONField(default=dict, blank=True, help_text="How orders execute there")
    days_total = models.PositiveIntegerField(default=0, help_text="Sessions in the slice")
    source_label = models.CharField(max_length=200, blank=True, help_text="Where the prices come from, as shown")
    tick = models.IntegerField(default=-1)
    tick_at = models.DateTimeField(null=True, blank=True, help_text="Market time of the tick in force")
    is_simulated = models.BooleanField(default=False, help_text="Any instrument in it has generated history")
    session_date = models.DateField(null=True, blank=True, help_text="Of a live market: the session of its last tick")
    session_tick = models.IntegerField(
        default=-1, db_default=-1, help_text="Of a live market: the first tick of that session"
    )
    day_index = models.IntegerField(
        default=-1, db_default=-1, help_text="Of a live market: how many sessions came before that one"
    )
    listings_version = models.PositiveIntegerField(default=0, help_text="Grows with halts and changes of symbols")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class Listing(models.Model):
    """An instrument as it is known in one market: its symbol at the tick in force, or a masked one.

    An operator may halt it: nothing of it fills until it is resumed.
    """

    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="listings")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    symbol = models.CharField(max_length=16)
    name = models.CharField(max_length=120)
    sector = models.CharField(max_length=40, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    former_symbols = models.JSONField(default=list, blank=True, help_text="Symbols it had before, oldest first")
    halted_at = models.DateTimeField(null=True, blank=True, help_text="Wall time of the halt in force")
    halt_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["market_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["market", "symbol"], name="listing_symbol"),
            models.UniqueConstraint(fields=["market", "instrument"], name="listing_instrument"),
        ]

    def __str__(self) -> str:
        return self.symbol


class FxRate(models.Model):
    """What one unit of `base` cost in `quote` on a day, with its source."""

    base = models.CharField(max_length=3)
    quote = models.CharField(max_length=3)
    date = models.DateField()
    rate = models.DecimalField(max_digits=20, decimal_places=10)
    source = models.CharField(max_length=200)

    class Meta:
        ordering = ["base", "quote", "date"]
        constraints = [
            models.UniqueConstraint(fields=["base", "quote", "date"], name="fx_rate_once"),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="fx_rate_positive"),
            models.CheckConstraint(condition=~models.Q(base=models.F("quote")), name="fx_rate_pair"),
        ]

    def __str__(self) -> str:
        return f"{self.base}/{self.quote} {self.date}"
