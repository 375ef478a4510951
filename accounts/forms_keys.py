"""Forms of the API keys' page."""

import re
from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.domain import keys as rules
from accounts.forms import ServiceForm
from accounts.models import ApiKey

LIVES = ((7, "7 days"), (30, "30 days"), (90, "90 days"), (180, "180 days"), (365, "1 year"), (730, "2 years"))
_SEPARATORS = re.compile(r"[\s,;]+")


class _Networks(forms.CharField):
    """Addresses and networks, one a line."""

    def __init__(self) -> None:
        super().__init__(
            label="Addresses it may be used from",
            required=False,
            max_length=1_500,
            help_text=f"One a line, such as 203.0.113.7 or 203.0.113.0/24; at most {rules.MAX_NETWORKS}. "
            "Empty: from anywhere.",
            widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        )

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        """The parts."""
        return [part for part in _SEPARATORS.split(str(value or "")) if part]

    def validate(self, value: Any) -> None:
        """What the parts are is for the service to say."""

    def run_validators(self, value: Any) -> None:
        """The same."""


class KeyEditForm(ServiceForm):
    """What of a key can be changed."""

    name = forms.CharField(
        label="Name",
        max_length=rules.MAX_NAME,
        help_text="What uses the key, so that you know which one to revoke.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    allowed_ips = _Networks()


class KeyForm(KeyEditForm):
    """A new key."""

    scope = forms.ChoiceField(label="What it may do", choices=ApiKey.Scope.choices, initial=ApiKey.Scope.READ)
    life = forms.TypedChoiceField(label="It works for", choices=LIVES, coerce=int, initial=90)
    rate_per_minute = forms.IntegerField(
        label="Requests a minute",
        min_value=rules.MIN_RATE,
        max_value=rules.MAX_RATE,
        initial=rules.DEFAULT_RATE,
        help_text=f"At most {rules.MAX_RATE:,}.",
    )
    field_order = ("name", "scope", "life", "rate_per_minute", "allowed_ips")

    def to_fields(self) -> dict[str, Any]:
        """What the service takes."""
        data = dict(self.cleaned_data)
        life = data.pop("life")
        # A minute less than the longest life that is allowed, whatever the form took to arrive.
        return {**data, "expires_at": timezone.now() + timedelta(days=life) - timedelta(minutes=1)}
