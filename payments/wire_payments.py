"""Payments on the wire. Amounts are integer minor units of `currency`."""

from rest_framework import serializers

from payments.models import Invoice, Payment

MINOR = "Minor units of the currency"


class PurchaseIn(serializers.Serializer):
    """What to buy."""

    kind = serializers.CharField(max_length=24, help_text="plan, or what another product sells")
    reference = serializers.CharField(max_length=80, help_text="Which one: a price's code for a plan")
    params = serializers.DictField(required=False, default=dict)
    currency = serializers.RegexField(r"^[A-Za-z]{3}$", required=False, allow_blank=True, default="")
    coupon = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")


class PurchaseBeginIn(PurchaseIn):
    """What to buy, and how to pay."""

    provider = serializers.CharField(max_length=16, required=False, allow_blank=True, default="")


class ProviderChoiceOut(serializers.Serializer):
    """A way to pay."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    is_simulated = serializers.BooleanField(help_text="No money moves")


class PriceQuoteOut(serializers.Serializer):
    """A price with everything on it."""

    kind = serializers.CharField()
    reference = serializers.CharField()
    title = serializers.CharField()
    about = serializers.CharField()
    currency = serializers.CharField()
    subtotal_minor = serializers.IntegerField(help_text=MINOR)
    discount_minor = serializers.IntegerField(help_text=MINOR)
    tax_minor = serializers.IntegerField(help_text=MINOR)
    total_minor = serializers.IntegerField(help_text=MINOR)
    tax_name = serializers.CharField()
    tax_bp = serializers.IntegerField(help_text="Basis points: 1800 is 18 %")
    interval = serializers.CharField(help_text="month, year, or empty")
    coupon = serializers.CharField()
    providers = ProviderChoiceOut(many=True)


class PaymentStepOut(serializers.Serializer):
    """A step of a payment."""

    status = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    note = serializers.CharField()
    at = serializers.DateTimeField()


class PaymentOut(serializers.Serializer):
    """A payment."""

    public_id = serializers.UUIDField()
    kind = serializers.CharField()
    reference = serializers.CharField()
    title = serializers.CharField()
    interval = serializers.CharField()
    status = serializers.ChoiceField(choices=Payment.Status.choices)
    currency = serializers.CharField()
    subtotal_minor = serializers.IntegerField(help_text=MINOR)
    discount_minor = serializers.IntegerField(help_text=MINOR)
    tax_minor = serializers.IntegerField(help_text=MINOR)
    total_minor = serializers.IntegerField(help_text=MINOR)
    refunded_minor = serializers.IntegerField(help_text=MINOR)
    provider = serializers.CharField()
    is_simulated = serializers.BooleanField()
    url = serializers.CharField(help_text="Where to pay; empty when there is nothing to pay")
    expires_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField(help_text="Why it was not handed over though money came in")
    failure = serializers.CharField()
    granted_at = serializers.DateTimeField(allow_null=True, help_text="When what was bought was handed over")
    revoked_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class PaymentDetailOut(PaymentOut):
    """A payment with its timeline."""

    steps = PaymentStepOut(many=True)


class InvoiceOut(serializers.Serializer):
    """An invoice, or a credit note with negative amounts."""

    number = serializers.CharField()
    kind = serializers.ChoiceField(choices=Invoice.Kind.choices)
    issued_at = serializers.DateTimeField()
    currency = serializers.CharField()
    net_minor = serializers.IntegerField(help_text=MINOR)
    tax_minor = serializers.IntegerField(help_text=MINOR)
    total_minor = serializers.IntegerField(help_text=MINOR)


class InvoiceDetailOut(InvoiceOut):
    """With what stands on it: seller, buyer, lines, tax, payment."""

    document = serializers.DictField()
