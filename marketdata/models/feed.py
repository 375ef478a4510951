"""What the feed leaves behind: intraday bars, the last quote of each instrument, what went wrong, live ticks."""

from django.db import models
from django.db.models.functions import Now


class IntradayBar(models.Model):
    """A bar of `minutes` that begins at `at`, prices in millionths of the instrument's currency, as traded.

    The table is partitioned by month of `at` (migration 0004 and marketdata.adapters.partitions). `trades` is 0 where
    the vendor does not say. Bars of one minute are what was traded; coarser ones are rolled from them.
    """

    pk = models.CompositePrimaryKey("instrument_id", "minutes", "at")
    instrument = models.ForeignKey("marketdata.Instrument", on_delete=models.DO_NOTHING, related_name="+")
    minutes = models.SmallIntegerField()
    at = models.DateTimeField()
    open = models.BigIntegerField()
    high = models.BigIntegerField()
    low = models.BigIntegerField()
    close = models.BigIntegerField()
    volume = models.BigIntegerField()
    trades = models.IntegerField()

    class Meta:
        managed = False
        db_table = "marketdata_intradaybar"

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.minutes}m {self.at}"


class LatestQuote(models.Model):
    """The last quote of an instrument that the feed took, for when the board in Redis is lost. Prices in millionths."""

    instrument = models.OneToOneField(
        "marketdata.Instrument", primary_key=True, on_delete=models.PROTECT, related_name="+"
    )
    document = models.JSONField(help_text="marketdata.domain.feed.LiveQuote")
    at = models.DateTimeField(help_text="The vendor's time of it")
    provider = models.CharField(max_length=24)
    stored_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.instrument_id} {self.at}"


class FeedEvent(models.Model):
    """Something that an operator should be able to read later: a switch of source, a gap and its back-fill, ..."""

    class Kind(models.TextChoices):
        """What happened."""

        SWITCH = "switch"
        CIRCUIT = "circuit"
        DISCONNECT = "disconnect"
        GAP = "gap"
        BACKFILL = "backfill"
        ALERT = "alert"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    provider = models.CharField(max_length=24, blank=True)
    message = models.CharField(max_length=300)
    details = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["kind", "-at"], name="feed_event_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at}"


class FeedAnomaly(models.Model):
    """How often a vendor said something that cannot be, by day and kind, with the first example kept."""

    provider = models.CharField(max_length=24)
    kind = models.CharField(max_length=24, help_text="marketdata.domain.feed.Anomaly")
    symbol = models.CharField(max_length=32, blank=True)
    date = models.DateField()
    count = models.PositiveIntegerField(default=0)
    sample = models.JSONField(default=dict, blank=True)
    first_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-date", "-count"]
        verbose_name_plural = "feed anomalies"
        constraints = [models.UniqueConstraint(fields=["date", "provider", "kind", "symbol"], name="feed_anomaly_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind} {self.symbol}: {self.count}"


class LiveTick(models.Model):
    """A tick of a live or simulated market. `prices` (last price by listing id, as text) is kept at each session's
    first and last tick and once a minute: it is what settlements and looks back go by.
    """

    market = models.ForeignKey("marketdata.Market", on_delete=models.PROTECT, related_name="+")
    index = models.IntegerField()
    at = models.DateTimeField()
    session_date = models.DateField()
    session_tick = models.IntegerField()
    day_index = models.IntegerField()
    is_close = models.BooleanField(default=False)
    prices = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["market_id", "index"]
        constraints = [models.UniqueConstraint(fields=["market", "index"], name="live_tick_once")]
        indexes = [
            models.Index(fields=["market", "at"], name="live_tick_times"),
            models.Index(
                fields=["market", "-index"], name="live_tick_prices", condition=models.Q(prices__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.market_id} {self.index}"
