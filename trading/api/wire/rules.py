"""The rules of an account and their verdicts on the wire."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from core.money import major_text
from trading.selectors.rules import AccountRulesView, VerdictView


class RuleOutput(serializers.Serializer):
    """One rule in plain words."""

    key = serializers.CharField()
    kind = serializers.CharField()
    text = serializers.CharField()


class LimitOutput(serializers.Serializer):
    """A floor or a target at the prices in force; amounts in major units."""

    rule_key = serializers.CharField()
    kind = serializers.CharField()
    tested = serializers.CharField(help_text="What is compared: equity or balance")
    line = serializers.CharField(help_text="The floor, or the target")
    now = serializers.CharField()
    distance = serializers.CharField(help_text="Room above the floor, or what is missing to the target")
    used_percent = serializers.IntegerField(help_text="Of what may be lost, or of the target")
    resets_at = serializers.DateTimeField(allow_null=True)


class TradingDaysOutput(serializers.Serializer):
    """Days that count towards a rule."""

    rule_key = serializers.CharField()
    done = serializers.IntegerField()
    needed = serializers.IntegerField()


class ShareOutput(serializers.Serializer):
    """How much of the profit the best day made; it may be at most `percent` of it."""

    rule_key = serializers.CharField()
    best = serializers.CharField()
    profit = serializers.CharField()
    percent = serializers.CharField()
    is_met = serializers.BooleanField()


class AccountRulesOutput(serializers.Serializer):
    """The rules of an account, and where it stands by them. Times are the market's."""

    account_id = serializers.IntegerField()
    rule_set_id = serializers.IntegerField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    hash = serializers.CharField(help_text="SHA-256 of the document")
    currency = serializers.CharField()
    status = serializers.CharField(help_text="active, locked, passed, failed, expired")
    at = serializers.DateTimeField()
    started_at = serializers.DateTimeField()
    initial = serializers.CharField()
    balance = serializers.CharField(help_text="Closed: open positions at cost")
    equity = serializers.CharField()
    locked_until = serializers.DateTimeField(allow_null=True)
    next_reset_at = serializers.DateTimeField(allow_null=True)
    trading_days = TradingDaysOutput(many=True)
    rules = RuleOutput(many=True)
    limits = LimitOutput(many=True)
    shares = ShareOutput(many=True)
    high_water = serializers.CharField(allow_null=True, help_text="What floors that trail follow")


class VerdictOutput(serializers.Serializer):
    """What the rules found; its evidence is at /verdicts/{id}/evidence."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    rule_key = serializers.CharField()
    kind = serializers.CharField(help_text="fail, expired, soft, warn, pass")
    code = serializers.CharField()
    message = serializers.CharField()
    inputs_hash = serializers.CharField()
    market_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()


class EvidenceOutput(serializers.Serializer):
    """A verdict with all that it was computed from: `manage.py verify_verdict` computes it again."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    market_at = serializers.CharField()
    created_at = serializers.CharField()
    kind = serializers.CharField()
    rule_key = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    evidence = serializers.DictField()
    checksums = serializers.DictField(help_text="Of every value, by its path: names what was changed in the file")


def rules_data(view: AccountRulesView) -> dict[str, Any]:
    """An account's rules as JSON."""
    money = {
        name: major_text(getattr(view, f"{name}_minor"), view.currency) for name in ("initial", "balance", "equity")
    }
    limits = [
        {
            "rule_key": item.rule_key,
            "kind": item.kind,
            "tested": item.tested,
            "line": major_text(item.line_minor, view.currency),
            "now": major_text(item.now_minor, view.currency),
            "distance": major_text(item.distance_minor, view.currency),
            "used_percent": item.used_percent,
            "resets_at": item.resets_at,
        }
        for item in view.limits
    ]
    plain = {name: value for name, value in asdict(view).items() if not name.endswith("_minor") and name != "day"}
    days = [{"rule_key": key, "done": done, "needed": needed} for key, done, needed in view.trading_days]
    peak = view.high_water_minor
    high_water = None if peak is None else major_text(peak, view.currency)
    shares = [
        {
            "rule_key": item.rule_key,
            "best": major_text(item.best_minor, view.currency),
            "profit": major_text(item.profit_minor, view.currency),
            "percent": item.percent,
            "is_met": item.is_met,
        }
        for item in view.shares
    ]
    return {
        **plain, **money, "high_water": high_water, "limits": limits, "shares": shares, "trading_days": days,
    }  # fmt: skip


def verdict_data(view: VerdictView) -> dict[str, Any]:
    """A verdict as JSON."""
    return asdict(view)
