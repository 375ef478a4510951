"""Accounts, what they hold and what they did, on the wire."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework import serializers

from core.money import major_text
from trading.domain.schedules.words import label
from trading.domain.types import maybe_plain, plain
from trading.domain.views import AccountView, ActivityView, FeeWords, FillView, PositionView


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
    lock_reason = serializers.CharField(help_text="Why it is locked; empty otherwise")
    locked_until = serializers.DateTimeField(allow_null=True, help_text="Market time; null: for good, or not locked")
    is_margin = serializers.BooleanField()
    initial_balance = serializers.CharField()
    cash = serializers.CharField()
    reserved = serializers.CharField()
    buying_power = serializers.CharField()
    equity = serializers.CharField()
    realized_pnl = serializers.CharField(help_text="Before fees")
    unrealized_pnl = serializers.CharField()
    fees = serializers.CharField()
    other = serializers.CharField(help_text="Cash that no trade brought: dividends")
    return_pct = serializers.CharField()
    trades = serializers.IntegerField()
    open_orders = serializers.IntegerField()
    marked_at = serializers.DateTimeField(allow_null=True)


class PositionOutput(serializers.Serializer):
    """A position at the latest price. Money in `currency`, the account's; `last` in `price_currency`."""

    symbol = serializers.CharField()
    name = serializers.CharField()
    side = serializers.CharField(help_text="long or short")
    quantity = serializers.CharField(help_text="Signed: a short's is negative")
    reserved_quantity = serializers.CharField(help_text="Promised to resting sales")
    average_price = serializers.CharField(help_text="Cost of a unit, in the account's currency")
    last = serializers.CharField(allow_null=True)
    price_currency = serializers.CharField()
    fx = serializers.CharField(allow_null=True, help_text="Account currency for one of the price's; null: no rate")
    cost = serializers.CharField(help_text="Signed")
    value = serializers.CharField(help_text="Signed")
    unrealized_pnl = serializers.CharField()
    unrealized_pct = serializers.CharField()
    realized_pnl = serializers.CharField()
    day_change = serializers.CharField(allow_null=True, help_text="Of what is held now, since the last close")
    day_change_pct = serializers.CharField(allow_null=True, help_text="Of the price, since the last close")
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
    charges = serializers.DictField(child=serializers.CharField(), help_text="The fee by kind")
    fx = serializers.CharField(help_text="Account currency for one of the price's")
    realized_pnl = serializers.CharField()
    cash_after = serializers.CharField()
    currency = serializers.CharField()
    market_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    quote = serializers.DictField()


class ActivityOutput(serializers.Serializer):
    """One entry of an account's feed."""

    id = serializers.CharField()
    type = serializers.CharField(help_text="fill, fee, dividend, split, symbol_change, delisting")
    symbol = serializers.CharField()
    quantity = serializers.CharField(allow_null=True, help_text="What the position gained, signed")
    price = serializers.CharField(allow_null=True)
    cash = serializers.CharField(help_text="What cash gained, signed")
    realized_pnl = serializers.CharField()
    currency = serializers.CharField()
    order_id = serializers.IntegerField(allow_null=True)
    details = serializers.DictField()
    market_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class EquityPointOutput(serializers.Serializer):
    """One point of an equity curve."""

    at = serializers.DateTimeField()
    equity = serializers.CharField()
    cash = serializers.CharField()


class FeeLineOutput(serializers.Serializer):
    """The charges on one exchange, a sentence each."""

    exchange = serializers.CharField()
    charges = serializers.ListField(child=serializers.CharField())


class FeeScheduleOutput(serializers.Serializer):
    """What the account is charged, in plain words."""

    schedule = serializers.CharField()
    product = serializers.CharField()
    on = serializers.DateField(help_text="The market day that these charges are of")
    exchanges = FeeLineOutput(many=True)


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
        "lock_reason": view.lock_reason,
        "locked_until": view.locked_until,
        "is_margin": view.is_margin,
        "initial_balance": money(view.initial_minor),
        "cash": money(view.cash_minor),
        "reserved": money(view.reserved_minor),
        "buying_power": money(view.buying_power_minor),
        "equity": money(view.equity_minor),
        "realized_pnl": money(view.realized_minor),
        "unrealized_pnl": money(view.unrealized_minor),
        "fees": money(view.fees_minor),
        "other": money(view.other_minor),
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
        "side": view.side,
        "quantity": plain(view.quantity),
        "reserved_quantity": plain(view.reserved_quantity),
        "average_price": str(view.avg_price),
        "last": maybe_plain(view.last),
        "price_currency": view.price_currency,
        "fx": maybe_plain(view.fx),
        "cost": money(view.cost_minor),
        "value": money(view.value_minor),
        "unrealized_pnl": money(view.unrealized_minor),
        "unrealized_pct": str(view.unrealized_pct),
        "realized_pnl": money(view.realized_minor),
        "day_change": None if view.day_change_minor is None else money(view.day_change_minor),
        "day_change_pct": None if view.day_change_pct is None else str(view.day_change_pct),
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
        "charges": {kind: money(minor) for kind, minor in view.charges.items()},
        "fx": plain(view.fx),
        "realized_pnl": money(view.realized_minor),
        "cash_after": money(view.cash_after_minor),
        "currency": view.currency,
        "market_at": view.market_at,
        "created_at": view.created_at,
        "quote": view.quote,
    }


def activity_data(view: ActivityView) -> dict[str, Any]:
    """An activity view as ActivityOutput data."""
    money = partial(major_text, currency=view.currency)
    details = dict(view.details)
    charges = details.pop("charges_minor", None)
    if charges is not None:
        details["charges"] = {label(kind): money(minor) for kind, minor in charges.items()}
    return {
        "id": view.id,
        "type": view.kind,
        "symbol": view.symbol,
        "quantity": maybe_plain(view.quantity),
        "price": maybe_plain(view.price),
        "cash": money(view.cash_minor),
        "realized_pnl": money(view.realized_minor),
        "currency": view.currency,
        "order_id": view.order_id,
        "details": details,
        "market_at": view.market_at,
        "created_at": view.created_at,
    }


def fee_words_data(view: FeeWords) -> dict[str, Any]:
    """Charges in words as FeeScheduleOutput data."""
    lines = [{"exchange": name, "charges": list(words)} for name, words in view.lines.items()]
    return {"schedule": view.schedule, "product": view.product, "on": view.on, "exchanges": lines}
