"""Forms of the money pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from django import forms
from django_countries import countries

from core.errors import Invalid
from core.money import exponent, to_minor
from payments.domain.bank import INDIAN_FIELDS


class CheckoutForm(forms.Form):
    """How to pay."""

    coupon = forms.CharField(max_length=32, required=False, label="Coupon")
    provider = forms.CharField(max_length=16, required=False)
    idempotency_key = forms.CharField(max_length=100)


class PayeeForm(forms.Form):
    """Where to be paid."""

    country = forms.ChoiceField(label="Country of the bank account")
    currency = forms.ChoiceField(
        label="Currency of the bank account",
        choices=[(code, code) for code in ("USD", "EUR", "INR", "GBP", "JPY", "KWD")],
    )

    name = forms.CharField(label="Holder of the account", max_length=60, required=False)
    account_number = forms.CharField(label="Account number", max_length=30, required=False)
    ifsc = forms.CharField(label="IFSC of the branch", max_length=11, required=False)
    vpa = forms.CharField(label="Or a UPI address instead", max_length=100, required=False)

    def __init__(self, *args: object, asks: Sequence[str] = (), **kwargs: object) -> None:
        """`asks`: what must be asked here for accounts in rupees, in payments.domain.bank's names."""
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["country"].choices = [("", "Choose one"), *countries]  # type: ignore[attr-defined]
        for name in INDIAN_FIELDS:
            if name not in asks:
                del self.fields[name]
            else:
                self.fields[name].help_text = "For an account in rupees only." if name == "name" else ""
                self.fields[name].widget.attrs |= {"autocomplete": "off"}

    def details(self) -> dict[str, str]:
        """What was said of the account itself."""
        return {name: self.cleaned_data[name] for name in INDIAN_FIELDS if self.cleaned_data.get(name)}


def amount_minor(text: str, currency: str) -> int | None:
    """An amount as people type it, in minor units; None for an empty one. Raises Invalid."""
    plain = text.strip().replace(",", "").replace(" ", "")
    if not plain:
        return None
    try:
        amount = Decimal(plain)
    except InvalidOperation as error:
        raise Invalid("amount_invalid", "This is not an amount. Write it like 125.50.") from error
    places = exponent(currency)
    if not amount.is_finite() or amount <= 0 or amount > Decimal(10) ** 12:
        raise Invalid("amount_invalid", "Write an amount above zero.")
    if amount != amount.quantize(Decimal(1).scaleb(-places)):
        raise Invalid("amount_invalid", f"{currency} has {places} decimal places. Write fewer of them.")
    return to_minor(amount, currency)
