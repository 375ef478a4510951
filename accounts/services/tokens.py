"""Token pairs: issued at sign-in, rotated at each refresh, revoked together when a used refresh token comes back."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.adapters import jwt
from accounts.locks import user_lock
from accounts.models import User
from accounts.services.credentials import credentials_verify, refuse_suspended
from accounts.services.users import tokens_revoke_in_tx
from core.errors import DomainError, NotFound
from core.services import audit


@dataclass(frozen=True, slots=True)
class TokenPair:
    """An access token with its lifetime in seconds, and the refresh token that renews it once."""

    access: str
    refresh: str
    expires_in: int
    user: User


def tokens_obtain(*, email: str, password: str) -> TokenPair:
    """Sign in with an email and a password."""
    return tokens_issue(user=credentials_verify(email=email, password=password))


def tokens_issue(*, user: User) -> TokenPair:
    """A new pair for a user who has proved to be the one."""
    with transaction.atomic(durable=True):
        return _issue_in_tx(user)


def tokens_rotate(*, refresh: str) -> TokenPair:
    """A new pair for an unused refresh token, which is used up by this.

    One that was used before has been stolen, or its successor has: every token of the user is revoked.
    """
    claims = _decode(refresh)
    with transaction.atomic(durable=True):
        user = _owner(claims)
        refuse_suspended(user)
        if claims.version != user.token_version or not user.is_active:
            raise _token_invalid()
        if _use_up(claims):
            return _issue_in_tx(user)
        tokens_revoke_in_tx(user_id=user.pk)
        audit.record(actor=None, action="refresh_token_reused", subject_type="user", subject_id=user.pk)
    raise _token_invalid()


def tokens_revoke(*, refresh: str, everywhere: bool = False) -> None:
    """Sign out: use this refresh token up, or every token of its user. An unreadable or used one changes nothing."""
    try:
        claims = jwt.refresh_decode(refresh)
    except jwt.TokenUnreadableError:
        return
    with transaction.atomic(durable=True):
        user = User.objects.select_for_update(no_key=True).filter(pk=claims.user_id).first()
        if user is None or user.token_version != claims.version:
            return
        if _use_up(claims) and everywhere:
            tokens_revoke_in_tx(user_id=user.pk)


def tokens_forget_expired() -> int:
    """Delete the records of refresh tokens that have expired; returns how many."""
    removed = 0
    while True:
        ids = list(OutstandingToken.objects.filter(expires_at__lt=timezone.now()).values_list("pk", flat=True)[:5_000])
        if not ids:
            return removed
        with transaction.atomic(durable=True):
            BlacklistedToken.objects.filter(token_id__in=ids).delete()
            OutstandingToken.objects.filter(pk__in=ids).delete()
        removed += len(ids)


def _issue_in_tx(user: User) -> TokenPair:
    refresh, claims = jwt.refresh_encode(user_id=user.pk, version=user.token_version)
    # The token's text is not kept: whoever reads the table cannot sign in with it.
    OutstandingToken.objects.create(
        user=user, jti=claims.jti, token="", created_at=claims.issued_at, expires_at=claims.expires_at
    )
    access = jwt.access_encode(user_id=user.pk, version=user.token_version)
    return TokenPair(access=access, refresh=refresh, expires_in=jwt.access_lifetime(), user=user)


def _use_up(claims: jwt.RefreshClaims) -> bool:
    """Mark a refresh token as used, under the lock of its record; False when it was already, or has no record."""
    record = OutstandingToken.objects.select_for_update().filter(jti=claims.jti, user_id=claims.user_id).first()
    if record is None:
        return False
    _, is_new = BlacklistedToken.objects.get_or_create(token=record)
    return is_new


def _owner(claims: jwt.RefreshClaims) -> User:
    try:
        return user_lock(claims.user_id)
    except NotFound as error:
        raise _token_invalid() from error


def _decode(refresh: str) -> jwt.RefreshClaims:
    try:
        return jwt.refresh_decode(refresh)
    except jwt.TokenUnreadableError as error:
        raise _token_invalid() from error


def _token_invalid() -> DomainError:
    return DomainError("token_invalid", "Your token is not valid. Sign in again.", status=401)
