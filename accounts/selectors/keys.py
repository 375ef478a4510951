"""Reads of those who come with a token or a key, and of one's own keys.

Every request with a token or a key asks one of the first two, so each is one statement that is built once.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import ApiKey, SignIn, User

_FIELDS = [field.attname for field in User._meta.concrete_fields if field.attname != "password"]
_USER = ", ".join(f"u.{name}" for name in _FIELDS)
_BY_SIGN_IN = (
    f"SELECT s.ended_at, {_USER} FROM accounts_user u "  # noqa: S608  names of our own columns
    "JOIN accounts_signin s ON s.user_id = u.id WHERE u.id = %s AND s.id = %s"
)
_BY_PREFIX = (
    "SELECT k.id, k.digest, k.scope, k.allowed_ips::text, k.rate_per_minute, k.expires_at, k.revoked_at, "  # noqa: S608
    f"k.last_used_at, {_USER} FROM accounts_apikey k JOIN accounts_user u ON u.id = k.user_id WHERE k.prefix = %s"
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is stored, and its owner. `allowed_ips` is the text of the JSON."""

    id: int
    digest: str
    scope: str
    allowed_ips: str
    rate: int
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    owner: User

    @property
    def networks(self) -> list[str]:
        """The networks from which it may be used."""
        return [str(network) for network in json.loads(self.allowed_ips)]


def user_by_sign_in(user_id: int, sign_in: UUID) -> tuple[User, datetime | None] | None:
    """A user without the password hash, and when its sign-in ended; None unless the sign-in is the user's."""
    row = _first(_BY_SIGN_IN, [user_id, sign_in])
    return None if row is None else (_user(row[1:]), row[0])


def sign_in_of_session(user_id: int, session_key: str | None) -> UUID | None:
    """The sign-in of a user's browser session."""
    if not session_key:
        return None
    found = SignIn.objects.filter(user_id=user_id, session_key=session_key, ended_at__isnull=True)
    return found.values_list("pk", flat=True).first()


def key_by_prefix(prefix: str) -> StoredKey | None:
    """A key by the part of it that is not secret, dead or alive."""
    row = _first(_BY_PREFIX, [prefix])
    return None if row is None else StoredKey(*(*row[:8], _user(row[8:])))


def keys_of(user_id: int) -> QuerySet[ApiKey]:
    """All keys of a user, the newest first."""
    return ApiKey.objects.filter(user_id=user_id).order_by("-pk")


def keys_live(user_id: int) -> QuerySet[ApiKey]:
    """The keys of a user that work: neither revoked nor expired. Newest first."""
    alive = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    return keys_of(user_id).filter(alive, revoked_at__isnull=True)


def key_state(key: ApiKey, now: datetime) -> str:
    """`live`, `expired` or `revoked`."""
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "live"


def _first(sql: str, parameters: list[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()


def _user(row: Any) -> User:
    return User.from_db(connection.alias, _FIELDS, row)
