"""What the API of instruments, candles and watchlists takes and gives. Prices are strings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from marketdata.domain.candles_query import MAX_CANDLES, RESOLUTIONS

FURTHEST = 253_370_764_800  # the year 9999


@extend_schema_field({"type": "string", "example": "2026-01-31T14:30:00Z"})
class MomentField(serializers.Field):
    """Whole seconds since the epoch, or an ISO 8601 date or time (UTC unless it says otherwise), as seconds."""

    default_error_messages = {"invalid": "Send seconds since 1970, or a time such as 2026-01-31T14:30:00Z."}

    def to_internal_value(self, data: Any) -> int:
        """Seconds since the epoch; raises ValidationError."""
        text = str(data).strip()
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdecimal() and len(digits) <= 12:
            return min(max(int(text), 0), FURTHEST)
        try:
            at = datetime.fromisoformat(text[:40])
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            return min(max(int(at.timestamp()), 0), FURTHEST)
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: int) -> int:
        """The seconds."""
        return value


class AssetsIn(serializers.Serializer):
    """What to look for."""

    search = serializers.CharField(max_length=60, required=False, allow_blank=True, help_text="Symbol or name")
    exchange = serializers.CharField(max_length=16, required=False, allow_blank=True)
    kind = serializers.CharField(
        max_length=12, required=False, allow_blank=True, help_text="stock, etf, index, forex, crypto"
    )


class AssetOut(serializers.Serializer):
    """An instrument."""

    id = serializers.IntegerField()
    symbol = serializers.CharField()
    ticker = serializers.CharField(help_text="EXCHANGE:SYMBOL")
    name = serializers.CharField()
    exchange = serializers.CharField()
    currency = serializers.CharField()
    sector = serializers.CharField()
    kind = serializers.CharField()
    tick_size = serializers.CharField()
    lot_size = serializers.CharField()
    is_simulated = serializers.BooleanField()
    is_active = serializers.BooleanField()


class AssetDetailOut(AssetOut):
    """An instrument, and whether it has candles shorter than a day."""

    has_intraday = serializers.BooleanField()


class CandlesIn(serializers.Serializer):
    """Which candles: from <= time < to, at most `limit`, the latest."""

    resolution = serializers.CharField(max_length=8, default="1D", help_text=", ".join(RESOLUTIONS))
    limit = serializers.IntegerField(min_value=1, max_value=MAX_CANDLES, default=500)
    adjusted = serializers.BooleanField(default=True, help_text="Splits undone (default), or as traded")
    to = MomentField(required=False, help_text="Exclusive; seconds since 1970 or ISO 8601")

    def get_fields(self) -> dict[str, serializers.Field]:
        """All fields; one has a name that Python keeps for itself."""
        start = MomentField(required=False, help_text="Inclusive; seconds since 1970 or ISO 8601")
        return {**super().get_fields(), "from": start}


class CandleOut(serializers.Serializer):
    """A candle. A day's is at 00:00 UTC of its trade date."""

    time = serializers.IntegerField(help_text="Seconds since 1970")
    at = serializers.DateTimeField()
    open = serializers.CharField()
    high = serializers.CharField()
    low = serializers.CharField()
    close = serializers.CharField()
    volume = serializers.IntegerField()
    is_forming = serializers.BooleanField()


class CandlesOut(serializers.Serializer):
    """Candles, oldest first."""

    asset = AssetOut()
    resolution = serializers.CharField()
    adjusted = serializers.BooleanField()
    earlier = serializers.IntegerField(allow_null=True, help_text="Time of the closest candle before the first")
    candles = CandleOut(many=True)


class WatchlistIn(serializers.Serializer):
    """A list's name."""

    name = serializers.CharField(max_length=60)


class WatchlistItemIn(serializers.Serializer):
    """What to add: an instrument's id, symbol or EXCHANGE:SYMBOL."""

    asset = serializers.CharField(max_length=33)


class WatchlistOrderIn(serializers.Serializer):
    """The ids of all instruments of a list, in their new order."""

    items = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=200)


class WatchlistOut(serializers.Serializer):
    """A list of instruments."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    position = serializers.IntegerField()
    items = AssetOut(many=True)
