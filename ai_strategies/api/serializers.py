"""Shapes on the wire. Prices are strings in major units."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ai_strategies.selectors import AgentView, DecisionView, TurnView, strategy_of
from trading.domain.types import plain


class ParameterOutput(serializers.Serializer):
    """One adjustable number of a strategy."""

    name = serializers.CharField()
    type = serializers.CharField(help_text="integer or number")
    default = serializers.FloatField()
    minimum = serializers.FloatField()
    maximum = serializers.FloatField()
    description = serializers.CharField()


class SeatOutput(serializers.Serializer):
    """An agent's place in a contest."""

    contest = serializers.CharField()
    contest_name = serializers.CharField()
    contest_status = serializers.CharField()
    account_id = serializers.IntegerField()


class AgentOutput(serializers.Serializer):
    """An agent and the strategy it follows."""

    id = serializers.IntegerField()
    key = serializers.CharField()
    name = serializers.CharField()
    title = serializers.CharField()
    bio = serializers.CharField()
    strategy = serializers.CharField()
    strategy_title = serializers.CharField()
    strategy_description = serializers.CharField()
    parameters = ParameterOutput(many=True)
    params = serializers.DictField(help_text="The parameters that this agent sets; the others have their defaults")
    is_active = serializers.BooleanField()
    seats = SeatOutput(many=True)


class DecisionOutput(serializers.Serializer):
    """A decision, its reason and what became of it."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField()
    agent_id = serializers.IntegerField()
    agent = serializers.CharField()
    name = serializers.CharField()
    tick = serializers.IntegerField()
    action = serializers.CharField(help_text="buy, sell or hold")
    symbol = serializers.CharField()
    quantity = serializers.IntegerField()
    reason = serializers.CharField()
    confidence = serializers.CharField()
    status = serializers.CharField(help_text="The order's status; none for hold; refused when no order was made")
    code = serializers.CharField(help_text="Why it was denied or refused; empty otherwise")
    price = serializers.CharField(allow_null=True)
    order_id = serializers.IntegerField(allow_null=True)
    market_at = serializers.DateTimeField()


class ActionOutput(serializers.Serializer):
    """One action of a strategy, in the words of the first brief."""

    ticker = serializers.CharField()
    action = serializers.CharField(help_text="BUY or SELL")
    qty = serializers.IntegerField()
    reason = serializers.CharField()
    confidence = serializers.CharField()
    status = serializers.CharField()


class TurnOutput(serializers.Serializer):
    """What a strategy decided on one turn. A turn without trades has no actions; `note` says why."""

    tick = serializers.IntegerField()
    at = serializers.DateTimeField()
    actions = ActionOutput(many=True)
    note = serializers.CharField()


class StrategyOutput(serializers.Serializer):
    """The strategy behind an account, with its latest turn."""

    account_id = serializers.IntegerField()
    agent = AgentOutput()
    tick = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    actions = ActionOutput(many=True)
    note = serializers.CharField()


class DecisionsInput(serializers.Serializer):
    """Which decisions."""

    holds = serializers.BooleanField(default=False, help_text="Also the decisions to do nothing")
    account = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)


def agent_data(view: AgentView) -> dict[str, Any]:
    """An agent as `AgentOutput`."""
    names = ("id", "key", "name", "title", "bio", "strategy", "strategy_title", "strategy_description", "is_active")
    return {
        **{name: getattr(view, name) for name in names},
        "params": view.params,
        "parameters": [parameter.to_json() for parameter in strategy_of(view).parameters],
        "seats": [
            {
                "contest": seat.contest_slug,
                "contest_name": seat.contest_name,
                "contest_status": seat.contest_status,
                "account_id": seat.account_id,
            }
            for seat in view.seats
        ],
    }


def decision_data(view: DecisionView) -> dict[str, Any]:
    """A decision as `DecisionOutput`."""
    names = ("id", "account_id", "agent_id", "tick", "action", "symbol", "quantity", "reason", "status", "code")
    return {
        **{name: getattr(view, name) for name in names},
        "agent": view.agent_key,
        "name": view.agent_name,
        "confidence": str(view.confidence),
        "price": None if view.price is None else plain(view.price),
        "order_id": view.order_id,
        "market_at": view.market_at,
    }


def turn_data(view: TurnView | None) -> dict[str, Any]:
    """A turn as `TurnOutput`; an account that has had none has no tick."""
    if view is None:
        return {"tick": None, "at": None, "actions": [], "note": "It has not had a turn yet."}
    held = [item for item in view.decisions if item.action == "hold"]
    return {
        "tick": view.tick,
        "at": view.market_at,
        "actions": [
            {
                "ticker": item.symbol,
                "action": item.action.upper(),
                "qty": item.quantity,
                "reason": item.reason,
                "confidence": str(item.confidence),
                "status": item.status,
            }
            for item in view.decisions
            if item.action != "hold"
        ],
        "note": held[0].reason if held else "",
    }
