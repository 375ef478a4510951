"""Forms of the operator pages. What they read is checked again by the services."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from marketdata.models import Market
from propfirm.domain.calendar import MAX_BYTES
from propfirm.models import PropPlan

MAX_DOCUMENT = 100_000
_LARGEST = 2**63 - 1


class PlanForm(forms.Form):
    """A plan's document, as JSON text, and where it is traded."""

    document = forms.CharField(
        max_length=MAX_DOCUMENT,
        widget=forms.Textarea(attrs={"class": "document", "spellcheck": "false", "rows": 40}),
        help_text="propfirm.domain.plans.PlanDefinition; the version is given when it is kept.",
    )
    market_id = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=_LARGEST,
        label="Market (number)",
        help_text="Empty: the market of practice accounts.",
    )

    def clean_document(self) -> dict[str, Any]:
        """The text as an object. What is in it is read by the plan's own reader."""
        try:
            found = json.loads(self.cleaned_data["document"], parse_constant=_refuse)
        except ValueError as error:
            raise forms.ValidationError(f"This is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise forms.ValidationError("Give an object.")
        return found

    def clean_market_id(self) -> int | None:
        """A market that there is, or none."""
        wanted: int | None = self.cleaned_data["market_id"]
        if wanted is not None and not Market.objects.filter(pk=wanted).exists():
            raise forms.ValidationError("There is no such market.")
        return wanted


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number here")


class StartForm(forms.Form):
    """What a new plan starts from."""

    start = forms.CharField(required=False, max_length=60, widget=forms.Select, label="Start from")

    def __init__(self, *args: Any, presets: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = PropPlan.objects.order_by("code", "-version").values_list("pk", "code", "version", "status")[:200]
        versions = [(f"plan:{pk}", f"{code}, version {version} ({status})") for pk, code, version, status in rows]
        self.fields["start"].widget.choices = [("", "An empty form"), *presets, *versions]


class AffiliateForm(forms.Form):
    """Who may bring buyers, by which code, for which shares."""

    user_id = forms.IntegerField(min_value=1, max_value=_LARGEST, label="Person (number)")
    code = forms.CharField(max_length=20)
    commission_bp = forms.IntegerField(min_value=0, max_value=5_000, label="Commission, basis points of the net fee")
    discount_bp = forms.IntegerField(min_value=0, max_value=5_000, initial=0, label="The buyer saves, basis points")


class CalendarForm(forms.Form):
    """A file of scheduled news."""

    file = forms.FileField(help_text="CSV or JSON; docs/prop-firm-operators.md says which columns.")
    source = forms.CharField(max_length=40, initial="import")
    zone = forms.CharField(max_length=60, initial="UTC", help_text="Of times that name none, e.g. America/New_York.")

    def clean_file(self) -> Any:
        """Not larger than a calendar is."""
        found = self.cleaned_data["file"]
        if found.size > MAX_BYTES:
            raise forms.ValidationError(f"At most {MAX_BYTES // 1024**2} MB.")
        return found
