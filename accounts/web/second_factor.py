"""The second factor at sign-in and before what is sensitive, and signing in with a passkey alone."""

from typing import Any

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.base.views import AuthenticateView, ReauthenticateView
from allauth.mfa.internal.flows.trust import trust_browser
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.views import LoginWebAuthnView, ReauthenticateWebAuthnView
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.forms_security import (
    PasskeyAgainForm,
    PasskeyFactorForm,
    PasskeySignInForm,
    SecondFactorAgainForm,
    SecondFactorForm,
)
from accounts.web.steps import afterwards, wanted, with_next
from core.errors import DomainError
from core.throttling import limit_attempts

Type = Authenticator.Type


def refused(response: HttpResponse, form: Form) -> HttpResponse:
    """422 for a refused form, 429 when there were too many tries."""
    if response.status_code == 200:
        codes = {error.code for errors in form.errors.as_data().values() for error in errors}
        response.status_code = 429 if codes & {"rate_limited", "too_many_login_attempts"} else 422
    return response


def _has(user: Any, kind: str) -> bool:
    return bool(Authenticator.objects.filter(user_id=user.pk, type=kind).exists())


@method_decorator(never_cache, name="dispatch")
class Stage(AuthenticateView):
    """The step after the password: a code, a recovery code or a passkey."""

    template_name = "mfa/second_factor.html"
    form_class = SecondFactorForm
    webauthn_form_class = PasskeyFactorForm

    def form_valid(self, form: Any) -> HttpResponse:
        """Go on into the session; remember the browser when that was asked for."""
        user = self.stage.login.user
        # allauth would ask on a page of its own whether to trust the browser.
        self.stage.state["authentication_required"] = False
        response: HttpResponse = super().form_valid(form)
        if form.cleaned_data.get("trust"):
            trust_browser(self.request, user, response)
        return response

    def form_invalid(self, form: Form) -> HttpResponse:
        """The page again, with what is wrong."""
        response = super().form_invalid(form)
        return refused(response.render(), form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What this person can answer with."""
        user = self.stage.login.user
        has = {"has_codes": _has(user, Type.TOTP), "has_passkeys": _has(user, Type.WEBAUTHN)}
        return {**super().get_context_data(**kwargs), **has}


@method_decorator(never_cache, name="dispatch")
class Again(ReauthenticateView):
    """A code of someone who is signed in."""

    template_name = "mfa/reauthenticate.html"
    form_class = SecondFactorAgainForm

    def form_invalid(self, form: Form) -> HttpResponse:
        """The page again, with what is wrong."""
        return refused(super().form_invalid(form), form)


@method_decorator(never_cache, name="dispatch")
class PasskeyAgain(ReauthenticateWebAuthnView):
    """A passkey of someone who is signed in."""

    template_name = "mfa/reauthenticate_passkey.html"
    form_class = PasskeyAgainForm

    def form_invalid(self, form: Form) -> HttpResponse:
        """The page again, with what is wrong."""
        return refused(self.render_to_response(self.get_context_data(form=form)), form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The form that was refused, too."""
        return {**super().get_context_data(), **kwargs}


@method_decorator(never_cache, name="dispatch")
class PasskeySignIn(LoginWebAuthnView):
    """Sign in with a passkey alone: GET gives the browser its challenge, POST takes the answer."""

    form_class = PasskeySignInForm

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        """A challenge, as JSON."""
        try:
            limit_attempts(request)
        except DomainError as error:
            return JsonResponse(error.as_dict(), status=error.status)
        return JsonResponse({"request_options": auth.begin_authentication(user=None)})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The answer."""
        try:
            limit_attempts(request)
        except DomainError as error:
            return self._turned_back(error.message)
        response: HttpResponse = super().post(request, *args, **kwargs)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Into the session. A passkey says both what one has and who one is, so no second factor follows."""
        passkey = form.cleaned_data["credential"]
        post_authentication(self.request, passkey, passwordless=True, reauthenticated=True)
        login = Login(user=passkey.user, redirect_url=afterwards(self.request), email=passkey.user.email)
        response: HttpResponse = perform_login(self.request, login)
        return response

    def form_invalid(self, form: Form) -> HttpResponse:
        """Back to the sign-in page, which says what is wrong."""
        texts = [str(text) for text in form.errors.get("credential", [])]
        return self._turned_back(texts[0] if texts else "The passkey was not accepted.")

    def get_authenticated_redirect_url(self) -> str:
        """Where those go who are signed in already."""
        return afterwards(self.request)

    def _turned_back(self, message: str) -> HttpResponse:
        messages.error(self.request, message)
        return redirect(with_next(resolve_url("account_login"), wanted(self.request)))


urlpatterns = [
    path("sign-in/second-factor", Stage.as_view(), name="mfa_authenticate"),
    path("sign-in/passkey", PasskeySignIn.as_view(), name="mfa_login_webauthn"),
    path("reauthenticate/second-factor", Again.as_view(), name="mfa_reauthenticate"),
    path("reauthenticate/passkey", PasskeyAgain.as_view(), name="mfa_reauthenticate_webauthn"),
]
