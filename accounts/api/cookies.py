"""Tokens in a response: in its body, or in cookies that no script can read."""

from typing import Any

from django.conf import settings
from django.middleware.csrf import CsrfViewMiddleware, get_token
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import serializers
from accounts.adapters.jwt import refresh_lifetime
from accounts.authentication import ACCESS_COOKIE, csrf_require
from accounts.services.tokens import TokenPair

REFRESH_COOKIE = "refresh"
ACCESS_PATH, REFRESH_PATH = "/api", "/api/v1/auth"


def pair_response(request: Request, pair: TokenPair, *, cookie: bool) -> Response:
    """The pair, in the body or in cookies. With cookies, the CSRF token that writes need is set too."""
    rest: dict[str, Any] = {"expires_in": pair.expires_in, "user": pair.user}
    if not cookie:
        told = {"access": pair.access, "refresh": pair.refresh, "token_type": "Bearer", **rest}
        return Response(serializers.TokenOut(told).data, headers={"Cache-Control": "no-store"})
    told = {"token_type": "Cookie", **rest}
    response = Response(serializers.TokenOut(told).data, headers={"Cache-Control": "no-store"})
    _set(response, ACCESS_COOKIE, pair.access, ACCESS_PATH, pair.expires_in)
    _set(response, REFRESH_COOKIE, pair.refresh, REFRESH_PATH, refresh_lifetime())
    # A request without cookies has come past the middleware that would do this.
    get_token(request._request)
    CsrfViewMiddleware(lambda _: response).process_response(request._request, response)
    return response


def refresh_from_cookie(request: Request) -> str | None:
    """The refresh token of the cookie, or None. Raises `csrf_failed`: a cookie comes along unasked."""
    found = request.COOKIES.get(REFRESH_COOKIE)
    if found:
        csrf_require(request)
    return found or None


def cookies_clear(response: Response) -> Response:
    """Let the browser forget the tokens."""
    for name, where in ((ACCESS_COOKIE, ACCESS_PATH), (REFRESH_COOKIE, REFRESH_PATH)):
        response.delete_cookie(name, path=where, samesite="Strict")
    return response


def _set(response: Response, name: str, value: str, path: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Strict",
    )
