"""The settings page of where one is signed in."""

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.clients import sign_in_of
from accounts.models import User
from accounts.selectors.signins import signin_view, signins_live
from accounts.services import signins
from core.errors import NotFound
from core.throttling import address


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


@never_cache
@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """Every browser and every family of tokens that is signed in."""
    this = sign_in_of(request)
    found = [signin_view(signin, this) for signin in signins_live(_user(request).pk)[: signins.MAX_LIVE]]
    found.sort(key=lambda view: not view.is_this)
    return render(request, "settings/sessions.html", {"sign_ins": found, "others": sum(not v.is_this for v in found)})


@login_required
@require_POST
def session_end(request: HttpRequest, signin_id: UUID) -> HttpResponse:
    """Sign out there."""
    if signin_id == sign_in_of(request):
        logout(request)
        return redirect("/")
    try:
        signins.signin_revoke(user_id=_user(request).pk, signin_id=signin_id, ip=address(request))
    except NotFound as error:
        raise Http404(error.message) from error
    messages.success(request, "It is signed out there.")
    return redirect("settings-sessions")


@login_required
@require_POST
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    keep = sign_in_of(request)
    ended = signins.signins_revoke_all(user_id=_user(request).pk, keep=keep, ip=address(request))
    messages.success(request, f"{ended} {'session is' if ended == 1 else 'sessions are'} signed out.")
    return redirect("settings-sessions")


@login_required
@require_POST
def sessions_end_all(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere, here too."""
    signins.signins_revoke_all(user_id=_user(request).pk, ip=address(request))
    logout(request)
    messages.success(request, "You are signed out everywhere.")
    return redirect("sign-in")


urlpatterns = [
    path("settings/sessions", sessions, name="settings-sessions"),
    path("settings/sessions/<uuid:signin_id>/end", session_end, name="settings-session-end"),
    path("settings/sessions/end-others", sessions_end_others, name="settings-sessions-end-others"),
    path("settings/sessions/end-all", sessions_end_all, name="settings-sessions-end-all"),
]
