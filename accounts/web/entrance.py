"""Pages to sign up, sign in and sign out."""

from django.conf import settings
from django.contrib.auth import login, logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms import ServiceForm, SignInForm, SignUpForm
from accounts.models import User
from accounts.services import users
from accounts.services.credentials import credentials_verify
from core.errors import DomainError
from core.throttling import limit_attempts

BACKEND = "accounts.backends.EmailBackend"


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with an email and a password."""
    if request.user.is_authenticated and request.method == "GET":
        return redirect(_next(request))
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            limit_attempts(request, email=form.cleaned_data["email"])
            user = credentials_verify(**form.cleaned_data)
        except DomainError as error:
            return _page(request, "accounts/sign_in.html", form, error)
        return _welcome(request, user)
    return _page(request, "accounts/sign_in.html", form)


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account and sign in to it."""
    if request.user.is_authenticated and request.method == "GET":
        return redirect(_next(request))
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            limit_attempts(request)
            user = users.user_create(**form.cleaned_data)
        except DomainError as error:
            return _page(request, "accounts/sign_up.html", form, error)
        return _welcome(request, user)
    return _page(request, "accounts/sign_up.html", form)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@never_cache
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own sign-in page is ours, with its limits; someone signed in without the right gets a 403."""
    if request.user.is_authenticated and not request.user.is_staff:
        raise PermissionDenied
    return redirect(f"{resolve_url(settings.LOGIN_URL)}?{request.GET.urlencode() or 'next=/admin/'}")


def _welcome(request: HttpRequest, user: User) -> HttpResponse:
    target = _next(request)
    login(request, user, backend=BACKEND)
    return redirect(target)


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: the `next` of the request when it stays on this site."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    host = {request.get_host()}
    if url_has_allowed_host_and_scheme(target, allowed_hosts=host, require_https=request.is_secure()):
        return target
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def _page(request: HttpRequest, template: str, form: ServiceForm, error: DomainError | None = None) -> HttpResponse:
    if error is not None:
        form.refuse(error)
    refused = error is not None or (form.is_bound and not form.is_valid())
    status = error.status if error is not None and error.status == 429 else 422 if refused else 200
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next") or ""}
    return render(request, template, context, status=status)


urlpatterns = [
    path("sign-up", sign_up, name="sign-up"),
    path("sign-in", sign_in, name="sign-in"),
    path("sign-out", sign_out, name="sign-out"),
]
