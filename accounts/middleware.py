"""People and their sessions: suspended people are out, ended sign-ins are over, operators bring a second factor."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import urlencode
from redis.exceptions import RedisError

from accounts.clients import SIGN_IN, client_of, device_send, sign_in_of
from accounts.models import User
from accounts.services.credentials import refuse_suspended
from accounts.services.factors import second_factor_needed
from accounts.services.signins import signin_moved, signin_seen
from core.errors import DomainError, Forbidden
from core.redis import client

SEEN_EVERY = 60
LATER = 3_600  # by how many seconds a session's end must have moved to be written down
REMEMBERED = 10_000
_seen: dict[UUID, float] = {}
Respond = Callable[[HttpRequest], HttpResponse]


class SuspendedUserMiddleware:
    """Ends the session of a suspended user: pages lead to sign-in with a message, the API answers 403."""

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look at the user only when the session has one."""
        if SESSION_KEY in request.session:
            user = request.user
            if isinstance(user, User):
                try:
                    refuse_suspended(user)
                except Forbidden as error:
                    return _sign_out(request, error)
        return self.get_response(request)


class PersonMiddleware:
    """Keeps what is known of a browser's sign-in up to date; a session without a live sign-in is signed out.

    Sessions end by being deleted; what is asked here once a minute only catches a request that brought one back.
    """

    def __init__(self, get_response: Respond) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Look before the view whether the sign-in goes on; write down after it what has changed."""
        if SESSION_KEY in request.session and not _goes_on(request):
            logout(request)
        response = _staff_gate(request) or self.get_response(request)
        _follow(request)
        device_send(request, response)
        return response


def _goes_on(request: HttpRequest) -> bool:
    signin_id = sign_in_of(request)
    if signin_id is None:
        return False
    return not _is_due(signin_id) or signin_seen(signin_id=signin_id, client=client_of(request))


def _is_due(signin_id: UUID) -> bool:
    """Whether it is a minute since any process noted that this sign-in is in use."""
    now = time.monotonic()
    if now - _seen.get(signin_id, -SEEN_EVERY) < SEEN_EVERY:
        return False
    if len(_seen) >= REMEMBERED:
        _seen.clear()
    _seen[signin_id] = now
    try:
        return bool(client().set(f"signin:seen:{signin_id}", 1, nx=True, ex=SEEN_EVERY))
    except RedisError:
        return True


def _follow(request: HttpRequest) -> None:
    """The session may have another key, or another end, than its sign-in knows of."""
    session = request.session
    kept = session.get(SIGN_IN) if session.modified and SESSION_KEY in session else None
    signin_id = sign_in_of(request)
    if not kept or signin_id is None or not session.session_key:
        return
    until = time.time() + session.get_expiry_age()
    if kept.get("key") == session.session_key and until - float(kept.get("until", 0)) < LATER:
        return
    session[SIGN_IN] = {"id": str(signin_id), "key": session.session_key, "until": until}
    signin_moved(signin_id=signin_id, session_key=session.session_key, expires_at=datetime.fromtimestamp(until, tz=UTC))


def _staff_gate(request: HttpRequest) -> HttpResponse | None:
    """Operators open the administration with a second factor only (REQUIRE_STAFF_MFA)."""
    path = request.path_info
    if not settings.REQUIRE_STAFF_MFA or not (path == "/admin" or path.startswith("/admin/")):
        return None
    user = request.user
    if not isinstance(user, User) or not user.is_staff:
        return None
    if any(record.get("method") == "mfa" for record in get_authentication_records(request, user)):
        return None
    if second_factor_needed(user):
        target = request.get_full_path() if request.method == "GET" else "/admin/"
        return redirect(f"{resolve_url('mfa_reauthenticate')}?{urlencode({'next': target})}")
    messages.warning(request, "Set up a second factor first: the administration opens with one only.")
    return redirect("settings-security")


def _sign_out(request: HttpRequest, error: DomainError) -> HttpResponse:
    logout(request)
    if request.path_info.startswith("/api/"):
        return JsonResponse(error.as_dict(), status=error.status)
    messages.error(request, error.message)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": "/sign-in"})
    return redirect("/sign-in")
