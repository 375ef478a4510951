"""Statements on the wire."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework import serializers

from core.money import major_text
from trading.api.wire.performance import PerformanceOutput, performance_data
from trading.domain.fees import total
from trading.domain.statement import Standing, Statement, bridge
from trading.domain.types import plain


class StatementStandingOutput(serializers.Serializer):
    """Where the account stood. balance = cash + cost of open positions; equity = balance + unrealized."""

    cash = serializers.CharField()
    balance = serializers.CharField()
    unrealized_pnl = serializers.CharField()
    equity = serializers.CharField()


class BridgeLineOutput(serializers.Serializer):
    """One line between the opening and the closing balance."""

    line = serializers.CharField()
    amount = serializers.CharField()


class StatementFillOutput(serializers.Serializer):
    """A fill of the period."""

    at = serializers.DateTimeField()
    order_id = serializers.IntegerField()
    symbol = serializers.CharField()
    side = serializers.CharField()
    quantity = serializers.CharField()
    price = serializers.CharField()
    price_currency = serializers.CharField()
    value = serializers.CharField()
    realized_pnl = serializers.CharField()
    fee = serializers.CharField()
    charges = serializers.DictField(child=serializers.CharField())


class CashEventOutput(serializers.Serializer):
    """Cash that no fill brought."""

    at = serializers.DateTimeField()
    type = serializers.CharField()
    symbol = serializers.CharField()
    amount = serializers.CharField()
    note = serializers.CharField()


class StatementPositionOutput(serializers.Serializer):
    """A position at the end."""

    symbol = serializers.CharField()
    quantity = serializers.CharField()
    last = serializers.CharField()
    price_currency = serializers.CharField()
    cost = serializers.CharField()
    value = serializers.CharField()
    unrealized_pnl = serializers.CharField()


class StatementOutput(serializers.Serializer):
    """An account's statement over [start, end) of market time."""

    account_id = serializers.IntegerField()
    account = serializers.CharField()
    owner = serializers.CharField()
    market = serializers.CharField()
    currency = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    generated_at = serializers.DateTimeField()
    notes = serializers.ListField(child=serializers.CharField())
    opening = StatementStandingOutput()
    closing = StatementStandingOutput()
    bridge = BridgeLineOutput(many=True)
    positions = StatementPositionOutput(many=True)
    cash = CashEventOutput(many=True)
    cash_total = serializers.IntegerField()
    fills = StatementFillOutput(many=True)
    fills_total = serializers.IntegerField()
    performance = PerformanceOutput(allow_null=True)


def statement_data(found: Statement) -> dict[str, Any]:
    """A statement as StatementOutput data."""
    head = found.heading
    money = partial(major_text, currency=head.currency)

    def standing(at: Standing) -> dict[str, str]:
        return {
            "cash": money(at.cash_minor),
            "balance": money(at.balance_minor),
            "unrealized_pnl": money(at.unrealized_minor),
            "equity": money(at.equity_minor),
        }

    return {
        "account_id": head.account_id,
        "account": head.account_name,
        "owner": head.owner,
        "market": head.market,
        "currency": head.currency,
        "start": head.start,
        "end": head.end,
        "generated_at": head.generated_at,
        "notes": found.notes,
        "opening": standing(found.opening),
        "closing": standing(found.closing),
        "bridge": [{"line": name, "amount": money(minor)} for name, minor in bridge(found)],
        "positions": _positions(found),
        "cash": [
            {"at": item.at, "type": item.kind, "symbol": item.symbol, "amount": money(item.minor), "note": item.note}
            for item in found.events
        ],
        "cash_total": found.events_total,
        "fills": _fills(found),
        "fills_total": found.fills_total,
        "performance": None if found.performance is None else performance_data(found.performance, head.currency),
    }


def _positions(found: Statement) -> list[dict[str, Any]]:
    money = partial(major_text, currency=found.heading.currency)
    return [
        {
            "symbol": item.symbol,
            "quantity": plain(item.quantity),
            "last": plain(item.last_price),
            "price_currency": item.currency,
            "cost": money(item.cost_minor),
            "value": money(item.value_minor),
            "unrealized_pnl": money(item.unrealized_minor),
        }
        for item in found.positions
    ]


def _fills(found: Statement) -> list[dict[str, Any]]:
    money = partial(major_text, currency=found.heading.currency)
    return [
        {
            "at": item.at,
            "order_id": item.order_id,
            "symbol": item.symbol,
            "side": item.side,
            "quantity": plain(item.quantity),
            "price": plain(item.price),
            "price_currency": item.currency,
            "value": money(item.notional_minor),
            "realized_pnl": money(item.realized_minor),
            "fee": money(total(item.charges)),
            "charges": {charge.kind: money(charge.minor) for charge in item.charges},
        }
        for item in found.fills
    ]
