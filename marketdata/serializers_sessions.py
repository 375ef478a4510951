"""What the API of market status takes and gives."""

from datetime import UTC, datetime

from rest_framework import serializers

from marketdata.domain.session_calendar import CLOSED, PHASES
from marketdata.domain.sessions import HOLIDAY, NO_SESSION, NOT_LOADED, WEEKEND
from marketdata.models import ExchangeHalt, ExchangeSession

EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DAY_KINDS = [*ExchangeSession.Kind.values, HOLIDAY, WEEKEND, NOT_LOADED, NO_SESSION]


class MarketStatusIn(serializers.Serializer):
    """Of which exchange, at which time, for which instruments."""

    exchange = serializers.CharField(max_length=12, required=False, help_text="Code; all primary exchanges by default")
    at = serializers.DateTimeField(required=False, help_text="ISO 8601, UTC without a zone; now by default")
    segment = serializers.SlugField(
        max_length=16,
        required=False,
        allow_blank=True,
        default="",
        help_text="Instruments with hours of their own, such as derivatives",
    )

    def validate_exchange(self, value: str) -> str:
        """Codes are upper case."""
        return value.upper()

    def validate_at(self, value: datetime) -> datetime:
        """A time that a calendar could be of."""
        if not EARLIEST <= value < LATEST:
            raise serializers.ValidationError("The time is from 1990 to 2099.")
        return value


class HaltOut(serializers.Serializer):
    """A stop of trading that is in force."""

    kind = serializers.ChoiceField(choices=ExchangeHalt.Kind.choices)
    reason = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True, help_text="null: until further notice")


class MarketStatusOut(serializers.Serializer):
    """An exchange at one time. All times are in UTC; `zone` is the exchange's own."""

    exchange = serializers.CharField()
    name = serializers.CharField()
    zone = serializers.CharField(help_text="IANA name")
    at = serializers.DateTimeField()
    segment = serializers.CharField(allow_blank=True)
    is_open = serializers.BooleanField(help_text="Continuous trading that is not halted, and nothing else")
    phase = serializers.ChoiceField(choices=[*PHASES, CLOSED], help_text="What the day's plan says, halted or not")
    accepts_auction = serializers.BooleanField(help_text="Whether orders for the closing auction are taken")
    session_date = serializers.DateField(allow_null=True, help_text="Trade date; null on a day without a session")
    kind = serializers.ChoiceField(choices=DAY_KINDS, help_text="Kind of session, or why there is none")
    opens_at = serializers.DateTimeField(allow_null=True, help_text="Of the session's continuous trading")
    closes_at = serializers.DateTimeField(allow_null=True)
    next_open = serializers.DateTimeField(
        allow_null=True, help_text="When continuous trading next begins, or goes on after a halt; null: not known"
    )
    next_close = serializers.DateTimeField(
        allow_null=True, help_text="The end of the trading that is on, else of the next"
    )
    reason = serializers.CharField(allow_blank=True, help_text="Why it is not open, in a sentence")
    is_loaded = serializers.BooleanField(help_text="false: the calendar of this day is not loaded, so it is closed")
    halt = HaltOut(allow_null=True)


class MarketStatusesOut(serializers.Serializer):
    """The exchanges that were asked for."""

    at = serializers.DateTimeField()
    markets = MarketStatusOut(many=True)
