"""Shapes on the wire. Money and quantities are strings; times are ISO 8601 in UTC."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework import serializers

from core.money import major_text
from trading.domain.types import plain
from trading.domain.views import AccountView, FillView, PositionView


class ExactNumberField(serializers.CharField):
    """A number sent as a string or an integer, so that nothing is rounded on the way."""


class OrderInput(serializers.Serializer):
    """A new order. Documents the body; `trading.api.parse` reads it, at a tenth of the cost."""

    account_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    symbol = serializers.CharField(max_length=16)
    side = serializers.ChoiceField(["buy", "sell"])
    quantity = ExactNumberField()
    type = serializers.ChoiceField(["market", "limit"], default="market")
    limit_price = ExactNumberField(required=False, allow_null=True, default=None)
    time_in_force = serializers.ChoiceField(["day", "gtc"], default="day")
    client_order_id = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")


class ExecuteInput(serializers.Serializer):
    """A market order in the words of the first brief: ticker, action, quantity."""

    account_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    ticker = serializers.CharField(max_length=16)
    action = serializers.CharField(max_length=4, help_text="BUY or SELL")
    quantity = ExactNumberField()


class OrderOutput(serializers.Serializer):
    """An order as it stands."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    symbol = serializers.CharField()
    side = serializers.ChoiceField(["buy", "sell"])
    type = serializers.ChoiceField(["market", "limit"])
    time_in_force = serializers.ChoiceField(["day", "gtc"])
    quantity = serializers.CharField()
    filled_quantity = serializers.CharField()
    limit_price = serializers.CharField(allow_null=True)
    average_price = serializers.CharField(allow_null=True)
    status = serializers.CharField(help_text="denied, accepted, partially_filled, filled, canceled, expired, rejected")
    code = serializers.CharField(help_text="Why it was denied or ended; empty otherwise")
    message = serializers.CharField()
    details = serializers.DictField()
    client_order_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # DRF names an attribute of fields so, too
    market_at = serializers.CharField(allow_null=True, help_text="Market time of acceptance")
    created_at = serializers.CharField()
    fee = serializers.CharField(allow_null=True, help_text="Commission of the fill that this answer reports")
    currency = serializers.CharField()


class TransitionOutput(serializers.Serializer):
    """One step of an order's life."""

    from_status = serializers.CharField()
    to_status = serializers.CharField()
    reason = serializers.CharField()
    market_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class PreviewOutput(serializers.Serializer):
    """What an order would do now."""

    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField()
    would_fill = serializers.BooleanField()
    notional = serializers.CharField()
    fee = serializers.CharField()
    total = serializers.CharField(help_text="Cost of a buy with fee, or proceeds of a sale after fee")
    buying_power = serializers.CharField()
    buying_power_after = serializers.CharField()
    currency = serializers.CharField()
    denial = serializers.DictField(allow_null=True, help_text="{code, message, details} when it would be denied")


class AccountOutput(serializers.Serializer):
    """An account card. Money in major units of `currency`, as strings."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Who trades it")
    kind = serializers.ChoiceField(["person", "agent"])
    label = serializers.CharField()  # type: ignore[assignment]  # DRF names an attribute of fields so, too
    purpose = serializers.CharField()
    market = serializers.CharField()
    currency = serializers.CharField()
    status = serializers.CharField()
    initial_balance = serializers.CharField()
    cash = serializers.CharField()
    reserved = serializers.CharField()
    buying_power = serializers.CharField()
    equity = serializers.CharField()
    realized_pnl = serializers.CharField(help_text="Before fees")
    unrealized_pnl = serializers.CharField()
    fees = serializers.CharField()
    return_pct = serializers.CharField()
    trades = serializers.IntegerField()
    open_orders = serializers.IntegerField()
    marked_at = serializers.DateTimeField(allow_null=True)


class PositionOutput(serializers.Serializer):
    """A holding at the latest price."""

    symbol = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.CharField()
    reserved_quantity = serializers.CharField()
    average_price = serializers.CharField()
    last = serializers.CharField(allow_null=True)
    cost = serializers.CharField()
    value = serializers.CharField()
    unrealized_pnl = serializers.CharField()
    unrealized_pct = serializers.CharField()
    realized_pnl = serializers.CharField()
    currency = serializers.CharField()


class TransactionOutput(serializers.Serializer):
    """A fill with the quote that made it."""

    id = serializers.IntegerField()
    order_id = serializers.IntegerField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField()
    notional = serializers.CharField()
    fee = serializers.CharField()
    realized_pnl = serializers.CharField()
    cash_after = serializers.CharField()
    currency = serializers.CharField()
    market_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    quote = serializers.DictField()


class EquityPointOutput(serializers.Serializer):
    """One point of an equity curve."""

    at = serializers.DateTimeField()
    equity = serializers.CharField()


def account_data(view: AccountView) -> dict[str, Any]:
    """An account view as AccountOutput data."""
    money = partial(major_text, currency=view.currency)
    return {
        "id": view.id,
        "name": view.owner_name,
        "kind": view.owner_kind,
        "label": view.label,
        "purpose": view.purpose,
        "market": view.market_slug,
        "currency": view.currency,
        "status": view.status,
        "initial_balance": money(view.initial_minor),
        "cash": money(view.cash_minor),
        "reserved": money(view.reserved_minor),
        "buying_power": money(view.buying_power_minor),
        "equity": money(view.equity_minor),
        "realized_pnl": money(view.realized_minor),
        "unrealized_pnl": money(view.unrealized_minor),
        "fees": money(view.fees_minor),
        "return_pct": str(view.return_pct),
        "trades": view.fills_count,
        "open_orders": view.open_orders_count,
        "marked_at": view.marked_at,
    }


def position_data(view: PositionView) -> dict[str, Any]:
    """A position view as PositionOutput data."""
    money = partial(major_text, currency=view.currency)
    return {
        "symbol": view.symbol,
        "name": view.name,
        "quantity": plain(view.quantity),
        "reserved_quantity": plain(view.reserved_quantity),
        "average_price": str(view.avg_price),
        "last": None if view.last is None else plain(view.last),
        "cost": money(view.cost_minor),
        "value": money(view.value_minor),
        "unrealized_pnl": money(view.unrealized_minor),
        "unrealized_pct": str(view.unrealized_pct),
        "realized_pnl": money(view.realized_minor),
        "currency": view.currency,
    }


def transaction_data(view: FillView) -> dict[str, Any]:
    """A fill view as TransactionOutput data."""
    money = partial(major_text, currency=view.currency)
    return {
        "id": view.id,
        "order_id": view.order_id,
        "symbol": view.symbol,
        "side": view.side,
        "quantity": plain(view.quantity),
        "price": plain(view.price),
        "notional": money(view.notional_minor),
        "fee": money(view.fee_minor),
        "realized_pnl": money(view.realized_minor),
        "cash_after": money(view.cash_after_minor),
        "currency": view.currency,
        "market_at": view.market_at,
        "created_at": view.created_at,
        "quote": view.quote,
    }
