"""Token pairs: issued at sign-in, rotated at each refresh. The pairs of one sign-in are a family and end together.

A refresh token that comes back after it was used has been stolen, or its successor has: that family ends.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.adapters import jwt
from accounts.domain.client import Client
from accounts.locks import user_lock
from accounts.models import SignIn, User
from accounts.services.credentials import refuse_suspended
from accounts.services.notices import notify_in_tx
from accounts.services.signins import signin_end_in_tx, signin_open_in_tx, signins_end_all_in_tx
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


def tokens_issue(*, user: User, client: Client | None = None, method: str = "password") -> TokenPair:
    """The first pair of a new sign-in, for a user who has proved to be the one."""
    with transaction.atomic(durable=True):
        signin = signin_open_in_tx(
            user=user,
            kind=SignIn.Kind.TOKEN,
            method=method,
            client=client or Client(),
            expires_at=timezone.now() + timedelta(seconds=jwt.refresh_lifetime()),
        )
        return _issue_in_tx(user, signin.pk)


def tokens_rotate(*, refresh: str, client: Client | None = None) -> TokenPair:
    """A new pair for an unused refresh token, which is used up by this.

    Raises `token_expired`, `token_invalid`, `account_suspended`, and `token_reused` for one that was used before: then
    its family ends and the person is told.
    """
    claims = _decode(refresh)
    with transaction.atomic(durable=True):
        user = _owner(claims)
        refuse_suspended(user)
        if claims.version != user.token_version or not user.is_active:
            raise token_invalid()
        signin = SignIn.objects.select_for_update().filter(pk=claims.sign_in, user=user).first()
        record = OutstandingToken.objects.select_for_update().filter(jti=claims.jti, user=user).first()
        if signin is None or record is None:
            raise token_invalid()
        if _use_up(record):
            if signin.ended_at is not None:
                raise token_invalid()
            _seen_in_tx(signin, client)
            return _issue_in_tx(user, signin.pk)
        if signin.ended_at is None:
            _end_stolen_in_tx(user, signin, client)
    raise DomainError("token_reused", "This refresh token was used before, so its sign-in has ended.", status=401)


def tokens_renew(*, user_id: int, sign_in: UUID) -> TokenPair:
    """A pair in a family that goes on, after every token of its user was revoked (a changed password)."""
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        refuse_suspended(user)
        signin = SignIn.objects.select_for_update().filter(pk=sign_in, user=user, ended_at__isnull=True).first()
        if signin is None:
            raise token_invalid()
        return _issue_in_tx(user, signin.pk)


def tokens_revoke(*, refresh: str, everywhere: bool = False, ip: str | None = None) -> None:
    """Sign out by a refresh token: end its family, or with `everywhere` all that its user is signed in to.

    An unreadable, used or revoked one changes nothing.
    """
    try:
        claims = jwt.refresh_decode(refresh)
    except jwt.TokenUnreadableError:
        return
    with transaction.atomic(durable=True):
        user = User.objects.select_for_update(no_key=True).filter(pk=claims.user_id).first()
        if user is None or user.token_version != claims.version:
            return
        record = OutstandingToken.objects.select_for_update().filter(jti=claims.jti, user=user).first()
        if record is not None and _use_up(record):
            _end_in_tx(user, claims.sign_in, everywhere=everywhere, ip=ip)


def sign_in_end(*, user_id: int, sign_in: UUID, everywhere: bool = False, ip: str | None = None) -> None:
    """Sign out by an access token, which the caller has checked: as `tokens_revoke`."""
    with transaction.atomic(durable=True):
        _end_in_tx(user_lock(user_id), sign_in, everywhere=everywhere, ip=ip)


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


def token_invalid() -> DomainError:
    """The refusal of a token that proves nothing."""
    return DomainError("token_invalid", "Your token is not valid. Sign in again.", status=401)


def _issue_in_tx(user: User, sign_in: UUID) -> TokenPair:
    refresh, claims = jwt.refresh_encode(user_id=user.pk, version=user.token_version, sign_in=sign_in)
    # The token's text is not kept: whoever reads the table cannot sign in with it.
    OutstandingToken.objects.create(
        user=user, jti=claims.jti, token="", created_at=claims.issued_at, expires_at=claims.expires_at
    )
    access = jwt.access_encode(user_id=user.pk, version=user.token_version, sign_in=sign_in)
    return TokenPair(access=access, refresh=refresh, expires_in=jwt.access_lifetime(), user=user)


def _seen_in_tx(signin: SignIn, client: Client | None) -> None:
    """The family goes on, from wherever it was refreshed last."""
    signin.last_seen_at = timezone.now()
    signin.expires_at = signin.last_seen_at + timedelta(seconds=jwt.refresh_lifetime())
    fields = ["last_seen_at", "expires_at"]
    if client is not None and client.ip:
        signin.ip, signin.country, signin.city = client.ip, client.country, client.city
        fields += ["ip", "country", "city"]
    signin.save(update_fields=fields)


def _end_stolen_in_tx(user: User, signin: SignIn, client: Client | None) -> None:
    signin_end_in_tx(signin=signin, because="refresh_reused")
    audit.record(
        actor=None,
        action="refresh_token_reused",
        subject_type="user",
        subject_id=user.pk,
        after={"sign_in": str(signin.pk)},
        ip=client.ip if client else None,
    )
    notify_in_tx(
        user_id=user.pk,
        kind="security_changed",
        dedupe=f"refresh_reused:{signin.pk}",
        params={"what": "A sign-in was ended because one of its tokens was used twice"},
        url="/settings/sessions",
    )


def _end_in_tx(user: User, sign_in: UUID, *, everywhere: bool, ip: str | None) -> None:
    if everywhere:
        _end_all_in_tx(user, ip)
        return
    signin = SignIn.objects.select_for_update().filter(pk=sign_in, user=user, ended_at__isnull=True).first()
    if signin is not None:
        signin_end_in_tx(signin=signin, because="signed_out")


def _end_all_in_tx(user: User, ip: str | None) -> None:
    ended = signins_end_all_in_tx(user_id=user.pk, because="everywhere")
    tokens_revoke_in_tx(user_id=user.pk)
    audit.record(
        actor=user,
        action="sign_ins_ended",
        subject_type="user",
        subject_id=user.pk,
        after={"ended": ended},
        reason="everywhere",
        ip=ip,
    )


def _use_up(record: OutstandingToken) -> bool:
    """Mark a locked record's refresh token as used; False when it was already."""
    _, is_new = BlacklistedToken.objects.get_or_create(token=record)
    return bool(is_new)


def _owner(claims: jwt.RefreshClaims) -> User:
    try:
        return user_lock(claims.user_id)
    except (NotFound, OverflowError) as error:
        raise token_invalid() from error


def _decode(refresh: str) -> jwt.RefreshClaims:
    try:
        return jwt.refresh_decode(refresh)
    except jwt.TokenExpiredError as error:
        raise DomainError("token_expired", "Your refresh token has expired. Sign in again.", status=401) from error
    except jwt.TokenUnreadableError as error:
        raise token_invalid() from error
