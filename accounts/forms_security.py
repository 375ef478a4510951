"""Forms of second factors and passkeys: django-allauth's, with our limits and our words."""

from typing import Any

from allauth.core import context
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    EditWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms

from accounts.services.factors import RECOVERY, second_factor_check
from core.errors import DomainError
from core.throttling import address, limit

MAX_PASSKEYS = 20
MAX_NAME = 60
# What the parsers of an answer raise for one that was made up. ValidationError is none of them.
MALFORMED = (AttributeError, KeyError, TypeError, ValueError, IndexError)


def _code(label: str, *, help_text: str = "") -> forms.CharField:
    attrs = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "class": "code-input"}
    return forms.CharField(label=label, max_length=12, help_text=help_text, widget=forms.TextInput(attrs=attrs))


class _OurCode(forms.Form):
    """Checks a code by our service, which both pages and API go through."""

    user: Any
    code = _code("Code", help_text="From your authenticator app, or one of your recovery codes.")

    def clean_code(self) -> str:
        """Use the code up."""
        code: str = self.cleaned_data["code"]
        try:
            limit("auth", f"ip:{address(context.request)}")
            kind = second_factor_check(user=self.user, code=code, ip=address(context.request))
        except DomainError as error:
            raise forms.ValidationError(error.message, code=error.code) from error
        wanted = Authenticator.Type.RECOVERY_CODES if kind == RECOVERY else Authenticator.Type.TOTP
        self.authenticator = Authenticator.objects.get(user=self.user, type=wanted)
        return code


class SecondFactorForm(_OurCode, AuthenticateForm):
    """The code at sign-in."""

    trust = forms.BooleanField(label="Do not ask for it in this browser for 30 days", required=False)


class SecondFactorAgainForm(_OurCode, ReauthenticateForm):
    """The code of someone who is signed in."""


class AuthenticatorForm(ActivateTOTPForm):
    """The first code of a new authenticator app."""

    code = _code("Code from the app")


class _Answer(forms.Form):
    """What a browser says for a passkey: JSON of any shape is refused with a code, whatever it does to the parsers."""

    def clean_credential(self) -> Any:
        """The passkey that answered."""
        if not isinstance(self.cleaned_data["credential"], dict):
            raise passkey_wrong()
        try:
            return super().clean_credential()  # type: ignore[misc]
        except forms.ValidationError as error:
            raise _in_our_words(error) from error
        except MALFORMED as error:
            raise passkey_wrong() from error


class PasskeySignInForm(_Answer, LoginWebAuthnForm):
    """A passkey that signs in alone."""


class PasskeyFactorForm(_Answer, AuthenticateWebAuthnForm):
    """A passkey after the password."""

    trust = forms.BooleanField(label="Do not ask for it in this browser for 30 days", required=False)


class PasskeyAgainForm(_Answer, ReauthenticateWebAuthnForm):
    """The passkey of someone who is signed in."""


class PasskeyAddForm(AddWebAuthnForm):
    """A new passkey. Each can sign in alone, so each must verify who holds it."""

    name = forms.CharField(
        label="Name",
        required=False,
        max_length=MAX_NAME,
        help_text="So that you know later which one it is.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    passwordless = None

    def clean_credential(self) -> dict[str, Any]:
        """JSON of the right shape; what it holds is checked by `clean`."""
        credential = self.cleaned_data["credential"]
        if not isinstance(credential, dict):
            raise passkey_wrong()
        return credential

    def clean(self) -> dict[str, Any]:
        """Complete the registration."""
        if Authenticator.objects.filter(user=self.user, type=Authenticator.Type.WEBAUTHN).count() >= MAX_PASSKEYS:
            raise forms.ValidationError(f"You have {MAX_PASSKEYS} passkeys. Remove one first.", code="too_many")
        self.cleaned_data["passwordless"] = True
        try:
            found: dict[str, Any] = super().clean()
        except forms.ValidationError as error:
            raise _in_our_words(error) from error
        except MALFORMED as error:
            raise passkey_wrong() from error
        return found


class PasskeyNameForm(EditWebAuthnForm):
    """Another name for a passkey."""

    name = forms.CharField(
        label="Name", max_length=MAX_NAME, widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True})
    )


def passkey_wrong() -> forms.ValidationError:
    """The refusal of an answer that proves nothing."""
    message = "The passkey was not accepted. Try again, or sign in another way."
    return forms.ValidationError(message, code="passkey_wrong")


def _in_our_words(error: forms.ValidationError) -> forms.ValidationError:
    """django-allauth calls a passkey that proves nothing a wrong code."""
    return passkey_wrong() if getattr(error, "code", "") == "incorrect_code" else error
