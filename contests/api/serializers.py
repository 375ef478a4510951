"""Shapes on the wire. Money is a string in major units; times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from rest_framework import serializers

from contests.domain.definition import Constraints, ContestSpec
from contests.selectors import ContestView, StandingRow
from core.errors import Invalid
from core.money import Money, to_major
from marketdata.domain.types import MarketClock

MAX_AGENTS = 200
MAX_SYMBOLS = 500


class ReplayInput(serializers.Serializer):
    """The slice of loaded history that the contest plays."""

    start = serializers.DateField()
    end = serializers.DateField()
    symbols = serializers.ListField(child=serializers.CharField(max_length=16), min_length=1, max_length=MAX_SYMBOLS)
    seconds_per_tick = serializers.DecimalField(max_digits=8, decimal_places=2, required=False)
    warmup_days = serializers.IntegerField(min_value=0, max_value=2000, required=False)
    spread_bps = serializers.DecimalField(max_digits=7, decimal_places=3, required=False)
    mask = serializers.BooleanField(required=False)
    seed = serializers.IntegerField(min_value=0, max_value=2**63 - 1, required=False)
    high_low_rule = serializers.ChoiceField(["nearer_first", "low_first", "high_first"], required=False)


class ConstraintsInput(serializers.Serializer):
    """Limits of the contest; what is left out does not apply."""

    max_position_pct = serializers.CharField(max_length=12, required=False)
    max_trades_per_day = serializers.IntegerField(min_value=1, required=False)
    commission_bps = serializers.CharField(max_length=12, required=False)


class ContestInput(serializers.Serializer):
    """A new contest. `schedule` publishes it at once; without `starts_at` an operator starts it."""

    slug = serializers.CharField(max_length=60)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=4000, required=False, allow_blank=True, default="")
    visibility = serializers.ChoiceField(["public", "private"], default="public")
    invite_code = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    capacity = serializers.IntegerField(default=1000)
    starts_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    ends_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    initial_balance = serializers.CharField(max_length=24, required=False)
    currency = serializers.CharField(max_length=3, default="USD")
    allowed_symbols = serializers.ListField(
        child=serializers.CharField(max_length=16), max_length=MAX_SYMBOLS, required=False, default=list
    )
    constraints = ConstraintsInput(required=False)
    agents = serializers.ListField(
        child=serializers.SlugField(max_length=40), max_length=MAX_AGENTS, required=False, default=list
    )
    agent_interval_minutes = serializers.IntegerField(required=False)
    is_featured = serializers.BooleanField(default=False)
    auto_renew = serializers.BooleanField(default=False)
    market = ReplayInput()
    schedule = serializers.BooleanField(default=False)

    def to_spec(self) -> ContestSpec:
        """The validated input as a spec; raises Invalid for what makes no sense together."""
        data = dict(self.validated_data)
        data.pop("schedule")
        currency = data.pop("currency").upper()
        balance = Money.of(data.pop("initial_balance", settings.DEFAULT_BALANCE), currency)
        if data["visibility"] == "private" and not data["invite_code"]:
            raise Invalid("invite_code_needed", "A private contest needs an invite code.", {"field": "invite_code"})
        market = {name: _plain(value) for name, value in data.pop("market").items()}
        limits = Constraints.from_json(data.pop("constraints", {}))
        data.setdefault("agent_interval_minutes", settings.TRADING_INTERVAL_MINUTES)
        data["allowed_symbols"] = tuple(data["allowed_symbols"])
        data["agents"] = tuple(data["agents"])
        return ContestSpec(market=market, initial_balance=balance, constraints=limits, **data)


def _plain(value: Any) -> Any:
    """JSON data: dates and decimals as text."""
    return value if isinstance(value, bool | int | str | list) else str(value)


class JoinInput(serializers.Serializer):
    """The invite code, when the contest is private."""

    invite_code = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")


class MoveInput(serializers.Serializer):
    """Why, for the audit trail."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class ListInput(serializers.Serializer):
    """Which contests: one status, or several separated by commas."""

    status = serializers.RegexField(r"^[a-z,]{1,80}$", required=False)


class LeaderboardInput(serializers.Serializer):
    """Which stretch of the standings. `around`: `me` or an account id; then `page` does not matter."""

    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    pageSize = serializers.IntegerField(min_value=1, max_value=200, default=50)  # noqa: N815
    around = serializers.RegexField(r"^(me|[0-9]{1,18})$", required=False)


class ContestOutput(serializers.Serializer):
    """A contest."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    series = serializers.CharField()
    run_number = serializers.IntegerField()
    name = serializers.CharField()
    description = serializers.CharField()
    visibility = serializers.CharField(help_text="public or private")
    status = serializers.CharField(help_text="draft, scheduled, active, paused, ended, cancelled")
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
    account_id = serializers.IntegerField(allow_null=True, help_text="Your account in it, when you have joined")


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
    joined_at = serializers.DateTimeField()
    sparkline = serializers.ListField(child=serializers.CharField(), help_text="Newest equities, oldest first")


class LeaderboardOutput(serializers.Serializer):
    """A stretch of the standings: value, then cash, then who joined earlier."""

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
        "initial_balance": str(to_major(view.initial_balance_minor, view.currency)),
        "allowed_symbols": list(view.allowed_symbols),
        "agents": list(view.agents),
        "account_id": account_id,
    }


def status_data(view: ContestView, clock: MarketClock) -> dict[str, Any]:
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
        "initial_balance": str(to_major(view.initial_balance_minor, view.currency)),
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
    }


def standing_data(row: StandingRow, currency: str) -> dict[str, Any]:
    """A row as `StandingOutput`."""
    return {
        "rank": row.rank,
        "previous_rank": row.previous_rank,
        "account_id": row.account_id,
        "name": row.name,
        "kind": row.kind,
        "value": str(to_major(row.value_minor, currency)),
        "cash": str(to_major(row.cash_minor, currency)),
        "return_pct": row.return_pct,
        "trades": row.trades,
        "joined_at": row.joined_at,
        "sparkline": [str(to_major(point, currency)) for point in row.sparkline],
    }
