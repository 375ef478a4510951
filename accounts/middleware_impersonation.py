"""While an operator looks as a trader, pages are the trader's, nothing is written, and most of the site is shut."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.db import InternalError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from psycopg.errors import ReadOnlySqlTransaction

from accounts.domain.impersonation import LOOKING, PICTURES, READ_ONLY, READ_ONLY_WORDS, Looking, may_show
from accounts.models import User
from accounts.services.impersonation import impersonation_end, impersonation_ending, impersonation_page
from core.errors import Forbidden

STOP, SIGN_OUT = "looking-stop", "sign-out"
ENDED = {
    "expired": "You are yourself again: the half hour is over.",
    "role_changed": "You are yourself again: your role has changed.",
    "not_a_trader": "You are yourself again: they are no trader any more.",
}


class ImpersonationMiddleware:
    """Answers as a trader sees the site while the session says so; after PersonMiddleware, which is about the operator.

    The operator stays signed in as who they are: only `request.user` of an allowed page is the trader. That page is
    made in a transaction that PostgreSQL lets nothing write in.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look only when the session has a look."""
        if SESSION_KEY not in request.session or LOOKING not in request.session:
            return self.get_response(request)
        operator, looking = request.user, Looking.from_session(request.session[LOOKING])
        if not isinstance(operator, User) or looking is None:
            request.session.pop(LOOKING, None)
            return self.get_response(request)
        user = User.objects.filter(pk=looking.user_id).first()
        because = impersonation_ending(actor=operator, looking=looking, user=user)
        if because or user is None:
            return self._ended(request, operator, looking, because)
        route = _route(request)
        if request.method == "POST" and route in (STOP, SIGN_OUT):
            return self.get_response(request)
        return self._as(user, request, operator, looking, route)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A page that wanted to write something is refused, once its transaction is over."""
        is_write = isinstance(exception, InternalError) and isinstance(exception.__cause__, ReadOnlySqlTransaction)
        if not is_write or not hasattr(request, "looking"):
            return None
        request.looking_wrote = True  # type: ignore[attr-defined]
        return HttpResponse(status=403)

    def _ended(self, request: HttpRequest, operator: User, looking: Looking, because: str) -> HttpResponse:
        del request.session[LOOKING]
        impersonation_end(actor=operator, looking=looking, because=because)
        messages.info(request, ENDED[because])
        return self.get_response(request)

    def _as(self, user: User, request: HttpRequest, operator: User, looking: Looking, route: str) -> HttpResponse:
        request.user = user
        request.looking, request.operator = looking, operator  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(operator_id=operator.pk)
        if not may_show(request.method or "", request.path_info, route):
            response = _refusal(request)
        else:
            if route not in PICTURES:
                impersonation_page(actor=operator, looking=looking, path=request.path_info)
            response = self._read(request)
        add_never_cache_headers(response)
        return response

    def _read(self, request: HttpRequest) -> HttpResponse:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL transaction_read_only = on")
            response = self.get_response(request)
            transaction.set_rollback(True)
        return _refusal(request) if hasattr(request, "looking_wrote") else response


def _route(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).url_name or ""
    except Resolver404:
        return ""


def _refusal(request: HttpRequest) -> HttpResponse:
    """403 for what is shut: JSON for programs, a line for a part of a page, else a page."""
    error = Forbidden(READ_ONLY, READ_ONLY_WORDS)
    if request.path_info.startswith("/api/") or request.path_info == "/stream-token":
        return JsonResponse(error.as_dict(), status=error.status)
    if request.headers.get("HX-Request"):
        return HttpResponse(format_html('<p class="notice notice-warn" role="alert">{}</p>', error.message), status=403)
    return render(request, "account/looking_refused.html", {"error": error}, status=error.status)
