"""Sign-in with Google, by django-allauth: authorization code with PKCE, state checked. Not there until it is set up."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.socialaccount.internal.flows.signup import (
    clear_pending_signup,
    complete_social_signup,
    get_pending_signup,
)
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.google.views import oauth2_callback, oauth2_login
from allauth.socialaccount.views import ConnectionsView
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import SocialSignUpForm
from accounts.services.social import social_user_create
from accounts.web.steps import ONBOARDING, page, with_next
from core.errors import DomainError
from core.throttling import address, limit_attempts

View = Callable[..., HttpResponse]


def _set_up(view: View) -> View:
    """404 while Google is not set up."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.GOOGLE_CLIENT_ID:
            raise Http404("Sign-in with Google is not set up.")
        return view(request, *args, **kwargs)

    return wrapped


@_set_up
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Leave for Google, on a POST; a GET shows the button. To connect, one is asked again who one is."""
    if request.method == "POST" and request.GET.get("process") == "connect":
        connected: HttpResponse = _connect(request)
        return connected
    response: HttpResponse = oauth2_login(request)
    return response


@login_required
@reauthentication_required
def _connect(request: HttpRequest) -> HttpResponse:
    response: HttpResponse = oauth2_login(request)
    return response


@_set_up
@never_cache
@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """Come back from Google."""
    try:
        limit_attempts(request)
    except DomainError as error:
        return page(request, "socialaccount/authentication_error.html", None, error)
    response: HttpResponse = oauth2_callback(request)
    return response


@_set_up
@never_cache
@require_http_methods(["GET", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """The last question to someone new who comes by Google: the name to go by."""
    social = get_pending_signup(request)
    proved = next((found for found in social.email_addresses if found.verified), None) if social else None
    if social is None or proved is None or request.user.is_authenticated:
        return redirect("sign-in")
    form = SocialSignUpForm(request.POST or None, initial={"display_name": social.user.display_name})
    if request.method == "POST" and form.is_valid():
        try:
            limit_attempts(request)
            user, account = social_user_create(
                email=proved.email,
                display_name=form.cleaned_data["display_name"],
                provider=social.account.provider,
                uid=social.account.uid,
                ip=address(request),
            )
        except DomainError as error:
            return page(request, "socialaccount/signup.html", form, error, email=proved.email)
        clear_pending_signup(request)
        social.state["next"] = with_next(ONBOARDING, social.get_redirect_url(request) or "")
        social.user, social.account = user, account
        response: HttpResponse = complete_social_signup(request, social)
        return response
    return page(request, "socialaccount/signup.html", form, email=proved.email)


@require_safe
@_set_up
def cancelled(request: HttpRequest) -> HttpResponse:
    """Someone changed their mind at Google."""
    return page(request, "socialaccount/cancelled.html")


@require_safe
@_set_up
def failed(request: HttpRequest) -> HttpResponse:
    """Google or we did not understand the other."""
    return page(request, "socialaccount/authentication_error.html")


@method_decorator([login_required, never_cache], name="dispatch")
class Connections(ConnectionsView):
    """Connect Google to the account, or disconnect it."""

    template_name = "socialaccount/connections.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The connection, if there is one."""
        account = SocialAccount.objects.filter(user_id=self.request.user.pk, provider="google").first()
        has_google = bool(settings.GOOGLE_CLIENT_ID)
        return {**super().get_context_data(**kwargs), "account": account, "has_google": has_google}

    def form_invalid(self, form: Form) -> HttpResponse:
        """422: the last way in is not thrown away."""
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


urlpatterns = [
    path("google", start, name="google_login"),
    path("google/callback", callback, name="google_callback"),
    path("google/cancelled", cancelled, name="socialaccount_login_cancelled"),
    path("google/error", failed, name="socialaccount_login_error"),
    path("sign-up/google", sign_up, name="socialaccount_signup"),
    path("settings/security/google", Connections.as_view(), name="socialaccount_connections"),
]
