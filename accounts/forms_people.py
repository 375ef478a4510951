"""Forms of onboarding and of the profile. What they mean is decided by the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone

from accounts.domain.onboarding import TOLERANCES, TextView
from accounts.domain.profile import CURRENCIES, LOCALES, MAX_BIO
from accounts.forms import ServiceForm
from accounts.models import Profile
from accounts.selectors.profile import zones
from accounts.selectors.regions import countries, region_needed, regions_of
from core.errors import DomainError

CHOOSE = ("", "Choose")


class WhereForm(ServiceForm):
    """Country, region where it matters, and date of birth."""

    country = forms.ChoiceField(label="Country you live in")
    region = forms.ChoiceField(label="State or region", required=False)
    birth_date = forms.DateField(
        label="Date of birth",
        help_text=f"You have to be {settings.MIN_AGE} or older. Nobody else sees this.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "autocomplete": "bday", "min": "1900-01-01"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        country = self.fields["country"]
        assert isinstance(country, forms.ChoiceField)
        country.choices = [CHOOSE, *countries()]
        country.widget.attrs |= {
            "autocomplete": "country",
            "hx-get": "/onboarding/regions",
            "hx-target": "#region-field",
            "hx-swap": "innerHTML",
            "hx-trigger": "change",
        }
        chosen = str(self.data.get("country", "") if self.is_bound else self.initial.get("country", ""))
        region = self.fields["region"]
        assert isinstance(region, forms.ChoiceField)
        region.choices = [CHOOSE, *regions_of(chosen)]
        self.asks_region = region_needed(chosen)
        self.fields["birth_date"].widget.attrs["max"] = timezone.now().date().isoformat()

    def clean_region(self) -> str:
        """What was chosen for another country does not count."""
        return str(self.cleaned_data.get("region") or "") if self.asks_region else ""


class ExperienceForm(ServiceForm):
    """How long, and how much risk."""

    experience = forms.ChoiceField(
        label="How long have you traded?", choices=Profile.Experience.choices, widget=forms.RadioSelect
    )
    risk_tolerance = forms.ChoiceField(
        label="How much risk suits you?", choices=Profile.RiskTolerance.choices, widget=forms.RadioSelect
    )

    @property
    def tolerances(self) -> list[dict[str, Any]]:
        """The answers to the second question, each with what it means."""
        chosen = self["risk_tolerance"].value()
        return [
            {"value": value, "label": label, "brief": TOLERANCES[value][0], "text": TOLERANCES[value][1],
             "checked": value == chosen}
            for value, label in Profile.RiskTolerance.choices
        ]  # fmt: skip

    @property
    def experiences(self) -> list[dict[str, Any]]:
        """The answers to the first question."""
        chosen = self["experience"].value()
        return [
            {"value": value, "label": label, "checked": value == chosen} for value, label in Profile.Experience.choices
        ]


class ConsentForm(ServiceForm):
    """A box for each text that is open; the box names the version that was shown."""

    def __init__(self, *args: Any, texts: tuple[TextView, ...], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.texts = texts
        self.refused: dict[str, str] = {}

    def refuse_texts(self, error: DomainError) -> None:
        """Show a refusal at the texts that it is about."""
        kinds = {text.kind for text in self.texts}
        self.refused = {kind: words[0] for kind, words in error.details.items() if kind in kinds}

    def items(self) -> list[dict[str, Any]]:
        """The texts with their boxes and what was refused about them."""
        ticked = set(self._ticked())
        return [
            {"text": text, "checked": str(text.id) in ticked, "error": self.refused.get(text.kind, "")}
            for text in self.texts
        ]

    def _ticked(self) -> list[str]:
        return self.data.getlist("text")[:20] if isinstance(self.data, QueryDict) else []

    def text_ids(self) -> list[int]:
        """The ids that were ticked."""
        return [int(value) for value in self._ticked() if value.isascii() and value.isdigit()]


class ProfileForm(ServiceForm):
    """Everything of the profile but the picture."""

    display_name = forms.CharField(
        label="Name", max_length=40, help_text="Others see it on leaderboards.",
        widget=forms.TextInput(attrs={"autocomplete": "nickname"}),
    )  # fmt: skip
    handle = forms.CharField(
        label="Handle", max_length=21, required=False,
        help_text="The address of your public page: 3 to 20 of a to z, 0 to 9 and _. It can change once in 30 days.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    bio = forms.CharField(
        label="About you", max_length=MAX_BIO, required=False, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"Up to {MAX_BIO} characters, shown on your public page.",
    )  # fmt: skip
    is_public = forms.BooleanField(
        label="Show my public page", required=False,
        help_text="Off: your page is there for nobody but you. Leaderboards still show your name.",
    )  # fmt: skip
    time_zone = forms.CharField(
        label="Time zone", max_length=64, help_text="For mails and notifications. Type to search, e.g. Berlin.",
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    currency = forms.ChoiceField(
        label="Currency", choices=CURRENCIES, help_text="What we assume first where you can choose."
    )
    locale = forms.ChoiceField(label="Figures", choices=LOCALES, help_text="How mails write figures.")
    theme = forms.ChoiceField(label="Theme", choices=Profile.Theme.choices)

    @staticmethod
    def zone_names() -> list[str]:
        """Every time zone, for the list of suggestions."""
        return sorted(zones())
