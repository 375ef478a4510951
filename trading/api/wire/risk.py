"""A person's limits and the kill switch on the wire."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from trading.api.wire.fields import optional_number
from trading.api.wire.orders import FlattenOutput
from trading.domain.limits import Limits
from trading.services.risk import KillReport, RiskView


class LimitsOutput(serializers.Serializer):
    """Upper bounds; null is no bound. Percentages are of equity (daily loss: of the day's opening equity)."""

    max_position_pct = serializers.CharField(allow_null=True)
    max_order_pct = serializers.CharField(allow_null=True)
    max_daily_loss_pct = serializers.CharField(allow_null=True)
    max_open_orders = serializers.IntegerField(allow_null=True)
    max_orders_per_minute = serializers.IntegerField(allow_null=True)
    max_orders_per_day = serializers.IntegerField(allow_null=True)
    max_trades_per_day = serializers.IntegerField(allow_null=True)
    default_stop_pct = serializers.CharField(allow_null=True, help_text="The stop loss of an entry without legs")
    default_target_pct = serializers.CharField(allow_null=True, help_text="The take profit of an entry without legs")
    blocked = serializers.BooleanField(help_text="The kill switch: only orders that reduce are taken")


class LimitsInput(serializers.Serializer):
    """The limits to hold; one that is left out or null is no bound."""

    max_position_pct = optional_number()
    max_order_pct = optional_number()
    max_daily_loss_pct = optional_number()
    max_open_orders = serializers.IntegerField(required=False, allow_null=True)
    max_orders_per_minute = serializers.IntegerField(required=False, allow_null=True)
    max_orders_per_day = serializers.IntegerField(required=False, allow_null=True)
    max_trades_per_day = serializers.IntegerField(required=False, allow_null=True)
    default_stop_pct = optional_number()
    default_target_pct = optional_number()


class RiskInput(serializers.Serializer):
    """Limits, a risk tolerance whose limits they go on top of, or both."""

    tolerance = serializers.CharField(required=False, allow_null=True, help_text="conservative, moderate, aggressive")
    limits = LimitsInput(required=False, allow_null=True)


class RiskOutput(serializers.Serializer):
    """A person's limits. What is looser waits for the next market day (`pending`)."""

    tolerance = serializers.CharField()
    chosen = LimitsOutput()
    limits = LimitsOutput(help_text="What holds: the choice, tightened by the plan")
    pending = LimitsOutput(allow_null=True)
    waits_for = serializers.DictField(
        child=serializers.IntegerField(), help_text="Markets by id, with the day that must be over"
    )
    is_blocked = serializers.BooleanField()


class KillInput(serializers.Serializer):
    """Whether positions are closed as well."""

    flatten = serializers.BooleanField(default=True)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class KillFailureOutput(serializers.Serializer):
    """An account where it failed, and why."""

    account_id = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class KillOutput(serializers.Serializer):
    """What the kill switch did, account by account. Send it again when it is not done."""

    was_blocked = serializers.BooleanField()
    is_done = serializers.BooleanField()
    accounts = FlattenOutput(many=True)
    failed = KillFailureOutput(many=True)


def _limits(found: Limits) -> dict[str, Any]:
    values = {item.name: getattr(found, item.name) for item in fields(found)}
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def risk_data(view: RiskView) -> dict[str, Any]:
    """A risk view as RiskOutput data."""
    return {
        "tolerance": view.tolerance,
        "chosen": _limits(view.chosen),
        "limits": _limits(view.limits),
        "pending": None if view.pending is None else _limits(view.pending),
        "waits_for": {str(market): day for market, day in view.waits_for.items()},
        "is_blocked": view.is_blocked,
    }


def kill_data(report: KillReport) -> dict[str, Any]:
    """A report as KillOutput data."""
    return report.to_json()
