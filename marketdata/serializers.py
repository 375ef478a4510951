"""What the marketdata API takes and gives. Prices are strings."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.domain.candles_query import RESOLUTIONS
from marketdata.models import Market


class PriceOut(serializers.Serializer):
    """The quote in force of one symbol."""

    symbol = serializers.CharField()
    name = serializers.CharField()
    sector = serializers.CharField()
    currency = serializers.CharField()
    last = serializers.CharField()
    bid = serializers.CharField()
    ask = serializers.CharField()
    previous_close = serializers.CharField(help_text="Close of the session before")
    change_pct = serializers.CharField(help_text="Change from the previous close in percent")
    volume = serializers.IntegerField(help_text="Of the last completed session; 0 when there is none")
    tick_size = serializers.CharField()
    lot_size = serializers.CharField()
    halted = serializers.BooleanField(help_text="Nothing fills until the halt is over")
    band_low = serializers.CharField(allow_null=True, help_text="Lowest price that may trade today; null: no band")
    band_high = serializers.CharField(allow_null=True, help_text="Highest price that may trade today; null: no band")
    bid_size = serializers.CharField(allow_null=True, help_text="Units on offer; null: the market carries no sizes")
    ask_size = serializers.CharField(allow_null=True)


class PricesOut(serializers.Serializer):
    """All prices of a market at the tick in force; `stocks` is empty before the first tick."""

    market = serializers.CharField()
    status = serializers.ChoiceField(choices=Market.Status.choices)
    tick = serializers.IntegerField(help_text="-1 before the first")
    at = serializers.DateTimeField(help_text="Market time")
    source_label = serializers.CharField()
    is_simulated = serializers.BooleanField()
    stocks = PriceOut(many=True)


class MetricsIn(serializers.Serializer):
    """Which market, and over how many sessions."""

    market = serializers.SlugField(required=False)
    days = serializers.IntegerField(required=False, min_value=1, max_value=250)


class SymbolMetricsOut(serializers.Serializer):
    """One symbol; null where there is too little history."""

    symbol = serializers.CharField()
    days = serializers.IntegerField()
    change_pct = serializers.CharField(allow_null=True, help_text="From the close before the window, percent")
    volatility_pct = serializers.CharField(allow_null=True, help_text="Deviation of daily returns, percent a day")
    trend = serializers.CharField(allow_null=True, help_text="up, down or flat")
    atr = serializers.CharField(
        source="ranges.atr", allow_null=True, help_text="Average true range of 14 sessions (Wilder), in money"
    )
    atr_pct = serializers.FloatField(source="ranges.atr_pct", allow_null=True, help_text="In percent of the last")
    average_volume = serializers.IntegerField(source="ranges.average_volume", allow_null=True)
    high = serializers.CharField(source="ranges.high", allow_null=True, help_text="Of the window")
    low = serializers.CharField(source="ranges.low", allow_null=True)
    high_52w = serializers.CharField(source="ranges.high_52w", allow_null=True, help_text="Of the last 252 sessions")
    low_52w = serializers.CharField(source="ranges.low_52w", allow_null=True)
    point_of_control = serializers.CharField(
        source="ranges.point_of_control", allow_null=True, help_text="Price around which most volume was traded"
    )
    value_area_low = serializers.CharField(
        source="ranges.value_area_low", allow_null=True, help_text="Between the two 70 % of the volume was traded"
    )
    value_area_high = serializers.CharField(source="ranges.value_area_high", allow_null=True)


class MetricsOut(serializers.Serializer):
    """Change, volatility and trend of every symbol."""

    market = serializers.CharField()
    days = serializers.IntegerField()
    stocks = SymbolMetricsOut(many=True)


class BarOut(serializers.Serializer):
    """One session; the last may still be forming."""

    date = serializers.DateField()
    at = serializers.DateTimeField(help_text="Market time of the open")
    open = serializers.CharField()
    high = serializers.CharField()
    low = serializers.CharField()
    close = serializers.CharField()
    volume = serializers.IntegerField(help_text="Of a forming session: 0 until it closes")
    is_complete = serializers.BooleanField()


class HistoryOut(serializers.Serializer):
    """Sessions of one symbol up to the tick in force, oldest first."""

    market = serializers.CharField(allow_blank=True, help_text="Empty: of the instrument, whatever the market")
    symbol = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    source_label = serializers.CharField()
    is_simulated = serializers.BooleanField()
    adjusted = serializers.BooleanField(help_text="Splits undone, or as traded on each day")
    resolution = serializers.CharField(help_text="1D for sessions; minutes in live markets")
    bars = BarOut(many=True)


class MarketOut(serializers.Serializer):
    """A market."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=Market.Kind.choices)
    status = serializers.ChoiceField(choices=Market.Status.choices)
    currency = serializers.CharField()
    tick = serializers.IntegerField(help_text="-1 before the first")
    ticks_total = serializers.IntegerField()
    days_total = serializers.IntegerField()
    seconds_per_tick = serializers.CharField(help_text="Wall seconds")
    is_masked = serializers.BooleanField()
    is_simulated = serializers.BooleanField()
    source_label = serializers.CharField()


class ClockOut(serializers.Serializer):
    """Where a market stands: market time, session and print."""

    tick = serializers.IntegerField()
    at = serializers.DateTimeField(help_text="Market time; of the first open before the first tick")
    session_date = serializers.DateField()
    day_index = serializers.IntegerField()
    days_total = serializers.IntegerField()
    phase = serializers.IntegerField(help_text="0 is the open, the last of the session is the close")
    ticks_total = serializers.IntegerField()
    wall = serializers.DateTimeField(help_text="When the tick was published, in wall time")


class MarketDetailOut(MarketOut):
    """A market with its clock and its symbols."""

    clock = ClockOut()
    symbols = serializers.ListField(child=serializers.CharField())


class PricesIn(serializers.Serializer):
    """Which market."""

    market = serializers.CharField(max_length=80, required=False, help_text="Slug; the featured market by default")


class HistoryIn(PricesIn):
    """Which market, how many sessions, and in which shares their prices count."""

    limit = serializers.IntegerField(min_value=1, max_value=1000, default=250)
    adjusted = serializers.BooleanField(default=True, help_text="Splits undone (default), or as traded on each day")
    resolution = serializers.ChoiceField(
        choices=list(RESOLUTIONS), required=False, help_text="Other than 1D only where prices are live"
    )


class QuoteOut(serializers.Serializer):
    """One symbol's last price, with its source and age. Null: not known."""

    market = serializers.CharField(allow_blank=True, help_text="Empty: the instrument's own, whatever the market")
    symbol = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    last = serializers.CharField()
    bid = serializers.CharField(allow_null=True)
    ask = serializers.CharField(allow_null=True)
    previous_close = serializers.CharField(allow_null=True)
    change_pct = serializers.CharField(allow_null=True)
    volume = serializers.IntegerField()
    halted = serializers.BooleanField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Who says so: a vendor, a market, or where the stored history is from"
    )
    at = serializers.DateTimeField(help_text="The source's time of it (market time in a replay)")
    received = serializers.DateTimeField(allow_null=True, help_text="When we had it; null for a stored close")
    age_seconds = serializers.FloatField(help_text="How old it is; in a replay since the tick was published")
    is_live = serializers.BooleanField(help_text="Of a feed; false for replays and closing prices")
