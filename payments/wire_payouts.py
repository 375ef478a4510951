"""Payouts on the wire. Amounts are integer minor units of `currency`."""

from rest_framework import serializers

from payments.models import Payout


class OwedOut(serializers.Serializer):
    """What is owed in a currency."""

    currency = serializers.CharField()
    available_minor = serializers.IntegerField(help_text="May be asked for")
    reserved_minor = serializers.IntegerField(help_text="Is being paid out")


class PayeeOut(serializers.Serializer):
    """Where somebody is paid."""

    provider = serializers.CharField()
    country = serializers.CharField()
    currency = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    is_ready = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField())
    changed_at = serializers.DateTimeField()


class PayeeIn(serializers.Serializer):
    """Where to be paid."""

    country = serializers.RegexField(r"^[A-Za-z]{2}$")
    currency = serializers.RegexField(r"^[A-Za-z]{3}$")
    details = serializers.DictField(
        child=serializers.CharField(max_length=60), required=False, default=dict,
        help_text="Of the account, where the provider has no page for it: name, account_number and ifsc, or vpa",
    )  # fmt: skip


class PayeeMadeOut(serializers.Serializer):
    """Where somebody is paid, and the page to finish on."""

    payee = PayeeOut()
    url = serializers.CharField(help_text="Empty when nothing is missing")


class PayoutIn(serializers.Serializer):
    """How much."""

    amount_minor = serializers.IntegerField(
        min_value=1, max_value=10**14, required=False, allow_null=True, default=None, help_text="null: all of it"
    )
    currency = serializers.RegexField(r"^[A-Za-z]{3}$")


class PayoutStepOut(serializers.Serializer):
    """A step of a payout."""

    status = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    note = serializers.CharField()
    at = serializers.DateTimeField()


class PayoutOut(serializers.Serializer):
    """A payout."""

    public_id = serializers.UUIDField()
    amount_minor = serializers.IntegerField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=Payout.Status.choices)
    payee = serializers.CharField()
    reason = serializers.CharField()
    failure = serializers.CharField()
    not_before = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    settled_at = serializers.DateTimeField(allow_null=True)
    is_simulated = serializers.BooleanField()


class PayoutDetailOut(PayoutOut):
    """A payout with its timeline."""

    steps = PayoutStepOut(many=True)
