"""What the pages of the entrance share: where to go afterwards, refusals, and the last step into a session."""

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from accounts.forms import ServiceForm
from accounts.models import User
from core.errors import DomainError

ONBOARDING = "/onboarding"
_WAITING = "entrance"


def wanted(request: HttpRequest) -> str:
    """The `next` of the request when it stays on this site, else nothing."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    return target if _is_ours(request, target) else ""


def afterwards(request: HttpRequest) -> str:
    """Where to go afterwards."""
    return wanted(request) or resolve_url(settings.LOGIN_REDIRECT_URL)


def with_next(url: str, target: str) -> str:
    """An address of ours that passes `next` on."""
    return f"{url}?{urlencode({'next': target})}" if target else url


def welcome(request: HttpRequest, user: User, *, method: str, target: str, **facts: Any) -> HttpResponse:
    """Take a user who has proved to be the one through the steps that are left (second factor) into a session.

    The proof counts as fresh for what asks for it again.
    """
    if request.user.is_authenticated and request.user.pk != user.pk:
        logout(request)
    record_authentication(request, user, method=method, reauthenticated=True, **facts)
    login = Login(user=user, redirect_url=target, email=user.email)
    response: HttpResponse = perform_login(request, login)
    return response


def wait_for_proof(request: HttpRequest, *, email: str, user_id: int | None, target: str) -> None:
    """Remember in the session who is to open the mailed link; for an address that is known the same is kept."""
    request.session[_WAITING] = {"email": email, "user_id": user_id, "next": target}


def waiting(request: HttpRequest) -> dict[str, Any]:
    """Who is to open a link, as remembered: email, user_id, next; empty when nobody is."""
    found = request.session.get(_WAITING)
    return found if isinstance(found, dict) else {}


def waiting_forget(request: HttpRequest) -> None:
    """The link was opened."""
    request.session.pop(_WAITING, None)


def page(
    request: HttpRequest,
    template: str,
    form: ServiceForm | None = None,
    error: DomainError | None = None,
    **context: Any,
) -> HttpResponse:
    """A page with a form: 422 when it is refused, 429 when there were too many tries."""
    if form is not None and error is not None:
        form.refuse(error)
    refused = error is not None or (form is not None and form.is_bound and not form.is_valid())
    status = error.status if error is not None and error.status in (410, 429) else 422 if refused else 200
    context |= {"form": form, "next": wanted(request), "refusal": "" if error is None else error.message}
    context |= {"has_google": bool(settings.GOOGLE_CLIENT_ID)}
    return render(request, template, context, status=status)


def _is_ours(request: HttpRequest, target: str) -> bool:
    return url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
