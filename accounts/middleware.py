"""Suspended users are signed out wherever they are."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect

from accounts.models import User

MESSAGE = "Your account is suspended."


class SuspendedUserMiddleware:
    """Ends the session of a suspended user: pages lead to sign-in with a message, the API answers 403."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at the user only when the session has one."""
        if SESSION_KEY in request.session:
            user = request.user
            if isinstance(user, User) and user.status == User.Status.SUSPENDED:
                return _sign_out(request)
        return self.get_response(request)


def _sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    if request.path_info.startswith("/api/"):
        return JsonResponse({"code": "account_suspended", "message": MESSAGE, "details": {}}, status=403)
    messages.error(request, MESSAGE)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": "/sign-in"})
    return redirect("/sign-in")


class PersonMiddleware:
    """Keeps what is known of the browser session up to date: last seen, device, place."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on."""
        return self.get_response(request)
