"""Purchases of evaluations and resets on the wire."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.money import major_text
from payments.models import Payment
from payments.selectors.payments import PaymentView


class PropResetIn(serializers.Serializer):
    """How to pay for a reset."""

    coupon = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    provider = serializers.CharField(
        max_length=16, required=False, allow_blank=True, default="", help_text="A way to pay of payments/quote"
    )


class PropCheckoutIn(PropResetIn):
    """What to buy, and how to pay. The price is the plan's: nothing that is sent changes it."""

    plan = serializers.SlugField(max_length=40, help_text="The plan's code")
    add_ons = serializers.ListField(child=serializers.SlugField(max_length=24), max_length=8, default=list)
    affiliate = serializers.RegexField(
        r"^[A-Za-z0-9]{2,20}$", required=False, allow_blank=True, default="", help_text="Code of who brought the buyer"
    )


class PropCheckoutOut(serializers.Serializer):
    """A purchase that has begun: go to `url` to pay. The account opens on the provider's word, not before."""

    public_id = serializers.UUIDField(help_text="Of the payment")
    url = serializers.CharField(help_text="Where to pay; empty when there is nothing to pay")
    total = serializers.CharField(help_text="With discount and tax")
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=Payment.Status.choices)
    number = serializers.CharField(help_text="Of the account")


class PropVerifyIn(serializers.Serializer):
    """Which payment."""

    public_id = serializers.UUIDField()


class PropVerifyOut(serializers.Serializer):
    """How a payment stands, and what was bought with it."""

    status = serializers.ChoiceField(choices=Payment.Status.choices)
    number = serializers.CharField(help_text="Of the account")
    account_status = serializers.CharField()
    problem = serializers.CharField(help_text="Why it was not handed over though money came in")


def checkout_data(view: PaymentView, number: str) -> dict[str, Any]:
    """A purchase that has begun."""
    return {
        "public_id": view.public_id,
        "url": view.url,
        "total": major_text(view.total_minor, view.currency),
        "currency": view.currency,
        "status": view.status,
        "number": number,
    }
