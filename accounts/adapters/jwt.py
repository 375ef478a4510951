"""JSON web tokens, by simplejwt.

A token names its user, the version of the user's tokens, the sign-in that it belongs to (its family), whom it is for
and who made it; nothing else about anyone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken, Token

VERSION_CLAIM = "ver"
SIGN_IN_CLAIM = "sid"
# Nothing that we make is longer; what is longer is not even hashed.
MAX_TOKEN = 2_000


class _RefreshToken(Token):
    """A refresh token; whether it was revoked is for the service to know."""

    token_type = "refresh"  # noqa: S105
    lifetime = api_settings.REFRESH_TOKEN_LIFETIME


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose token it is, and of which sign-in."""

    user_id: int
    version: int
    sign_in: UUID


@dataclass(frozen=True, slots=True)
class RefreshClaims(Claims):
    """What a refresh token says."""

    jti: str
    issued_at: datetime
    expires_at: datetime


class TokenUnreadableError(Exception):
    """The token is forged, of another type or for another audience, not valid yet, or no token at all."""


class TokenExpiredError(TokenUnreadableError):
    """The token was genuine, and its time is over."""


def access_encode(*, user_id: int, version: int, sign_in: UUID) -> str:
    """A fresh access token."""
    return str(_filled(AccessToken(), user_id, version, sign_in))


def access_decode(raw: bytes | str) -> AccessToken:
    """A genuine, unexpired access token; raises TokenUnreadableError."""
    return _decoded(AccessToken, raw)  # type: ignore[no-any-return]


def access_lifetime() -> int:
    """Seconds an access token is good for."""
    return int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds())


def refresh_lifetime() -> int:
    """Seconds a refresh token is good for."""
    return int(api_settings.REFRESH_TOKEN_LIFETIME.total_seconds())


def refresh_encode(*, user_id: int, version: int, sign_in: UUID) -> tuple[str, RefreshClaims]:
    """A fresh refresh token and its claims."""
    token = _filled(_RefreshToken(), user_id, version, sign_in)
    return str(token), _refresh_claims(token)


def refresh_decode(text: str) -> RefreshClaims:
    """The claims of a genuine, unexpired refresh token; raises TokenUnreadableError."""
    token = _decoded(_RefreshToken, text)
    try:
        return _refresh_claims(token)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise TokenUnreadableError from error


def claims_of(token: Any) -> Claims:
    """Whose token a genuine one is. Raises TokenUnreadableError when it does not say."""
    try:
        return Claims(
            user_id=int(token[api_settings.USER_ID_CLAIM]),
            version=int(token[VERSION_CLAIM]),
            sign_in=UUID(token[SIGN_IN_CLAIM]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise TokenUnreadableError from error


def _decoded(kind: Any, raw: bytes | str) -> Any:
    if len(raw) > MAX_TOKEN:
        raise TokenUnreadableError
    try:
        return kind(raw)
    except ExpiredTokenError as error:
        raise TokenExpiredError from error
    except (TokenError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise TokenUnreadableError from error


def _filled(token: Any, user_id: int, version: int, sign_in: UUID) -> Any:
    token[api_settings.USER_ID_CLAIM] = str(user_id)
    token[VERSION_CLAIM] = version
    token[SIGN_IN_CLAIM] = str(sign_in)
    return token


def _refresh_claims(token: Any) -> RefreshClaims:
    claims = claims_of(token)
    return RefreshClaims(
        user_id=claims.user_id,
        version=claims.version,
        sign_in=claims.sign_in,
        jti=str(token["jti"]),
        issued_at=datetime.fromtimestamp(token["iat"], tz=UTC),
        expires_at=datetime.fromtimestamp(token["exp"], tz=UTC),
    )
