"""Performance and round trips on the wire."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from rest_framework import serializers

from core.money import major_text
from trading.domain.performance import LEAST_SESSIONS, Performance, RoundTrip
from trading.domain.types import maybe_plain, plain


class RoundTripOutput(serializers.Serializer):
    """A position from flat to flat. `closed_at` null: still open, with what it has realised so far."""

    symbol = serializers.CharField()
    direction = serializers.CharField(help_text="long or short")
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    held_seconds = serializers.FloatField(allow_null=True)
    quantity = serializers.CharField(help_text="What was closed")
    entry_price = serializers.CharField()
    exit_price = serializers.CharField(allow_null=True)
    realized_pnl = serializers.CharField(help_text="Before fees")
    fees = serializers.CharField()
    net_pnl = serializers.CharField()
    fills = serializers.IntegerField()
    currency = serializers.CharField()


class DrawdownOutput(serializers.Serializer):
    """The deepest fall from a peak."""

    depth = serializers.FloatField(help_text="0.1 is 10 %")
    depth_money = serializers.CharField()
    peak_at = serializers.DateTimeField()
    trough_at = serializers.DateTimeField()
    recovered_at = serializers.DateTimeField(allow_null=True)
    lasted_seconds = serializers.FloatField()


class SessionOutput(serializers.Serializer):
    """A session and its return."""

    date = serializers.DateField()
    value = serializers.FloatField(help_text="0.1 is 10 %")


class TradeStatsOutput(serializers.Serializer):
    """Closed round trips in figures, after fees."""

    closed = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    longs = serializers.IntegerField()
    shorts = serializers.IntegerField()
    net = serializers.CharField()
    gross_profit = serializers.CharField()
    gross_loss = serializers.CharField()
    win_rate = serializers.FloatField(allow_null=True)
    profit_factor = serializers.FloatField(allow_null=True)
    payoff = serializers.FloatField(allow_null=True)
    expectancy = serializers.CharField(allow_null=True)
    average_win = serializers.CharField(allow_null=True)
    average_loss = serializers.CharField(allow_null=True)
    best = RoundTripOutput(allow_null=True)
    worst = RoundTripOutput(allow_null=True)
    longest_wins = serializers.IntegerField()
    longest_losses = serializers.IntegerField()
    average_held_seconds = serializers.FloatField(allow_null=True)


class PerformanceOutput(serializers.Serializer):
    """An account's performance. Ratios are fractions; `undefined` says why a figure is null."""

    currency = serializers.CharField()
    first_at = serializers.DateTimeField(allow_null=True)
    last_at = serializers.DateTimeField(allow_null=True)
    sessions = serializers.IntegerField()
    first_equity = serializers.CharField(allow_null=True)
    last_equity = serializers.CharField(allow_null=True)
    flows = serializers.CharField()
    profit = serializers.CharField(allow_null=True)
    total_return = serializers.FloatField(allow_null=True)
    twr = serializers.FloatField(allow_null=True, help_text="Time-weighted return")
    annual_return = serializers.FloatField(allow_null=True)
    volatility = serializers.FloatField(allow_null=True)
    sharpe = serializers.FloatField(allow_null=True)
    sortino = serializers.FloatField(allow_null=True)
    calmar = serializers.FloatField(allow_null=True)
    drawdown = DrawdownOutput(allow_null=True)
    current_drawdown = serializers.FloatField(allow_null=True)
    best_session = SessionOutput(allow_null=True)
    worst_session = SessionOutput(allow_null=True)
    trades = TradeStatsOutput()
    open_trades = serializers.IntegerField()
    fills = serializers.IntegerField()
    realized_pnl = serializers.CharField()
    fees = serializers.CharField()
    traded = serializers.CharField(help_text="Value bought and sold")
    time_invested = serializers.FloatField(allow_null=True)
    exposure = serializers.FloatField(allow_null=True)
    turnover = serializers.FloatField(allow_null=True)
    undefined = serializers.DictField(child=serializers.CharField(), help_text="Why a figure is null, by its name")


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()


def round_trip_data(trip: RoundTrip, currency: str) -> dict[str, Any]:
    """A round trip as RoundTripOutput data."""
    money = partial(major_text, currency=currency)
    return {
        "symbol": trip.symbol,
        "direction": trip.direction,
        "opened_at": trip.opened_at,
        "closed_at": trip.closed_at,
        "held_seconds": _seconds(trip.held),
        "quantity": plain(trip.quantity),
        "entry_price": plain(trip.entry_price),
        "exit_price": maybe_plain(trip.exit_price),
        "realized_pnl": money(trip.realized_minor),
        "fees": money(trip.fees_minor),
        "net_pnl": money(trip.net_minor),
        "fills": trip.fills,
        "currency": currency,
    }


def _stats_data(found: Performance, currency: str) -> dict[str, Any]:
    stats = found.trades

    def money(minor: int | None) -> str | None:
        return None if minor is None else major_text(minor, currency)

    return {
        "closed": stats.closed_trades,
        "wins": stats.wins,
        "losses": stats.losses,
        "longs": stats.longs,
        "shorts": stats.shorts,
        "net": money(stats.net_minor),
        "gross_profit": money(stats.gross_profit_minor),
        "gross_loss": money(stats.gross_loss_minor),
        "win_rate": stats.win_rate,
        "profit_factor": stats.profit_factor,
        "payoff": stats.payoff,
        "expectancy": money(stats.expectancy_minor),
        "average_win": money(stats.average_win_minor),
        "average_loss": money(stats.average_loss_minor),
        "best": None if stats.best is None else round_trip_data(stats.best, currency),
        "worst": None if stats.worst is None else round_trip_data(stats.worst, currency),
        "longest_wins": stats.longest_wins,
        "longest_losses": stats.longest_losses,
        "average_held_seconds": _seconds(stats.average_held),
    }


_PLAIN = (
    *("first_at", "last_at", "sessions", "total_return", "twr", "annual_return", "volatility", "sharpe", "sortino"),
    *("calmar", "current_drawdown", "open_trades", "fills", "time_invested", "exposure", "turnover"),
)


def performance_data(found: Performance, currency: str) -> dict[str, Any]:
    """Performance as PerformanceOutput data."""

    def money(minor: int | None) -> str | None:
        return None if minor is None else major_text(minor, currency)

    fall = found.drawdown
    data: dict[str, Any] = {name: getattr(found, name) for name in _PLAIN}
    for name in ("best_session", "worst_session"):
        session = getattr(found, name)
        data[name] = None if session is None else {"date": session[0], "value": session[1]}
    return data | {
        "currency": currency,
        "first_equity": money(found.first_equity_minor),
        "last_equity": money(found.last_equity_minor),
        "flows": money(found.flows_minor),
        "profit": money(found.profit_minor),
        "drawdown": None
        if fall is None
        else {
            "depth": fall.depth,
            "depth_money": money(fall.depth_minor),
            "peak_at": fall.peak_at,
            "trough_at": fall.trough_at,
            "recovered_at": fall.recovered_at,
            "lasted_seconds": fall.lasted.total_seconds(),
        },
        "trades": _stats_data(found, currency),
        "realized_pnl": money(found.realized_minor),
        "fees": money(found.fees_minor),
        "traded": money(found.traded_minor),
        "undefined": undefined(found),
    }


def undefined(found: Performance) -> dict[str, str]:
    """Why each figure that is None is not defined, by its name on the wire."""
    few = f"It takes {LEAST_SESSIONS} sessions, and the period has {found.sessions}."
    points = "The period has fewer than two points of equity."
    short = found.sessions < LEAST_SESSIONS
    stats = found.trades
    reasons = {
        "profit": points,
        "total_return": points if found.profit_minor is None else "Equity began at zero or less.",
        "twr": points if found.drawdown is None else "Equity fell to zero or less.",
        "annual_return": few if short else "It is too large to mean anything.",
        "volatility": few,
        "sharpe": few if short else "Returns do not vary.",
        "sortino": few if short else "No session lost.",
        "calmar": few if short else "There was no drawdown.",
        "drawdown": points,
        "current_drawdown": points,
        "best_session": points,
        "worst_session": points,
        "time_invested": "It is not kept for an account that was short, or no time has passed.",
        "exposure": "It is not kept for an account that was short, or no time has passed.",
        "turnover": "There was no equity to divide by.",
    }
    trades = {
        "trades.win_rate": (stats.win_rate, "No trade was closed."),
        "trades.profit_factor": (stats.profit_factor, "No trade lost."),
        "trades.payoff": (stats.payoff, "It takes a trade that won and one that lost."),
    }
    own = {name: words for name, words in reasons.items() if getattr(found, _names.get(name, name)) is None}
    return own | {name: words for name, (value, words) in trades.items() if value is None}


_names = {"profit": "profit_minor"}
