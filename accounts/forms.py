"""Forms of the entrance and of its settings. What they mean is decided by the services."""

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


NEW_PASSWORD_HELP = "At least 10 characters. A few unrelated words are easy to keep and hard to guess."  # noqa: S105


def _password(autocomplete: str, label: str = "Password", **options: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete, **options.pop("attrs", {})})
    return forms.CharField(label=label, strip=False, max_length=256, widget=widget, **options)


def _email(label: str = "Email", **attrs: Any) -> forms.EmailField:
    widget = forms.EmailInput(attrs={"autocomplete": "username", "maxlength": 254, **attrs})
    return forms.EmailField(label=label, max_length=254, widget=widget)


def _code() -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "class": "code-input"}
    return forms.CharField(label="Code", max_length=12, widget=forms.TextInput(attrs=attrs))


class SignInForm(ServiceForm):
    """Email and password."""

    email = _email(autofocus=True)
    password = _password("current-password")


def _display_name() -> forms.CharField:
    attrs = {"autocomplete": "nickname", "autofocus": True}
    return forms.CharField(
        label="Name", max_length=40, help_text="Others see it on the leaderboard.", widget=forms.TextInput(attrs=attrs)
    )


class SignUpForm(ServiceForm):
    """Name, email and password."""

    display_name = _display_name()
    email = _email()
    password = _password("new-password", help_text=NEW_PASSWORD_HELP)


class SocialSignUpForm(ServiceForm):
    """What Google does not tell: the name to go by."""

    display_name = _display_name()


class EmailForm(ServiceForm):
    """An address."""

    email = _email(autofocus=True)


class NewPasswordForm(ServiceForm):
    """A password to replace a forgotten one, or the first."""

    password = _password("new-password", "New password", help_text=NEW_PASSWORD_HELP, attrs={"autofocus": True})


class PasswordChangeForm(ServiceForm):
    """The password that is and the one that is to be."""

    current = _password("current-password", "Current password", attrs={"autofocus": True})
    password = _password("new-password", "New password", help_text=NEW_PASSWORD_HELP)


class CodeRequestForm(ServiceForm):
    """Where a code is to go."""

    CHANNELS = (("email", "By email"), ("sms", "By text message"))

    channel = forms.ChoiceField(label="How", choices=CHANNELS, widget=forms.RadioSelect, initial="email")
    to = forms.CharField(
        label="Email or mobile number",
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )

    def __init__(self, *args: Any, has_sms: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_sms:
            del self.fields["channel"]
            self.fields["to"] = _email(autofocus=True)


class CodeForm(ServiceForm):
    """A code of six digits."""

    code = _code()


class PhoneForm(ServiceForm):
    """A mobile number."""

    phone = forms.CharField(
        label="Mobile number",
        max_length=40,
        help_text="With its country code, like +1 202 555 0123.",
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel", "autofocus": True}),
    )
