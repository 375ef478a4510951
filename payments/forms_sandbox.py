"""Forms of the sandbox's pages."""

from django import forms

from accounts.forms import ServiceForm


class BankForm(ServiceForm):
    """Where a payee's money goes to."""

    bank = forms.CharField(min_length=2, max_length=40, label="Name of the bank")
    digits = forms.RegexField(
        r"^[0-9]{4}$",
        max_length=4,
        label="Last four digits of the account",
        help_text="Any four. 0000 refuses what is sent, 0001 sends it back after it was paid.",
        error_messages={"invalid": "Give four digits."},
    )
