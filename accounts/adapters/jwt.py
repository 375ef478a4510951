"""JSON web tokens, by simplejwt. A token holds the user's id, the version of its tokens, and nothing else about it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, Token

VERSION_CLAIM = "ver"


class _RefreshToken(Token):
    """A refresh token; whether it was revoked is for the service to know."""

    token_type = "refresh"  # noqa: S105
    lifetime = api_settings.REFRESH_TOKEN_LIFETIME


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says."""

    user_id: int
    version: int
    jti: str
    issued_at: datetime
    expires_at: datetime


class TokenUnreadableError(Exception):
    """The token is forged, expired, of another type, or no token at all."""


def access_encode(*, user_id: int, version: int) -> str:
    """A fresh access token."""
    return str(_filled(AccessToken(), user_id, version))


def access_lifetime() -> int:
    """Seconds an access token is good for."""
    return int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())


def refresh_encode(*, user_id: int, version: int) -> tuple[str, RefreshClaims]:
    """A fresh refresh token and its claims."""
    token = _filled(_RefreshToken(), user_id, version)
    return str(token), _claims(token)


def refresh_decode(text: str) -> RefreshClaims:
    """The claims of a genuine, unexpired refresh token; raises TokenUnreadableError."""
    try:
        return _claims(_RefreshToken(text))  # type: ignore[arg-type]
    except (TokenError, KeyError, TypeError, ValueError) as error:
        raise TokenUnreadableError from error


def _filled(token: Any, user_id: int, version: int) -> Any:
    token[api_settings.USER_ID_CLAIM] = str(user_id)
    token[VERSION_CLAIM] = version
    return token


def _claims(token: Any) -> RefreshClaims:
    return RefreshClaims(
        user_id=int(token[api_settings.USER_ID_CLAIM]),
        version=int(token[VERSION_CLAIM]),
        jti=str(token["jti"]),
        issued_at=datetime.fromtimestamp(token["iat"], tz=UTC),
        expires_at=datetime.fromtimestamp(token["exp"], tz=UTC),
    )
