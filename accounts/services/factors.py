"""Second factors: a code of an authenticator app, or one of the recovery codes. Passkeys are checked by allauth.

A code counts once. Wrong codes cost ever more time, whoever asks and by whatever way: pages and API share the count.
"""

import logging
from hmac import compare_digest

from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.db import transaction
from redis.exceptions import RedisError

from accounts.adapters import crypto
from accounts.models import User
from accounts.services.notices import notify_in_tx
from core.errors import DomainError
from core.redis import client
from core.services import audit

logger = logging.getLogger(__name__)

Type = Authenticator.Type
TOTP, RECOVERY = "totp", "recovery_code"
FACTORS = (Type.TOTP, Type.WEBAUTHN)
FREE = 5
FIRST_WAIT, LONGEST_WAIT = 30, 900
REMEMBERED = 86_400
LAST_COUNTER = "last_counter"
BATCH = 200


def second_factor_needed(user: User) -> bool:
    """Whether the user signs in with a second factor: an authenticator app or a passkey."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=FACTORS).exists())


def second_factor_check(*, user: User, code: str, ip: str | None = None) -> str:
    """Use up a code: `totp` or `recovery_code`. Raises `code_wrong`, or `rate_limited` after several wrong ones."""
    _attempt(user.pk)
    kind = _use(user, "".join(code.split()).replace("-", ""), ip)
    if kind is None:
        raise code_wrong()
    _forget(user.pk)
    return kind


def code_wrong() -> DomainError:
    """The refusal of a code."""
    return DomainError("code_wrong", "This is not the code, or it was used already. Wait for the next one.")


def recovery_codes_left(user_id: int) -> int:
    """How many recovery codes are unused."""
    found = Authenticator.objects.filter(user_id=user_id, type=Type.RECOVERY_CODES).first()
    return 0 if found is None else _left(found)


def totp_code_spent(*, user_id: int) -> None:
    """The code that proved a new authenticator is not good for a sign-in as well."""
    with transaction.atomic():
        found = Authenticator.objects.select_for_update().filter(user_id=user_id, type=Type.TOTP).first()
        if found is not None:
            found.data[LAST_COUNTER] = max(yield_hotp_counters_from_time())
            found.save(update_fields=["data"])


def factors_reencrypt() -> tuple[int, int]:
    """Encrypt every secret anew with the first of FIELD_KEYS; returns how many changed, and how many no key opens."""
    changed, unreadable, after = 0, 0, 0
    while True:
        found = Authenticator.objects.filter(pk__gt=after, type__in=(Type.TOTP, Type.RECOVERY_CODES)).order_by("pk")
        ids = list(found.values_list("pk", flat=True)[:BATCH])
        if not ids:
            return changed, unreadable
        for pk in ids:
            try:
                changed += _reencrypt(pk)
            except crypto.UnreadableSecretError:
                unreadable += 1
        after = ids[-1]


def _use(user: User, code: str, ip: str | None) -> str | None:
    if not code.isascii() or not code.isdigit() or len(code) > 12:
        return None
    with transaction.atomic(durable=True):
        rows = Authenticator.objects.select_for_update().filter(user_id=user.pk).order_by("pk")
        known = {row.type: row for row in rows.exclude(type=Type.WEBAUTHN)}
        try:
            if Type.TOTP in known and _use_totp(known[Type.TOTP], code):
                return TOTP
            if Type.RECOVERY_CODES in known and RecoveryCodes(known[Type.RECOVERY_CODES]).validate_code(code):
                _tell_recovery_in_tx(user, ip)
                return RECOVERY
        except crypto.UnreadableSecretError:
            logger.exception("a second factor of user %s is not readable with FIELD_KEYS", user.pk)
    return None


def _use_totp(row: Authenticator, code: str) -> bool:
    """Whether it is a code of this minute that was not used yet; it, and those before it, are used up by this."""
    secret = crypto.decrypt(row.data["secret"])
    last = int(row.data.get(LAST_COUNTER, -1))
    for counter in yield_hotp_counters_from_time():
        if compare_digest(format_hotp_value(hotp_value(secret, counter)), code) and counter > last:
            row.data[LAST_COUNTER] = counter
            row.save(update_fields=["data"])
            return True
    return False


def _tell_recovery_in_tx(user: User, ip: str | None) -> None:
    left = recovery_codes_left(user.pk)
    entry = audit.record(
        actor=user, action="recovery_code_used", subject_type="user", subject_id=user.pk, after={"left": left}, ip=ip
    )
    notify_in_tx(
        user_id=user.pk,
        kind="security_changed",
        dedupe=f"recovery_code:{entry.pk}",
        params={"what": f"A recovery code was used; {left} are left" if left else "The last recovery code was used"},
        url="/settings/security/recovery-codes",
    )


def _left(row: Authenticator) -> int:
    codes = row.data.get("migrated_codes")
    used = int(row.data.get("used_mask", 0)).bit_count()
    return len(codes) if codes is not None else int(app_settings.RECOVERY_CODE_COUNT) - used


def _reencrypt(pk: int) -> bool:
    with transaction.atomic(durable=True):
        row = Authenticator.objects.select_for_update().filter(pk=pk).first()
        name = "secret" if row is not None and row.type == Type.TOTP else "seed"
        if row is None or name not in row.data or crypto.is_current(row.data[name]):
            return False
        row.data[name] = crypto.encrypt(crypto.decrypt(row.data[name]))
        row.save(update_fields=["data"])
    return True


def _attempt(user_id: int) -> None:
    """Count an attempt before it is looked at, so racing guesses are counted too.

    Five in a row are free; after them one may be made each 30 s, 60 s, ... up to a quarter of an hour.
    """
    try:
        wait = int(client().ttl(_lock(user_id)))
        if wait > 0:
            raise _too_many(wait)
        count = int(client().incr(_count(user_id)))
        client().expire(_count(user_id), REMEMBERED)
        wait = int(min(FIRST_WAIT * 2 ** min(max(count - FREE - 1, 0), 16), LONGEST_WAIT))
        if count > FREE and not client().set(_lock(user_id), 1, nx=True, ex=wait):
            raise _too_many(wait)
    except RedisError:
        logger.warning("codes are not counted: Redis does not answer", exc_info=True)


def _too_many(wait: int) -> DomainError:
    message = f"Too many wrong codes. Try again in {wait} s."
    return DomainError("rate_limited", message, {"retry_after": wait}, status=429)


def _forget(user_id: int) -> None:
    try:
        client().delete(_count(user_id), _lock(user_id))
    except RedisError:
        logger.warning("wrong codes are not forgotten: Redis does not answer", exc_info=True)


def _count(user_id: int) -> str:
    return f"factor:wrong:{user_id}"


def _lock(user_id: int) -> str:
    return f"factor:wait:{user_id}"
