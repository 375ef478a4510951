"""Accounts of the firm on the wire. Times of trading are the market's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from core.money import major_text
from propfirm.models import PropAccount, PropActivity, PropDispute
from propfirm.selectors.accounts import SOFT_LOCKED, AccountCard, AccountDetail, Objective, PhaseRow
from trading.api.wire.performance import PerformanceOutput
from trading.api.wire.rules import VerdictOutput
from trading.domain.rules import Verdict
from trading.models import FloorStep
from trading.selectors.rules import VerdictView

STATUSES = tuple(str(status) for status in PropAccount.Status if status != PropAccount.Status.VOID)


class PropAccountPlanOut(serializers.Serializer):
    """The version of a plan that was bought."""

    code = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()


class PropAccountOut(serializers.Serializer):
    """An account in a list. Amounts are decimal strings in `currency`."""

    number = serializers.CharField(help_text="PA and eight digits")
    plan = PropAccountPlanOut()
    status = serializers.CharField(help_text=f"{', '.join((*STATUSES, SOFT_LOCKED))}, void")
    label = serializers.CharField()  # type: ignore[assignment]
    phase = serializers.CharField(help_text="The phase that was opened last; empty before the first")
    phase_index = serializers.IntegerField()
    trading_account_id = serializers.IntegerField(allow_null=True, help_text="For orders, in that phase")
    currency = serializers.CharField()
    size = serializers.CharField(help_text="Balance that a phase begins with")
    equity = serializers.CharField(allow_null=True, help_text="At the latest mark")
    profit = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end_reason = serializers.CharField()


class PropPhaseOut(serializers.Serializer):
    """A phase as it was traded; each attempt has a trading account of its own."""

    id = serializers.IntegerField()
    index = serializers.IntegerField()
    attempt = serializers.IntegerField()
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="evaluation or funded")
    status = serializers.CharField(help_text="active, passed, failed, expired, closed")
    trading_account_id = serializers.IntegerField()
    verdict_id = serializers.IntegerField(allow_null=True, help_text="What ended it")
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class PropObjectiveOut(serializers.Serializer):
    """Something to reach, or to stay away from. Amounts are null for days and shares."""

    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=["target", "days", "share", "limit"])
    name = serializers.CharField()
    text = serializers.CharField(help_text="The rule in words")
    is_met = serializers.BooleanField()
    percent = serializers.IntegerField(
        help_text="Done, of a limit used, or the best day's share of the profit; 0 to 100"
    )
    line = serializers.CharField(allow_null=True, help_text="The floor, or the target")
    now = serializers.CharField(allow_null=True)
    distance = serializers.CharField(allow_null=True, help_text="Room above the floor, or what is missing")
    resets_at = serializers.DateTimeField(allow_null=True)


class PropDayOut(serializers.Serializer):
    """A closed trading day."""

    day = serializers.CharField(help_text="The date of the reset that opened it")
    profit = serializers.CharField()
    opened = serializers.BooleanField(help_text="Whether a position was opened in it")


class PropAccountDetailOut(PropAccountOut):
    """An account with its phases, at the quotes in force."""

    add_ons = serializers.ListField(child=serializers.CharField())
    payment_id = serializers.UUIDField()
    locked_until = serializers.DateTimeField(allow_null=True)
    lock_reason = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True, help_text="Market time of the figures")
    balance = serializers.CharField(allow_null=True, help_text="Closed: open positions at cost")
    next_reset_at = serializers.DateTimeField(allow_null=True)
    phases = PropPhaseOut(many=True)
    objectives = PropObjectiveOut(many=True)
    days = PropDayOut(many=True)


class PropObjectivesOut(serializers.Serializer):
    """Targets, days and limits of the phase that runs, or ended last."""

    currency = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    objectives = PropObjectiveOut(many=True)


class PropVerdictOut(serializers.Serializer):
    """What the rules have found just now."""

    kind = serializers.CharField(help_text="fail, expired, soft, warn, pass")
    rule_key = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class PropBalanceOut(PropObjectivesOut):
    """An account marked and judged at the quotes in force. What a verdict means for it follows within seconds."""

    number = serializers.CharField()
    status = serializers.CharField()
    balance = serializers.CharField(allow_null=True)
    equity = serializers.CharField(allow_null=True)
    profit = serializers.CharField(allow_null=True)
    verdicts = PropVerdictOut(many=True)


class PropActivityOut(serializers.Serializer):
    """What happened to an account."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    message = serializers.CharField()
    verdict_id = serializers.IntegerField(allow_null=True)
    market_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class PropViolationOut(VerdictOutput):
    """A verdict that ended or paused a phase."""

    evidence_url = serializers.CharField(help_text="Everything that it was computed from")


class PropFloorOut(serializers.Serializer):
    """A floor from a moment on, until the next step of the same rule."""

    rule_key = serializers.CharField()
    at = serializers.DateTimeField(help_text="Market time")
    reference = serializers.CharField(
        help_text="What it is measured from: the day's reference, the high water, or the initial balance"
    )
    floor = serializers.CharField()


class PropStatisticsOut(serializers.Serializer):
    """How an account has been traded. `performance` is of one phase; null before the first."""

    number = serializers.CharField()
    phase = PropPhaseOut(allow_null=True)
    phases_traded = serializers.IntegerField(help_text="Attempts in all")
    phases_passed = serializers.IntegerField()
    resets = serializers.IntegerField()
    retries = serializers.IntegerField(help_text="Free retries of this phase")
    performance = PerformanceOutput(allow_null=True)


class PropDisputeIn(serializers.Serializer):
    """An objection."""

    verdict_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    body = serializers.CharField(max_length=2_000, help_text="At least 10 characters: what is wrong")


class PropDisputeOut(serializers.Serializer):
    """An objection to a verdict, and what came of it."""

    id = serializers.IntegerField()
    verdict_id = serializers.IntegerField()
    body = serializers.CharField()
    status = serializers.ChoiceField(choices=PropDispute.Status.choices)
    note = serializers.CharField(help_text="What was decided, in words; empty before")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


def _money(minor: int | None, currency: str) -> str | None:
    return None if minor is None else major_text(minor, currency)


def card_data(card: AccountCard) -> dict[str, Any]:
    """An account in a list."""
    same = ("number", "status", "label", "phase", "phase_index", "trading_account_id", "currency", "created_at",
            "ended_at", "end_reason")  # fmt: skip
    return {
        **{name: getattr(card, name) for name in same},
        "plan": {"code": card.plan_code, "name": card.plan_name, "version": card.plan_version},
        "size": major_text(card.size_minor, card.currency),
        "equity": _money(card.equity_minor, card.currency),
        "profit": _money(card.profit_minor, card.currency),
    }


def floor_data(row: FloorStep, money: Callable[[int], str]) -> dict[str, Any]:
    """A step of a floor; `money` writes minor units."""
    return {
        "rule_key": row.rule_key,
        "at": row.market_at,
        "reference": money(row.reference_minor),
        "floor": money(row.floor_minor),
    }


def objective_data(item: Objective, currency: str) -> dict[str, Any]:
    """An objective."""
    limit = item.limit
    return {
        **{name: getattr(item, name) for name in ("key", "kind", "name", "text", "is_met", "percent")},
        "line": None if limit is None else major_text(limit.line_minor, currency),
        "now": None if limit is None else major_text(limit.now_minor, currency),
        "distance": None if limit is None else major_text(limit.distance_minor, currency),
        "resets_at": None if limit is None else limit.resets_at,
    }


def objectives_data(found: AccountDetail) -> dict[str, Any]:
    """Objectives with the time that they are of."""
    currency = found.card.currency
    return {
        "currency": currency,
        "at": None if found.rules is None else found.rules.at,
        "objectives": [objective_data(item, currency) for item in found.objectives],
    }


def _figures(found: AccountDetail) -> dict[str, Any]:
    """Balance, equity and profit as the rules see them now; as the card has them before there are any."""
    rules, card = found.rules, found.card
    equity = card.equity_minor if rules is None else rules.equity_minor
    return {
        "balance": _money(None if rules is None else rules.balance_minor, card.currency),
        "equity": _money(equity, card.currency),
        "profit": _money(None if equity is None else equity - card.initial_minor, card.currency),
    }


def phase_data(phase: PhaseRow) -> dict[str, Any]:
    """A phase."""
    return asdict(phase)


def detail_data(found: AccountDetail) -> dict[str, Any]:
    """An account with everything."""
    currency = found.card.currency
    return {
        **card_data(found.card),
        **_figures(found),
        **objectives_data(found),
        "add_ons": list(found.add_ons),
        "payment_id": found.card.payment_id,
        "locked_until": found.locked_until,
        "lock_reason": found.lock_reason,
        "next_reset_at": None if found.rules is None else found.rules.next_reset_at,
        "phases": [phase_data(phase) for phase in found.phases],
        "days": [
            {"day": day.day, "profit": major_text(day.profit_minor, currency), "opened": day.opened}
            for day in found.days
        ],
    }


def balance_data(found: AccountDetail, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """An account after it was judged."""
    names = ("kind", "rule_key", "code", "message")
    return {
        **objectives_data(found),
        **_figures(found),
        "number": found.card.number,
        "status": found.card.status,
        "verdicts": [{name: getattr(item, name) for name in names} for item in verdicts],
    }


def activity_data(row: PropActivity) -> dict[str, Any]:
    """An activity."""
    names = ("kind", "message", "verdict_id", "market_at", "created_at")
    return {"id": row.pk, **{name: getattr(row, name) for name in names}}


def violation_data(view: VerdictView) -> dict[str, Any]:
    """A violation."""
    return {**asdict(view), "evidence_url": f"/api/v1/verdicts/{view.id}/evidence"}


def dispute_data(row: PropDispute) -> dict[str, Any]:
    """A dispute. What the first of the two people thinks is told when the second has decided."""
    names = ("verdict_id", "body", "status", "created_at", "decided_at")
    note = row.note if row.decided_at is not None else ""
    return {"id": row.pk, "note": note, **{name: getattr(row, name) for name in names}}
