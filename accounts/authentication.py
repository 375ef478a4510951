"""How a request to the API proves who sends it: a token (in a header or a cookie), a key, or a session."""

from collections.abc import Callable
from hashlib import sha256
from time import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts.adapters import jwt
from accounts.domain.keys import KeyPass, covers, key_refusal
from accounts.models import User
from accounts.selectors.keys import StoredKey, user_by_sign_in
from accounts.services.credentials import refuse_suspended
from accounts.services.keys import TOUCH_EVERY, key_find, key_refused, key_touch, pass_of
from core.errors import DomainError, Forbidden
from core.postgres.guard import Guard, Row, Statement
from core.throttling import address, hit

ACCESS_COOKIE = "access"
KEY_HEADER, KEY_SCHEME = "HTTP_X_API_KEY", "Api-Key "
# Where no key may go unless the view says `keys = True`: what is about the person, or lets one in.
CLOSED_TO_KEYS = ("/api/v1/auth/", "/api/v1/account/", "/api/v1/me/")
# What was found good is remembered so often, by its hash.
REMEMBERED = 10_000
_genuine: dict[bytes, Token] = {}
_passes: dict[bytes, tuple[KeyPass, tuple[bytes, ...], float]] = {}
_MAY_COME_IN = Statement(
    b"accounts_may_come_in",
    b"SELECT u.status, u.is_active, u.token_version, s.ended_at IS NULL FROM accounts_user u "
    b"JOIN accounts_signin s ON s.user_id = u.id WHERE u.id = $1::bigint AND s.id = $2::uuid",
)
_KEY_MAY_COME_IN = Statement(
    b"accounts_key_may_come_in",
    b"SELECT k.digest, k.scope, k.allowed_ips::text, k.rate_per_minute, "
    b"k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()), u.status, u.is_active "
    b"FROM accounts_apikey k JOIN accounts_user u ON u.id = k.user_id WHERE k.id = $1::bigint",
)
_ACTIVE = User.Status.ACTIVE.value.encode()
Ahead = tuple[int, Guard]


class ActiveJWTAuthentication(JWTAuthentication):
    """Accepts an access token of an active user: its sign-in goes on, and its tokens have not been revoked since.

    Without an Authorization header the cookie `access` counts, with a CSRF token on writes.
    """

    def authenticate(self, request: Request) -> tuple[Any, Token] | None:
        """The token's user, or None without a token."""
        raw = self.raw_token(request)
        if raw is not None:
            return self._let_in(raw)
        cookie = _cookie(request)
        if not cookie:
            return None
        try:
            found = self._let_in(cookie.encode())
        except (AuthenticationFailed, DomainError):
            if settings.SESSION_COOKIE_NAME in request.COOKIES:
                return None  # A browser that is signed in to the pages too: its session decides.
            raise
        csrf_require(request)
        return found

    def raw_token(self, request: Any) -> bytes | None:
        """The bearer token of the Authorization header. Raises AuthenticationFailed on a malformed one."""
        header = self.get_header(request)
        return None if header is None else self.get_raw_token(header)

    def get_validated_token(self, raw_token: bytes) -> Token:
        """The token, when it is genuine and not expired; a signature that was found good is not computed again.

        Only what can never change is remembered: whether its user may come in is asked every time.
        """
        key = sha256(raw_token).digest()
        token = _genuine.get(key)
        if token is None or token.payload["exp"] <= time():
            try:
                token = jwt.access_decode(raw_token)
            except jwt.TokenExpiredError as error:
                message = "Your token has expired. Refresh it, or sign in again."
                raise DomainError("token_expired", message, status=401) from error
            except jwt.TokenUnreadableError as error:
                raise AuthenticationFailed from error
            _remember(_genuine, key, token)
        return token

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        """The token's user. Raises when it is gone, inactive, suspended, or its sign-in or its tokens have ended."""
        try:
            claims = jwt.claims_of(validated_token)
        except jwt.TokenUnreadableError as error:
            raise AuthenticationFailed from error
        found = user_by_sign_in(claims.user_id, claims.sign_in) if 0 < claims.user_id < 2**63 else None
        if found is None or not found[0].is_active:
            raise AuthenticationFailed
        user, ended_at = found
        refuse_suspended(user)
        if ended_at is not None or claims.version != user.token_version:
            raise AuthenticationFailed
        return user

    def ahead(self, request: HttpRequest, view: object) -> Ahead | None:  # noqa: ARG002
        """The id of the user whom a genuine token names, and what must hold of it now; None without such a token.

        For views that let the question ride with their first statement. It is as strict as `get_user`; who is refused
        here is told why there.
        """
        try:
            raw = self.raw_token(request)
            claims = None if raw is None else jwt.claims_of(self.get_validated_token(raw))
        except (AuthenticationFailed, DomainError, jwt.TokenUnreadableError):
            return None
        if claims is None or not 0 < claims.user_id < 2**63:
            return None
        wanted = (_ACTIVE, b"t", str(claims.version).encode(), b"t")
        return claims.user_id, Guard(_MAY_COME_IN, (claims.user_id, str(claims.sign_in)), _equals(wanted))

    def _let_in(self, raw: bytes) -> tuple[User, Token]:
        token = self.get_validated_token(raw)
        return self.get_user(token), token


class ApiKeyAuthentication(BaseAuthentication):
    """Accepts an API key of an active user, from where and for what it was made.

    A view says with `key_scope = "trade"` that keys of that scope may write there, and with `keys` whether keys may
    come at all. No key acts with the role of an operator: its user is a trader for the request.
    """

    def authenticate(self, request: Request) -> tuple[User, KeyPass] | None:
        """The key's user, or None without a key."""
        text = _key_text(request)
        if text is None:
            return None
        ip = address(request)
        try:
            found = key_find(text)
        except DomainError as error:
            if error.code == "key_invalid":
                _count_wrong_key(ip)
            raise
        allowed = pass_of(found)
        _admit(allowed, ip, request, (request.parser_context or {}).get("view"))
        key_touch(found, ip=ip)
        _remember(_passes, sha256(text.encode()).digest(), (allowed, _wanted(found), time()))
        return _as_trader(found.owner), allowed

    def ahead(self, request: HttpRequest, view: object) -> Ahead | None:
        """As with a token: whose key it is, and what must hold of it now; None for a key not seen in the last minute.

        What was stored of the key then must be stored of it still, or the request takes the long way.
        """
        text = None if request.META.get("HTTP_AUTHORIZATION", "").startswith("Bearer") else _key_text(request)
        known = None if text is None else _passes.get(sha256(text.encode()).digest())
        if known is None or known[2] + TOUCH_EVERY.total_seconds() <= time():
            return None
        allowed, wanted, _ = known
        try:
            _admit(allowed, address(request) if allowed.networks else "", request, view)
        except (DomainError, Throttled):
            return None
        return allowed.user_id, Guard(_KEY_MAY_COME_IN, (allowed.id,), _equals(wanted))


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


def csrf_require(request: Request) -> None:
    """Raise Forbidden (`csrf_failed`) for a write without a valid CSRF token; for whatever a cookie proves."""
    ActiveSessionAuthentication().enforce_csrf(request)


def _cookie(request: Request) -> str | None:
    """The access token of the cookie, when nothing in the headers says who sends the request."""
    if "HTTP_AUTHORIZATION" in request.META or KEY_HEADER in request.META:
        return None
    return request.COOKIES.get(ACCESS_COOKIE)


def _key_text(request: Any) -> str | None:
    text = request.META.get(KEY_HEADER)
    if text is not None:
        return str(text)
    header = str(request.META.get("HTTP_AUTHORIZATION", ""))
    return header[len(KEY_SCHEME) :].strip() if header[: len(KEY_SCHEME)].lower() == KEY_SCHEME.lower() else None


def _admit(allowed: KeyPass, ip: str, request: Any, view: object) -> None:
    """Raise unless the key may be used from there, as often, and for this."""
    if allowed.networks and not covers(allowed.networks, ip):
        raise key_refused("key_ip")
    wait = hit(f"key:{allowed.id}", allowed.rate, 60)
    if wait is not None:
        raise Throttled(wait)
    is_open = bool(getattr(view, "keys", not request.path_info.startswith(CLOSED_TO_KEYS)))
    view_scope = getattr(view, "key_scope", None)
    code = key_refusal(scope=allowed.scope, method=request.method or "", view_scope=view_scope, is_open=is_open)
    if code:
        raise key_refused(code)


def _count_wrong_key(ip: str) -> None:
    """Keys cannot be guessed; an address that keeps sending wrong ones is told to wait."""
    wait = hit(f"wrong-key:{ip}", 30, 60)
    if wait is not None:
        raise Throttled(wait)


def _wanted(found: StoredKey) -> tuple[bytes, ...]:
    texts = (found.digest, found.scope, found.allowed_ips, str(found.rate))
    return (*(text.encode() for text in texts), b"t", _ACTIVE, b"t")


def _as_trader(user: User) -> User:
    """The user as a key's: without the rights of an operator, in memory only."""
    user.role, user.is_staff, user.is_superuser = User.Role.TRADER, False, False
    return user


def _equals(wanted: tuple[bytes, ...]) -> Callable[[Row | None], bool]:
    return lambda row: row == wanted


def _remember(where: dict[bytes, Any], key: bytes, value: object) -> None:
    if len(where) >= REMEMBERED:
        where.clear()
    where[key] = value
