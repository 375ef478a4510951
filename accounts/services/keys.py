"""API keys: made, changed, revoked, and found again by the text that only their holder has."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.domain import keys as rules
from accounts.domain.client import Client
from accounts.domain.keys import KeyPass
from accounts.locks import user_lock
from accounts.models import ApiKey, User
from accounts.selectors.keys import StoredKey, key_by_prefix, keys_live
from accounts.services.credentials import refuse_suspended
from accounts.services.notices import notify_in_tx
from core import push
from core.errors import Conflict, DomainError, Invalid, NotFound
from core.services import audit, outbox

TOUCH_EVERY = timedelta(minutes=1)
SHORTEST, LONGEST, DEFAULT_LIFE = timedelta(hours=1), timedelta(days=730), timedelta(days=90)
URL = "/settings/keys"

_REFUSALS: dict[str, tuple[int, str]] = {
    "key_invalid": (401, "This API key is not valid. Make one in your settings."),
    "key_revoked": (401, "This API key was revoked. Make a new one in your settings."),
    "key_expired": (401, "This API key has expired. Make a new one in your settings."),
    "key_ip": (403, "This API key may not be used from your address. Add the address to the key in your settings."),
    "key_scope": (403, "This API key may only read. Use a key with the scope trade."),
    "key_not_allowed": (403, "API keys may not do this. Sign in to do it."),
}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made, and the only time that its text is known."""

    row: ApiKey
    text: str


def key_create(
    *,
    actor: User,
    name: str,
    scope: str,
    allowed_ips: Sequence[str] = (),
    rate_per_minute: int = rules.DEFAULT_RATE,
    expires_at: datetime | None = None,
    client: Client | None = None,
) -> NewKey:
    """Make a key for oneself; without `expires_at` it works for 90 days. Who it is, the caller knows."""
    now = timezone.now()
    expires_at = _expiry(expires_at, now)
    fields: dict[str, Any] = {"name": _name(name), "scope": _scope(scope), "allowed_ips": _networks(allowed_ips)}
    prefix, text = _fresh()
    with transaction.atomic(durable=True):
        user = user_lock(actor.pk)
        refuse_suspended(user)
        live = list(keys_live(user.pk)[: rules.MAX_LIVE_KEYS])
        if len(live) >= rules.MAX_LIVE_KEYS:
            raise Conflict("too_many_keys", f"You have {rules.MAX_LIVE_KEYS} keys. Revoke one to make another.")
        _name_is_free(fields["name"], live)
        row = ApiKey.objects.create(
            user=user,
            prefix=prefix,
            digest=rules.key_digest(text),
            rate_per_minute=_rate(rate_per_minute),
            expires_at=expires_at,
            created_at=now,
            **fields,
        )
        _tell(row, actor=user, verb="created", after=_facts(row), client=client)
    return NewKey(row, text)


def key_edit(
    *,
    actor: User,
    key_id: int,
    name: str | None = None,
    allowed_ips: Sequence[str] | None = None,
    client: Client | None = None,
) -> ApiKey:
    """Change the name of one's key, or from where it may be used. A dead key stays as it is."""
    with transaction.atomic(durable=True):
        user = user_lock(actor.pk)
        row = _own(user, key_id)
        before = _facts(row)
        if row.revoked_at is not None:
            raise Conflict("key_revoked", "This key was revoked. Make a new one.")
        if name is not None:
            row.name = _name(name)
            _name_is_free(row.name, [key for key in keys_live(user.pk)[: rules.MAX_LIVE_KEYS] if key.pk != row.pk])
        if allowed_ips is not None:
            row.allowed_ips = _networks(allowed_ips)
        after = _facts(row)
        if after != before:
            row.save(update_fields=["name", "allowed_ips"])
            _tell(row, actor=user, verb="changed", before=before, after=after, client=client)
    return row


def key_revoke(*, actor: User, key_id: int, client: Client | None = None) -> ApiKey:
    """End one's key at once. Revoking twice changes nothing."""
    with transaction.atomic(durable=True):
        user = user_lock(actor.pk)
        row = _own(user, key_id)
        if row.revoked_at is None:
            row.revoked_at = timezone.now()
            row.save(update_fields=["revoked_at"])
            push.stream_restart(user.pk)  # What it has opened ends; others open theirs again.
            _tell(row, actor=user, verb="revoked", before=_facts(row), client=client)
    return row


def keys_revoke_all_in_tx(*, user_id: int) -> int:
    """End every key of a user, for one who is leaving; returns how many."""
    return ApiKey.objects.filter(user_id=user_id, revoked_at__isnull=True).update(revoked_at=timezone.now())


def key_find(text: str) -> StoredKey:
    """The key that this text is, alive and of an active owner. Raises with the code that says why not."""
    prefix = rules.key_prefix(text)
    found = None if prefix is None else key_by_prefix(prefix)
    if found is None or not hmac.compare_digest(found.digest, rules.key_digest(text)):
        raise key_refused("key_invalid")
    if found.revoked_at is not None:
        raise key_refused("key_revoked")
    if found.expires_at is not None and found.expires_at <= timezone.now():
        raise key_refused("key_expired")
    if not found.owner.is_active:
        raise key_refused("key_invalid")
    refuse_suspended(found.owner)
    return found


def pass_of(found: StoredKey) -> KeyPass:
    """What the key may do."""
    return KeyPass(
        id=found.id,
        user_id=found.owner.pk,
        scope=found.scope,
        rate=found.rate,
        networks=rules.networks_read(found.networks),
    )


def key_touch(found: StoredKey, *, ip: str) -> None:
    """Note that a key is in use and from where, at most once a minute."""
    now = timezone.now()
    if found.last_used_at is not None and found.last_used_at > now - TOUCH_EVERY:
        return
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - TOUCH_EVERY)
    ApiKey.objects.filter(stale, pk=found.id).update(last_used_at=now, last_used_ip=rules.address_clean(ip))


def key_refused(code: str) -> DomainError:
    """The refusal of a key by its code."""
    status, message = _REFUSALS[code]
    return DomainError(code, message, status=status)


def _fresh() -> tuple[str, str]:
    prefix = f"ak_{secrets.token_hex(4)}"
    while ApiKey.objects.filter(prefix=prefix).exists():
        prefix = f"ak_{secrets.token_hex(4)}"
    return prefix, f"{prefix}_{secrets.token_urlsafe(32)}"


def _own(user: User, key_id: int) -> ApiKey:
    row = ApiKey.objects.select_for_update().filter(pk=key_id, user=user).first() if 0 < key_id < 2**63 else None
    if row is None:
        raise NotFound("key_not_found", "You have no such key.")
    return row


def _facts(row: ApiKey) -> dict[str, Any]:
    """What the audit tells of a key."""
    return {
        "name": row.name,
        "prefix": row.prefix,
        "scope": row.scope,
        "networks": row.allowed_ips,
        "rate_per_minute": row.rate_per_minute,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }


def _tell(
    row: ApiKey,
    *,
    actor: User,
    verb: str,
    client: Client | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        actor=actor,
        action=f"api_key_{verb}",
        subject_type="api_key",
        subject_id=row.pk,
        before=before,
        after=after,
        ip=client.ip if client else None,
    )
    payload = {"user_id": actor.pk, "key_id": row.pk}
    outbox.emit(topic=f"accounts.api_key_{verb}", aggregate=f"user:{actor.pk}", payload=payload)
    notify_in_tx(
        user_id=actor.pk,
        kind="security_changed",
        dedupe=f"key:{row.pk}:{verb}:{timezone.now():%Y%m%d%H%M%S%f}",
        params={"what": f"API key “{row.name}” was {verb}"},
        url=URL,
    )


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= rules.MAX_NAME or not name.isprintable():
        raise _field("name", f"Give the key a name of 1 to {rules.MAX_NAME} characters.")
    return name


def _name_is_free(name: str, others: Sequence[ApiKey]) -> None:
    if any(other.name.casefold() == name.casefold() for other in others):
        message = "You have a key of this name. Choose another name."
        raise Conflict("key_name_taken", message, {"name": [message]})


def _scope(scope: str) -> str:
    if scope not in ApiKey.Scope.values:
        raise _field("scope", "Choose read or trade.")
    return scope


def _networks(texts: Sequence[str]) -> list[str]:
    if len(texts) > rules.MAX_NETWORKS:
        raise _field("allowed_ips", f"Name at most {rules.MAX_NETWORKS} networks.")
    found: list[str] = []
    for text in texts:
        try:
            found += [str(network) for network in rules.networks_read([text])]
        except ValueError as error:
            raise _field("allowed_ips", f"“{text[:60]}” is neither an address nor a network.") from error
    return list(dict.fromkeys(found))


def _rate(rate: int) -> int:
    if not rules.MIN_RATE <= rate <= rules.MAX_RATE:
        raise _field("rate_per_minute", f"Choose {rules.MIN_RATE} to {rules.MAX_RATE:,} requests a minute.")
    return rate


def _expiry(expires_at: datetime | None, now: datetime) -> datetime:
    if expires_at is None:
        return now + DEFAULT_LIFE
    if not now + SHORTEST <= expires_at <= now + LONGEST:
        raise _field("expires_at", "Choose a time between one hour and two years from now.")
    return expires_at


def _field(name: str, message: str) -> Invalid:
    return Invalid("invalid", message, {name: [message]})
