"""How django-allauth meets our rules: its adapters."""

import secrets
from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.adapters.mail import mail_send
from accounts.adapters.sms import sms
from accounts.domain.suspension import suspension_message
from core.errors import DomainError
from core.flags import SIGNUPS_CLOSED, flag_is_on
from core.throttling import address, limit

# Mails that django-allauth sends of itself; everything else that it would mail is a notification of ours.
LETTERS = {"account/email/login_code": "account/code"}


class AccountAdapter(DefaultAccountAdapter):
    """Accounts: who may sign in, and how codes and mails go out."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Whether someone may sign up now."""
        return not flag_is_on(SIGNUPS_CLOSED)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The client's address, by the rule that all limits go by."""
        return address(request)

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse | None:
        """Refuse suspended people by whatever way they came: password, code, Google, passkey."""
        if user.status == "suspended":
            from allauth.account.internal.stagekit import clear_login

            clear_login(request)
            messages.error(request, suspension_message(user.suspended_reason, user.suspended_until))
            return redirect(settings.LOGIN_URL)
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:  # noqa: ARG002
        """Say no more than to someone unknown."""
        messages.error(request, "You cannot sign in with this account.")
        return redirect(settings.LOGIN_URL)

    def reauthenticate(self, user: Any, password: str) -> bool:
        """Whether this is the password of someone who is signed in; guesses are limited."""
        try:
            limit("auth", f"again:{user.pk}")
        except DomainError as error:
            raise self.validation_error("too_many_login_attempts") from error
        return bool(user.check_password(password))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send what django-allauth sends of itself, as a letter of ours."""
        user = context.get("user") or getattr(self.request, "user", None)
        name = getattr(user, "display_name", "")
        if template_prefix in LETTERS:
            mail_send(to=email, template=LETTERS[template_prefix], context={"name": name, "code": context["code"]})

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: accounts/handlers/allauth.py tells people by our notifications."""

    def generate_login_code(self) -> str:
        """Six digits."""
        return f"{secrets.randbelow(1_000_000):06d}"

    def generate_phone_verification_code(self, *, user: Any, phone: str) -> str:  # noqa: ARG002
        """Six digits."""
        return self.generate_login_code()

    def get_phone(self, user: Any) -> tuple[str, bool] | None:
        """The user's number when it is proved and texts can be sent to it."""
        if sms() is None:
            return None
        profile = getattr(user, "profile", None)
        return (profile.phone, True) if profile is not None and profile.phone_verified_at else None

    def send_verification_code_sms(self, user: Any, phone: str, code: str, **_: Any) -> None:
        """Text a code to confirm that it is still the same person."""
        limit("codes", f"again:{user.pk}")
        carrier = sms()
        if carrier is not None:
            carrier.send(to=phone, text=f"{code} is your Trading Arena code. It works for a few minutes.")


class SocialAdapter(DefaultSocialAccountAdapter):
    """Sign-in with Google. Nobody's account is taken over because an address is the same."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Let through who is known, who connects, and who is new with an address that Google has proved."""
        if sociallogin.is_existing or sociallogin.state.get("process") == "connect":
            return
        found = next((found for found in sociallogin.email_addresses if found.verified), None)
        if found is None:
            _turn_back(
                request,
                sociallogin,
                "Google has not confirmed your email address. Sign up with an email and a password.",
            )
        elif get_user_model().objects.filter(email=found.email.lower()).exists():
            _turn_back(
                request,
                sociallogin,
                "There is an account with this email address. Sign in to it, then connect Google in your settings.",
            )

    def is_auto_signup_allowed(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002
        """Never: people choose the name that others see."""
        return False

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        """Suggest the given name."""
        user: Any = super().populate_user(request, sociallogin, data)
        user.display_name = str(data.get("first_name") or data.get("name") or "")[:40]
        return user


def _turn_back(request: HttpRequest, sociallogin: Any, message: str) -> None:
    messages.error(request, message)
    target = sociallogin.get_redirect_url(request)
    query = f"?{urlencode({'next': target})}" if target else ""
    raise ImmediateHttpResponse(redirect(f"{settings.LOGIN_URL}{query}"))
