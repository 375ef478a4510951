"""Portfolios on the wire."""

from __future__ import annotations

from functools import partial
from typing import Any

from rest_framework import serializers

from core.money import major_text
from trading.domain.types import plain
from trading.domain.views import PortfolioView


class MarginOutput(serializers.Serializer):
    """Where a margin account stands. `excess`: equity that carries nothing yet."""

    leverage = serializers.CharField()
    used = serializers.CharField(help_text="Initial margin of the positions")
    maintenance = serializers.CharField()
    close_out = serializers.CharField(help_text="Below it positions are reduced by force")
    excess = serializers.CharField()
    is_called = serializers.BooleanField()
    may_short = serializers.BooleanField()


class ExposureOutput(serializers.Serializer):
    """What the positions are worth. `short` is negative."""

    long = serializers.CharField()
    short = serializers.CharField()
    net = serializers.CharField()
    gross = serializers.CharField()
    gross_pct = serializers.FloatField(allow_null=True, help_text="Of equity; null at an equity of zero or less")


class PnlOutput(serializers.Serializer):
    """total = realized + unrealized - fees + other."""

    total = serializers.CharField()
    realized = serializers.CharField(help_text="Before fees")
    unrealized = serializers.CharField()
    fees = serializers.CharField()
    other = serializers.CharField(help_text="Dividends")
    day = serializers.CharField(allow_null=True, help_text="Since the equity that the session began with")
    day_pct = serializers.FloatField(allow_null=True)


class PortfolioOutput(serializers.Serializer):
    """An account at the quotes in force."""

    account_id = serializers.IntegerField()
    at = serializers.DateTimeField(help_text="Market time")
    currency = serializers.CharField()
    initial_balance = serializers.CharField()
    cash = serializers.CharField()
    reserved = serializers.CharField(help_text="Held by resting orders")
    equity = serializers.CharField()
    buying_power = serializers.CharField()
    open_positions = serializers.IntegerField()
    open_orders = serializers.IntegerField()
    exposure = ExposureOutput()
    pnl = PnlOutput()
    margin = MarginOutput(allow_null=True, help_text="null for cash accounts")


def _ratio(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole and whole > 0 else None


def portfolio_data(view: PortfolioView) -> dict[str, Any]:
    """A portfolio view as PortfolioOutput data."""
    money = partial(major_text, currency=view.currency)
    margin, day = view.margin, view.day_profit_minor
    return {
        "account_id": view.account_id,
        "at": view.at,
        "currency": view.currency,
        "initial_balance": money(view.initial_minor),
        "cash": money(view.cash_minor),
        "reserved": money(view.reserved_minor),
        "equity": money(view.equity_minor),
        "buying_power": money(view.buying_power_minor),
        "open_positions": view.open_positions,
        "open_orders": view.open_orders,
        "exposure": {
            "long": money(view.long_minor),
            "short": money(view.short_minor),
            "net": money(view.net_minor),
            "gross": money(view.gross_minor),
            "gross_pct": _ratio(view.gross_minor * 100, view.equity_minor),
        },
        "pnl": {
            "total": money(view.profit_minor),
            "realized": money(view.realized_minor),
            "unrealized": money(view.unrealized_minor),
            "fees": money(view.fees_minor),
            "other": money(view.other_minor),
            "day": None if day is None else money(day),
            "day_pct": None if day is None else _ratio(day * 100, view.day_open_minor),
        },
        "margin": None
        if margin is None
        else {
            "leverage": plain(view.terms.leverage),
            "used": money(margin.initial_minor),
            "maintenance": money(margin.maintenance_minor),
            "close_out": money(margin.close_out_minor),
            "excess": money(margin.excess_minor),
            "is_called": margin.is_called,
            "may_short": view.terms.short,
        },
    }
