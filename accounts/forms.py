"""Forms of the sign-in pages. What they mean is decided by the services."""

from typing import Any

from django import forms

from core.errors import DomainError


class ServiceForm(forms.Form):
    """A form that shows a service's refusal at the field it is about."""

    def refuse(self, error: DomainError) -> None:
        """Show a refusal."""
        known = {name: texts for name, texts in error.details.items() if name in self.fields}
        for name, texts in known.items():
            for text in texts if isinstance(texts, list) else [texts]:
                self.add_error(name, str(text))
        if not known:
            self.add_error(None, error.message)


def _password(autocomplete: str, **options: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label="Password", strip=False, max_length=256, widget=widget, **options)


class SignInForm(ServiceForm):
    """Email and password."""

    email = forms.EmailField(
        label="Email", widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = _password("current-password")


class SignUpForm(ServiceForm):
    """Name, email and password."""

    display_name = forms.CharField(
        label="Name",
        max_length=40,
        help_text="Others see it on the leaderboard.",
        widget=forms.TextInput(attrs={"autocomplete": "nickname", "autofocus": True}),
    )
    email = forms.EmailField(label="Email", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = _password("new-password", help_text="At least 8 characters, and not a common word.")


class SignUpFields(ServiceForm):
    """What our sign-up asks beyond email and password."""

    display_name = forms.CharField(label="Name", max_length=40)

    def signup(self, request: Any, user: Any) -> None:
        """allauth's hook after the user was made."""
