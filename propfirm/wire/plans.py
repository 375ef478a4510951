"""Plans on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from core.money import major_text
from propfirm.selectors.plans import PhaseView, PlanView


class PropFigureOut(serializers.Serializer):
    """A rule that people compare first."""

    label = serializers.CharField()  # type: ignore[assignment]  # DRF names an attribute of fields so, too
    value = serializers.CharField()


class PropPlanPhaseOut(serializers.Serializer):
    """A phase and its rules in plain words."""

    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text="evaluation or funded")
    rules = serializers.ListField(child=serializers.CharField())
    figures = PropFigureOut(many=True)


class PropAddOnOut(serializers.Serializer):
    """Something to be bought with a plan."""

    code = serializers.CharField()
    name = serializers.CharField()
    about = serializers.CharField()
    price = serializers.CharField()


class PropPlanOut(serializers.Serializer):
    """A version of a plan. Amounts are decimal strings in `currency`; the account is virtual, the price is not."""

    id = serializers.IntegerField(help_text="Of this version")
    code = serializers.CharField()
    version = serializers.IntegerField()
    name = serializers.CharField()
    tagline = serializers.CharField()
    steps = serializers.ChoiceField(choices=["one", "two", "three", "instant"])
    status = serializers.ChoiceField(choices=["offered", "withdrawn"])
    currency = serializers.CharField()
    size = serializers.CharField(help_text="Balance that each phase begins with")
    price = serializers.CharField(help_text="Without add-ons, coupon and tax")
    total = serializers.CharField(help_text="With the add-ons that were asked for, before coupon and tax")
    chosen = serializers.ListField(child=serializers.CharField(), help_text="Codes of these add-ons")
    hash = serializers.CharField(help_text="SHA-256 of the definition")
    phases = PropPlanPhaseOut(many=True)
    add_ons = PropAddOnOut(many=True)
    max_accounts = serializers.IntegerField(help_text="Live accounts of this plan that one person may have")
    refund_days = serializers.IntegerField(help_text="Days in which who has not traded gets the fee back")


def plan_total(view: PlanView, chosen: Sequence[str]) -> int:
    """The price with add-ons, minor units."""
    return view.price_minor + sum(view.add_on_price(code) for code in chosen)


def _phase(found: PhaseView) -> dict[str, Any]:
    figures = [{"label": label, "value": value} for label, value in found.figures]
    return {"key": found.key, "name": found.name, "kind": found.kind, "rules": list(found.words), "figures": figures}


def plan_data(view: PlanView, chosen: Sequence[str] = ()) -> dict[str, Any]:
    """A plan with the add-ons that were asked for."""
    plain = {name: value for name, value in asdict(view).items() if not name.endswith("_minor")}
    money = {"size": view.size_minor, "price": view.price_minor, "total": plan_total(view, chosen)}
    add_ons = [
        {
            "code": item.code,
            "name": item.name,
            "about": item.about,
            "price": major_text(view.add_on_price(item.code), view.currency),
        }
        for item in view.add_ons
    ]
    return {
        **plain,
        **{name: major_text(minor, view.currency) for name, minor in money.items()},
        "chosen": list(chosen),
        "phases": [_phase(phase) for phase in view.phases],
        "add_ons": add_ons,
    }
