"""Pages of forgotten, new and first passwords."""

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, re_path
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.clients import sign_in_of
from accounts.forms import EmailForm, NewPasswordForm, PasswordChangeForm
from accounts.models import User
from accounts.services import passwords
from accounts.services.emails import link_invalid
from accounts.web.steps import page
from core.errors import DomainError
from core.throttling import address, limit, limit_attempts


@never_cache
@require_http_methods(["GET", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    """Ask for a link to choose a new password."""
    form = EmailForm(request.POST or None, initial={"email": getattr(request.user, "email", "")})
    if request.method == "POST" and form.is_valid():
        try:
            limit_attempts(request)
            passwords.password_reset_request(form.cleaned_data["email"])
        except DomainError as error:
            return page(request, "account/password_reset.html", form, error)
        return redirect("account_reset_password_done")
    return page(request, "account/password_reset.html", form)


@require_safe
def reset_sent(request: HttpRequest) -> HttpResponse:
    """The same for every address."""
    return page(request, "account/password_reset_sent.html", has_mailbox=_has_mailbox())


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def reset_by_key(request: HttpRequest, uidb36: str, key: str) -> HttpResponse:
    """What the mailed link opens."""
    whole = f"{uidb36}-{key}"
    if passwords.password_reset_user(whole) is None:
        return page(request, "account/password_reset_key.html", None, link_invalid(), dead=True)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            limit_attempts(request)
            passwords.password_reset_by_key(whole, form.cleaned_data["password"], ip=address(request))
        except DomainError as error:
            return page(request, "account/password_reset_key.html", form, error)
        return redirect("account_reset_password_from_key_done")
    return page(request, "account/password_reset_key.html", form)


@require_safe
def reset_done(request: HttpRequest) -> HttpResponse:
    """It is done; the next step is to sign in."""
    return page(request, "account/password_reset_done.html")


@sensitive_post_parameters("current", "password")
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Change the password; whoever has none yet sets one, after proving again who they are."""
    user = request.user
    assert isinstance(user, User)
    return _change(request, user) if user.has_usable_password() else _first(request)


@reauthentication_required
def _first(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    return _change(request, request.user)


def _change(request: HttpRequest, user: User) -> HttpResponse:
    has_one = user.has_usable_password()
    form = (PasswordChangeForm if has_one else NewPasswordForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            limit("auth", f"password:{user.pk}")
            changed = passwords.password_change(
                user_id=user.pk,
                new_password=data["password"],
                current=data.get("current"),
                keep=sign_in_of(request),
                ip=address(request),
            )
        except DomainError as error:
            return page(request, "account/password_change.html", form, error, has_one=has_one)
        update_session_auth_hash(request, changed)
        messages.success(request, "Your password is changed. You are signed out everywhere else.")
        return redirect("/settings/security")
    return page(request, "account/password_change.html", form, has_one=has_one)


def _has_mailbox() -> bool:
    return bool(settings.MAIL_IS_LOCAL and settings.DEBUG)


urlpatterns = [
    path("password/reset", reset, name="account_reset_password"),
    path("password/reset/sent", reset_sent, name="account_reset_password_done"),
    path("password/reset/done", reset_done, name="account_reset_password_from_key_done"),
    re_path(
        r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$",
        reset_by_key,
        name="account_reset_password_from_key",
    ),
    path("settings/security/password", change, name="account_change_password"),
    path("settings/security/password", change, name="account_set_password"),
]
