"""Paper trades on the wire (docs/api.md): an entry order with its exits."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework import serializers

from core.money import major_text
from trading.api.wire.fields import ExactNumberField, optional_number
from trading.domain.types import maybe_plain, plain
from trading.domain.views import TradeView


class TradeInput(serializers.Serializer):
    """A new trade. With both, stop loss and take profit make a bracket; with one, an order that triggers the other."""

    account_id = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, required=False, allow_null=True, help_text="Needed with several accounts"
    )
    symbol = serializers.CharField(max_length=16)
    direction = serializers.ChoiceField(["long", "short", "buy", "sell"], default="long")
    quantity = ExactNumberField()
    order_type = serializers.ChoiceField(["market", "limit", "stop"], default="market")
    entry_price = optional_number("The limit or stop price of the entry")
    stop_loss = optional_number()
    take_profit = optional_number()
    time_in_force = serializers.CharField(max_length=3, default="gtc", help_text="day or gtc")


class TradeCloseInput(serializers.Serializer):
    """How much of a trade to close; without a quantity all of it."""

    quantity = optional_number()


class TradeOutput(serializers.Serializer):
    """An entry order with its exits. `id` is the entry order's."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    symbol = serializers.CharField()
    direction = serializers.CharField(help_text="long or short")
    order_type = serializers.CharField()
    status = serializers.CharField(help_text="pending, open, closed or cancelled")
    quantity = serializers.CharField()
    open_quantity = serializers.CharField()
    limit_price = serializers.CharField(allow_null=True)
    entry_price = serializers.CharField(allow_null=True, help_text="Average; null before the first fill")
    exit_price = serializers.CharField(allow_null=True, help_text="Average of what is closed")
    stop_loss = serializers.CharField(allow_null=True)
    take_profit = serializers.CharField(allow_null=True)
    pnl = serializers.CharField(help_text="Realised, after the fees of both sides")
    unrealized_pnl = serializers.CharField()
    fees = serializers.CharField()
    currency = serializers.CharField()
    reason = serializers.CharField(help_text="Why the entry ended without a fill; empty otherwise")
    order_ids = serializers.ListField(child=serializers.IntegerField(), help_text="Its entry, legs and exits")
    opened_at = serializers.DateTimeField(allow_null=True, help_text="Market time of the first fill")
    closed_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


def trade_data(view: TradeView) -> dict[str, Any]:
    """A trade view as TradeOutput data."""
    money = partial(major_text, currency=view.currency)
    return {
        "id": view.id,
        "account_id": view.account_id,
        "symbol": view.symbol,
        "direction": view.direction,
        "order_type": view.order_type,
        "status": view.status,
        "quantity": plain(view.quantity),
        "open_quantity": plain(view.open_quantity),
        "limit_price": maybe_plain(view.limit_price),
        "entry_price": maybe_plain(view.entry_price),
        "exit_price": maybe_plain(view.exit_price),
        "stop_loss": maybe_plain(view.stop_loss),
        "take_profit": maybe_plain(view.take_profit),
        "pnl": money(view.pnl_minor),
        "unrealized_pnl": money(view.unrealized_minor),
        "fees": money(view.fees_minor),
        "currency": view.currency,
        "reason": view.reason,
        "order_ids": list(view.order_ids),
        "opened_at": view.opened_at,
        "closed_at": view.closed_at,
        "created_at": view.created_at,
    }
