"""A browser's session and its sign-in begin and end together."""

from datetime import timedelta
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from accounts.clients import SIGN_IN, client_of, device_ensure, sign_in_of
from accounts.models import SignIn, User
from accounts.services import signins

# What allauth calls a way in, where our word is another.
WAYS = {"socialaccount": "google"}


@receiver(user_logged_in, dispatch_uid="accounts.session_opened")
def _opened(request: HttpRequest, user: User, **_: Any) -> None:
    before = sign_in_of(request)
    if before is not None:
        signins.signin_close(signin_id=before)
    device_ensure(request)
    if not request.session.session_key:
        request.session.create()
    key, until = str(request.session.session_key), timezone.now() + timedelta(seconds=request.session.get_expiry_age())
    signin = signins.signin_open(
        user_id=user.pk,
        kind=SignIn.Kind.WEB,
        method=method_of(request, user),
        client=client_of(request),
        expires_at=until,
        session_key=key,
    )
    request.session[SIGN_IN] = {"id": str(signin.pk), "key": key, "until": until.timestamp()}


@receiver(user_logged_out, dispatch_uid="accounts.session_closed")
def _closed(request: HttpRequest, user: User | None, **_: Any) -> None:
    signin_id = sign_in_of(request)
    if user is not None and signin_id is not None:
        signins.signin_close(signin_id=signin_id)


def method_of(request: HttpRequest, user: User) -> str:
    """How this session was opened: the way in, and "+mfa" when a second factor followed."""
    way, has_second = "", False
    for record in get_authentication_records(request, user):
        method = str(record.get("method", ""))
        if method == "mfa" and not record.get("passwordless"):
            has_second = bool(way)
        elif method == "mfa":
            way, has_second = "passkey", False
        else:
            way, has_second = WAYS.get(method, method), False
    return f"{way[:20]}+mfa" if has_second else way[:24]
