"""Forms of the identity check."""

from django import forms
from django_countries import countries

from accounts.forms import ServiceForm
from accounts.models import IdentityDocument


class IdentityForm(ServiceForm):
    """Who one is."""

    legal_name = forms.CharField(
        label="Full name", max_length=120, help_text="As it is on your document.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    country = forms.ChoiceField(label="Country of the document", choices=lambda: [("", "Choose"), *countries])


class IdentityDocumentForm(ServiceForm):
    """One document."""

    kind = forms.ChoiceField(choices=IdentityDocument.Kind.choices, widget=forms.HiddenInput)
    file = forms.FileField(
        label="File", widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,application/pdf"})
    )
