"""Suspended users are signed out wherever they are."""

from collections.abc import Callable

from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse

from accounts.models import User

SUSPENDED_FLAG = "account_suspended"


class SuspendedUserMiddleware:
    """Ends the session of a suspended user; pages say so, the API answers 403."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at the user only when there is a session with one."""
        if SESSION_KEY in request.session:
            user = request.user
            if isinstance(user, User) and user.status == User.Status.SUSPENDED:
                return self._sign_out(request)
        return self.get_response(request)

    def _sign_out(self, request: HttpRequest) -> HttpResponse:
        from django.http import JsonResponse
        from django.shortcuts import redirect

        logout(request)
        if request.path_info.startswith("/api/"):
            body = {"code": "account_suspended", "message": "Your account is suspended.", "details": {}}
            return JsonResponse(body, status=403)
        return redirect("/sign-in?suspended=1")
