"""How a request to the API proves who sends it: a token, or a session."""

from hashlib import sha256
from time import time
from typing import Any

from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts.adapters.jwt import VERSION_CLAIM
from accounts.models import User
from accounts.selectors import user_by_id
from accounts.services.credentials import refuse_suspended
from core.errors import Forbidden

# Tokens whose signature was found good, by the hash of their text.
TOKENS_KEPT = 10_000
_genuine: dict[bytes, Token] = {}


class ActiveJWTAuthentication(JWTAuthentication):
    """Accepts an access token of an active user whose tokens have not been revoked since."""

    def get_validated_token(self, raw_token: bytes) -> Token:
        """The token, when it is genuine and not expired; a signature that was found good is not computed again.

        Only what can never change is remembered: whether its user may come in is asked every time.
        """
        key = sha256(raw_token).digest()
        token = _genuine.get(key)
        if token is None or token.payload["exp"] <= time():
            token = super().get_validated_token(raw_token)
            if len(_genuine) >= TOKENS_KEPT:
                _genuine.clear()
            _genuine[key] = token
        return token

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        """The token's user. Raises when it is gone, inactive, suspended, or its tokens were revoked."""
        try:
            user = user_by_id(int(validated_token["user_id"]))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise AuthenticationFailed from error
        if user is None or not user.is_active:
            raise AuthenticationFailed
        refuse_suspended(user)
        if validated_token.get(VERSION_CLAIM) != user.token_version:
            raise AuthenticationFailed
        return user


class ActiveSessionAuthentication(SessionAuthentication):
    """Accepts the session of an active user, with a CSRF token on writes."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """The session's user, or None without one. Raises Forbidden when it is suspended."""
        result = super().authenticate(request)
        if result is not None:
            refuse_suspended(result[0])
        return result

    def enforce_csrf(self, request: Request) -> None:
        """Raise Forbidden without a valid CSRF token."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            raise Forbidden("csrf_failed", "Send the CSRF token in the X-CSRFToken header.") from error


class ActiveJWTScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """How the token appears in the API's schema."""

    target_class = "accounts.authentication.ActiveJWTAuthentication"
    name = "jwtAuth"


class ActiveSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """How the session appears in the API's schema."""

    target_class = "accounts.authentication.ActiveSessionAuthentication"
    name = "cookieAuth"
