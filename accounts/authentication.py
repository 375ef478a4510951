"""How a request to the API proves who sends it: a token, or a session."""

from hashlib import sha256
from time import time
from typing import Any

from django.http import HttpRequest
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts.adapters.jwt import VERSION_CLAIM
from accounts.models import User
from accounts.selectors import user_by_id
from accounts.services.credentials import refuse_suspended
from core.errors import Forbidden
from core.postgres.guard import Guard, Statement

# Tokens whose signature was found good, by the hash of their text.
TOKENS_KEPT = 10_000
_genuine: dict[bytes, Token] = {}
_MAY_COME_IN = Statement(
    b"accounts_may_come_in", b"SELECT status, is_active, token_version FROM accounts_user WHERE id = $1::bigint"
)


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

    def ahead(self, request: HttpRequest) -> tuple[int, Guard] | None:
        """The id of the user whom a genuine token names, and what must hold of it now; None without such a token.

        For views that let the question ride with their first statement. It is as strict as `get_user`; who is refused
        here is told why there.
        """
        try:
            raw_token = self.get_raw_token(self.get_header(request))  # type: ignore[arg-type]
            token = None if raw_token is None else self.get_validated_token(raw_token)
            if token is None:
                return None
            user_id, version = int(token["user_id"]), str(token.get(VERSION_CLAIM)).encode()
        except (AuthenticationFailed, KeyError, ValueError, TypeError, OverflowError):
            return None
        wanted = (User.Status.ACTIVE.value.encode(), b"t", version)
        return user_id, Guard(_MAY_COME_IN, (user_id,), lambda row: row == wanted)


class ApiKeyAuthentication(BaseAuthentication):
    """Accepts an API key of an active user, within its scope."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:  # noqa: ARG002
        """None without a key."""
        return None


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


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a key appears in the API's schema."""

    target_class = "accounts.authentication.ApiKeyAuthentication"
    name = "apiKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """A header of its own."""
        return {"type": "apiKey", "in": "header", "name": "X-API-Key"}
