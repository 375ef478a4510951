"""Shapes on the wire. Money is a string in major units; times are ISO 8601 in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from contests.selectors import ContestView, StandingRow
from core.money import major_text
from marketdata.domain.metrics import WindowMetrics
from marketdata.domain.types import MarketClock


class ContestOutput(serializers.Serializer):
    """A contest."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    series = serializers.CharField()
    run_number = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    visibility = serializers.CharField(help_text="public or private")
    status = serializers.CharField(help_text="draft, scheduled, active, paused, ended, settled, cancelled")
    market = serializers.CharField(help_text="Slug of its market")
    price_source = serializers.CharField(help_text="Where its prices come from")
    is_simulated = serializers.BooleanField()
    is_masked = serializers.BooleanField()
    currency = serializers.CharField()
    initial_balance = serializers.CharField()
    capacity = serializers.IntegerField()
    participants = serializers.IntegerField()
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    allowed_symbols = serializers.ListField(child=serializers.CharField())
    constraints = serializers.DictField()
    agents = serializers.ListField(child=serializers.CharField())
    agent_interval_minutes = serializers.IntegerField()
    is_featured = serializers.BooleanField()
    definition_hash = serializers.CharField()
    final_hash = serializers.CharField(help_text="sha256 over the final standings; empty before the end")
    stakes = serializers.DictField(help_text="Fee and prizes in minor units of their currency; empty without any")
    admission = serializers.DictField(help_text="Who may enter, and until when; empty: everyone, at any time")
    scoring = serializers.CharField(help_text="What ranks: value, return, calmar, sortino or drawdown")
    sharing = serializers.DictField(help_text="When others see portfolios; empty: after the end")
    sponsors = serializers.ListField(child=serializers.DictField())
    settled_at = serializers.DateTimeField(allow_null=True, help_text="When its prizes were owed to the winners")
    account_id = serializers.IntegerField(allow_null=True, help_text="Your account in it, when you have joined")


class AwardOutput(serializers.Serializer):
    """A prize that was won; places count among people."""

    place = serializers.IntegerField()
    name = serializers.CharField()
    account_id = serializers.IntegerField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()
    badge = serializers.CharField()


class ResultOutput(serializers.Serializer):
    """What is at stake and what became of it. `proof`: hashes, and closing prices."""

    pool_minor = serializers.IntegerField(help_text="In the pool now, in minor units of the stakes' currency")
    settles_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    awards = AwardOutput(many=True)
    proof = serializers.DictField()


class JoinOutput(serializers.Serializer):
    """Your place in a contest."""

    contest = serializers.CharField()
    account_id = serializers.IntegerField()


class ClockOutput(serializers.Serializer):
    """Where the market stands. `at` is market time."""

    tick = serializers.IntegerField()
    ticks_total = serializers.IntegerField()
    at = serializers.DateTimeField()
    day = serializers.IntegerField()
    days_total = serializers.IntegerField()
    status = serializers.CharField()


class MetricOutput(serializers.Serializer):
    """What a symbol's last sessions say; null where there is too little history."""

    symbol = serializers.CharField()
    days = serializers.IntegerField()
    change_pct = serializers.CharField(allow_null=True)
    volatility_pct = serializers.CharField(allow_null=True)
    trend = serializers.CharField(allow_null=True)


class StatusOutput(serializers.Serializer):
    """Whether a contest runs, and where it stands."""

    contest = serializers.CharField()
    name = serializers.CharField()
    status = serializers.CharField()
    is_running = serializers.BooleanField()
    is_paused = serializers.BooleanField()
    run_number = serializers.IntegerField()
    participants = serializers.IntegerField()
    agents = serializers.IntegerField()
    initial_balance = serializers.CharField()
    currency = serializers.CharField()
    trading_interval_minutes = serializers.IntegerField()
    clock = ClockOutput()
    metrics = MetricOutput(many=True, help_text="Each symbol over the last HISTORY_DAYS sessions")


class StandingOutput(serializers.Serializer):
    """One line of the leaderboard. `rank` is null for an account that has not traded."""

    rank = serializers.IntegerField(allow_null=True)
    previous_rank = serializers.IntegerField(allow_null=True, help_text="At the close of the market day before")
    account_id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="person or agent")
    value = serializers.CharField()
    cash = serializers.CharField()
    return_pct = serializers.CharField()
    trades = serializers.IntegerField()
    score = serializers.CharField(help_text="What ranks, where it is not the value; else empty")
    joined_at = serializers.DateTimeField()
    sparkline = serializers.ListField(child=serializers.CharField(), help_text="Newest equities, oldest first")


class LeaderboardOutput(serializers.Serializer):
    """A stretch of the standings: score, then value, then cash, then who joined earlier."""

    results = StandingOutput(many=True)
    page = serializers.IntegerField()
    pageSize = serializers.IntegerField()  # noqa: N815
    total = serializers.IntegerField()
    next = serializers.IntegerField(allow_null=True)
    ranked = serializers.IntegerField()
    tick = serializers.IntegerField()
    is_final = serializers.BooleanField()
    currency = serializers.CharField()


_PLAIN = [
    "id",
    "slug",
    "series",
    "run_number",
    "name",
    "description",
    "visibility",
    "status",
    "settled_at",
    "is_simulated",
    "is_masked",
    "currency",
    "capacity",
    "participants",
    "starts_at",
    "ends_at",
    "started_at",
    "ended_at",
    "constraints",
    "agent_interval_minutes",
    "is_featured",
    "definition_hash",
    "final_hash",
]


def contest_data(view: ContestView, account_id: int | None = None) -> dict[str, Any]:
    """A contest as `ContestOutput`."""
    return {
        **{name: getattr(view, name) for name in _PLAIN},
        "market": view.market_slug,
        "price_source": view.source_label,
        "initial_balance": major_text(view.initial_balance_minor, view.currency),
        "allowed_symbols": list(view.allowed_symbols),
        "agents": list(view.agents),
        "stakes": view.stakes.to_json(),
        "admission": view.admission.to_json(),
        "scoring": view.scoring,
        "sharing": view.sharing.to_json(),
        "sponsors": list(view.sponsors),
        "account_id": account_id,
    }


def status_data(view: ContestView, clock: MarketClock, metrics: Sequence[WindowMetrics]) -> dict[str, Any]:
    """A contest's status as `StatusOutput`."""
    return {
        "contest": view.slug,
        "name": view.name,
        "status": view.status,
        "is_running": view.status == "active",
        "is_paused": view.status == "paused",
        "run_number": view.run_number,
        "participants": view.participants,
        "agents": len(view.agents),
        "initial_balance": major_text(view.initial_balance_minor, view.currency),
        "currency": view.currency,
        "trading_interval_minutes": view.agent_interval_minutes,
        "clock": {
            "tick": clock.tick,
            "ticks_total": clock.ticks_total,
            "at": clock.at,
            "day": clock.day_index,
            "days_total": clock.days_total,
            "status": clock.status,
        },
        "metrics": MetricOutput([asdict(row) for row in metrics], many=True).data,
    }


def standing_data(row: StandingRow, currency: str) -> dict[str, Any]:
    """A row as `StandingOutput`."""
    return {
        "rank": row.rank,
        "previous_rank": row.previous_rank,
        "account_id": row.account_id,
        "name": row.name,
        "kind": row.kind,
        "value": major_text(row.value_minor, currency),
        "cash": major_text(row.cash_minor, currency),
        "return_pct": row.return_pct,
        "trades": row.trades,
        "score": row.score,
        "joined_at": row.joined_at,
        "sparkline": [major_text(point, currency) for point in row.sparkline],
    }
