"""Settings pages of second factors: authenticator app, recovery codes, passkeys."""

import time
from typing import Any, cast

from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import can_generate_recovery_codes, generate_recovery_codes
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.views import AddWebAuthnView, EditWebAuthnView, RemoveWebAuthnView
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms_security import MAX_PASSKEYS, AuthenticatorForm, PasskeyAddForm, PasskeyNameForm
from accounts.models import User
from accounts.services.factors import recovery_codes_left, totp_code_spent
from accounts.web.second_factor import refused

Type = Authenticator.Type
# Recovery codes show in the session that made them, for so long, and never again.
SHOWN, SHOWN_SECONDS = "recovery_codes_until", 600
private = method_decorator([never_cache, login_required], name="dispatch")


class _Refusing:
    def form_invalid(self, form: Form) -> HttpResponse:
        """The page again, with what is wrong."""
        return refused(super().form_invalid(form), form)  # type: ignore[misc]


class _Factor(_Refusing):
    """After the first factor come its recovery codes."""

    request: HttpRequest
    did_generate_recovery_codes: bool

    def get_success_url(self) -> str:
        """To the fresh recovery codes, or back to the overview."""
        if not self.did_generate_recovery_codes:
            return reverse("settings-security")
        _show(self.request)
        return reverse("mfa_view_recovery_codes")


@private
class AuthenticatorAdd(_Factor, ActivateTOTPView):
    """Set an authenticator app up."""

    template_name = "mfa/authenticator.html"
    form_class = AuthenticatorForm

    def form_valid(self, form: Form) -> HttpResponse:
        """The app is in use from now on."""
        response: HttpResponse = super().form_valid(form)
        totp_code_spent(user_id=cast(User, self.request.user).pk)
        return response


@private
class AuthenticatorRemove(_Refusing, DeactivateTOTPView):
    """Do without the authenticator app."""

    template_name = "mfa/authenticator_remove.html"
    success_url = reverse_lazy("settings-security")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Whether a passkey is left."""
        return {**super().get_context_data(**kwargs), "passkeys": _passkeys(self.request).count()}


@never_cache
@login_required
@require_safe
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """The codes, just after they were made; later only how many are left."""
    return _codes(request) if may_see_codes(request) else _count(request)


@reauthentication_required
def _codes(request: HttpRequest) -> HttpResponse:
    codes = _unused(request)
    return render(request, "mfa/recovery_codes.html", {"codes": codes, "left": len(codes), "can_make": True})


def _count(request: HttpRequest) -> HttpResponse:
    left, can_make = recovery_codes_left(cast(User, request.user).pk), can_generate_recovery_codes(request.user)
    return render(request, "mfa/recovery_codes.html", {"codes": None, "left": left, "can_make": can_make})


@never_cache
@login_required
@reauthentication_required
@require_safe
def recovery_codes_download(request: HttpRequest) -> HttpResponse:
    """The codes as a file, while they are shown."""
    codes = _unused(request) if may_see_codes(request) else []
    if not codes:
        raise Http404("There are no codes to show.")
    text = "Trading Arena: recovery codes. Each works once.\n\n" + "".join(f"{code}\n" for code in codes)
    headers = {"Content-Disposition": 'attachment; filename="trading-arena-recovery-codes.txt"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


@never_cache
@login_required
@reauthentication_required
@require_http_methods(["GET", "POST"])
def recovery_codes_new(request: HttpRequest) -> HttpResponse:
    """Make new codes; those from before work no more."""
    if not can_generate_recovery_codes(request.user):
        return redirect("settings-security")
    if request.method == "GET":
        left = recovery_codes_left(cast(User, request.user).pk)
        return render(request, "mfa/recovery_codes_new.html", {"left": left})
    generate_recovery_codes(request)
    _show(request)
    return redirect("mfa_view_recovery_codes")


def may_see_codes(request: HttpRequest) -> bool:
    """Whether this session made the codes, not long ago."""
    return float(request.session.get(SHOWN, 0)) > time.time()


def _show(request: HttpRequest) -> None:
    request.session[SHOWN] = time.time() + SHOWN_SECONDS


def _unused(request: HttpRequest) -> list[str]:
    found = Authenticator.objects.filter(user_id=request.user.pk, type=Type.RECOVERY_CODES).first()
    return [] if found is None else list(found.wrap().get_unused_codes())


def _passkeys(request: HttpRequest) -> Any:
    return Authenticator.objects.filter(user_id=request.user.pk, type=Type.WEBAUTHN).order_by("pk")


@never_cache
@login_required
@require_safe
def passkeys(request: HttpRequest) -> HttpResponse:
    """All passkeys."""
    found = [(row, row.data.get("name", "")) for row in _passkeys(request)[:MAX_PASSKEYS]]
    return render(request, "mfa/passkeys.html", {"passkeys": found, "most": MAX_PASSKEYS})


@private
class PasskeyAdd(_Factor, AddWebAuthnView):
    """Make a passkey on this device, or on a key that is plugged in."""

    template_name = "mfa/passkey_add.html"
    form_class = PasskeyAddForm

    def get_success_url(self) -> str:
        """To the fresh recovery codes, or to the list."""
        return super().get_success_url() if self.did_generate_recovery_codes else reverse("mfa_list_webauthn")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """A challenge for the browser. Every passkey can be found by the site, and verifies who holds it."""
        context = super(AddWebAuthnView, self).get_context_data(**kwargs)
        return {**context, "js_data": {"creation_options": auth.begin_registration(self.request.user, True)}}


@private
class PasskeyEdit(_Refusing, EditWebAuthnView):
    """Rename a passkey."""

    template_name = "mfa/passkey_edit.html"
    form_class = PasskeyNameForm


@private
class PasskeyRemove(RemoveWebAuthnView):
    """Do without a passkey."""

    template_name = "mfa/passkey_remove.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Its name, and whether a second factor is left."""
        others = Authenticator.objects.filter(user_id=self.request.user.pk).exclude(pk=self.object.pk)
        is_last = not others.exclude(type=Type.RECOVERY_CODES).exists()
        return {**super().get_context_data(**kwargs), "name": self.object.data.get("name", ""), "is_last": is_last}


_AT = "settings/security"
urlpatterns = [
    path(f"{_AT}/authenticator", AuthenticatorAdd.as_view(), name="mfa_activate_totp"),
    path(f"{_AT}/authenticator/remove", AuthenticatorRemove.as_view(), name="mfa_deactivate_totp"),
    path(f"{_AT}/recovery-codes", recovery_codes, name="mfa_view_recovery_codes"),
    path(f"{_AT}/recovery-codes/new", recovery_codes_new, name="mfa_generate_recovery_codes"),
    path(f"{_AT}/recovery-codes/download", recovery_codes_download, name="mfa_download_recovery_codes"),
    path(f"{_AT}/passkeys", passkeys, name="mfa_list_webauthn"),
    path(f"{_AT}/passkeys/add", PasskeyAdd.as_view(), name="mfa_add_webauthn"),
    path(f"{_AT}/passkeys/<int:pk>/edit", PasskeyEdit.as_view(), name="mfa_edit_webauthn"),
    path(f"{_AT}/passkeys/<int:pk>/remove", PasskeyRemove.as_view(), name="mfa_remove_webauthn"),
]
