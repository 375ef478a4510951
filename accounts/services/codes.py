"""Six-digit codes by text message or mail: to sign in, and to prove a phone number.

A code is kept in Redis as a keyed hash, for ten minutes and five tries, under a ticket that only the one who asked for
it holds: nobody can use, spoil or replace another's code. An unknown address or number gets a ticket like any other.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac
from redis.exceptions import RedisError

from accounts.adapters.mail import mail_send
from accounts.adapters.sms import sms
from accounts.locks import user_lock
from accounts.models import Profile, User
from accounts.services.credentials import refuse_suspended
from accounts.services.emails import email_mark_verified_in_tx
from accounts.services.users import email_clean
from core.errors import DomainError, Unavailable
from core.redis import client
from core.services import outbox
from core.throttling import limit

EMAIL, SMS = "email", "sms"
LIFETIME, TRIES = 600, 5


@dataclass(frozen=True, slots=True)
class CodeUse:
    """What a right code proves: whose it was and which way it went."""

    user: User
    channel: str


def sms_is_set_up() -> bool:
    """Whether this installation can send text messages."""
    return sms() is not None


def signin_code_request(*, channel: str, to: str) -> str:
    """Have a code sent to a proved address or number; returns the ticket that the code belongs to.

    Raises `rate_limited` by what the code goes to; counting by the address of the request is the caller's part.
    """
    if channel == SMS and not sms_is_set_up():
        raise Unavailable("sms_not_set_up", "Codes by text message are not set up here. Ask for one by email.")
    to = email_clean(to) if channel == EMAIL else to
    limit("codes", f"{channel}:{digest_of(to)}")
    ticket = secrets.token_urlsafe(24)
    user_id = _owner(channel, to)
    if user_id is not None and _within_limit(user_id):
        payload = {"user_id": user_id, "channel": channel, "ticket": ticket}
        with transaction.atomic(durable=True):
            outbox.emit(topic="accounts.code_wanted", aggregate=f"code:{user_id}", payload=payload)
    return ticket


def signin_code_send(*, ticket: str, user_id: int, channel: str) -> bool:
    """Make the code of a ticket and send it; False when nobody may have it any more."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return False
    code = code_make(_key(ticket), user_id=user_id, channel=channel)
    if channel == EMAIL:
        mail_send(to=user.email, template="account/code", context={"name": user.display_name, "code": code})
        return True
    phone = Profile.objects.filter(pk=user_id, phone_verified_at__isnull=False).values_list("phone", flat=True).first()
    carrier = sms()
    if not phone or carrier is None:
        return False
    carrier.send(to=phone, text=code_text(code))
    return True


def signin_code_use(*, ticket: str, code: str) -> CodeUse:
    """Who may sign in with a code. Raises `code_wrong`, `code_expired`, `account_suspended`.

    A code by mail proves the address it went to.
    """
    known = code_check(_key(ticket), code)
    user = User.objects.filter(pk=int(known["user_id"]), is_active=True).first()
    if user is None:
        raise code_expired()
    refuse_suspended(user)
    if known["channel"] == EMAIL:
        with transaction.atomic(durable=True):
            email_mark_verified_in_tx(user_lock(user.pk), because="code by email")
    return CodeUse(user, known["channel"])


def code_make(key: str, **facts: object) -> str:
    """A fresh code under a key, with what is to be known when it comes back. Replaces the one before."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    fields: dict[Any, Any] = {name: str(value) for name, value in facts.items()}
    fields["digest"] = _digest(key, code)
    try:
        pipe = client().pipeline()
        pipe.delete(key)
        pipe.hset(key, mapping=fields)
        pipe.expire(key, LIFETIME)
        pipe.execute()
    except RedisError as error:
        raise Unavailable("codes_unavailable", "Codes cannot be sent just now. Try again in a minute.") from error
    return code


def code_check(key: str, code: str) -> dict[str, str]:
    """What was kept with the right code, which is used up by this. Raises `code_wrong`, or `code_expired`.

    Tries are counted whether there is a code or not, before it is looked at, so racing guesses are counted too.
    """
    tries_key = f"{key}:tries"
    try:
        tries = int(client().incr(tries_key))
        client().expire(tries_key, LIFETIME)
        if tries > TRIES:
            client().delete(key)
            raise code_expired()
        facts = {str(name): str(value) for name, value in client().hgetall(key).items()}
        given = "".join(code.split())
        if not constant_time_compare(facts.pop("digest", ""), _digest(key, given)):
            raise _wrong(TRIES - tries)
        if not client().delete(key):
            raise code_expired()
        client().delete(tries_key)
    except RedisError as error:
        raise Unavailable("codes_unavailable", "Codes cannot be checked just now. Try again in a minute.") from error
    return facts


def code_text(code: str) -> str:
    """The words of a text message with a code."""
    return f"{code} is your Trading Arena code. It works for 10 minutes. We never ask for it by phone."


def code_expired() -> DomainError:
    """The refusal of a code that can no longer be used."""
    return DomainError("code_expired", "This code has expired or was tried too often. Ask for a new one.")


def digest_of(text: str) -> str:
    """What stands for an address or a number in the keys of limits."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _within_limit(user_id: int) -> bool:
    """Whether the user may be sent another code. Not said aloud: an unknown number would not be refused for it."""
    try:
        limit("codes", f"user:{user_id}")
    except DomainError:
        return False
    return True


def _owner(channel: str, to: str) -> int | None:
    people = User.objects.filter(is_active=True, kind=User.Kind.PERSON)
    if channel == EMAIL:
        return people.filter(email=to).values_list("pk", flat=True).first()
    return (
        people.filter(profile__phone=to, profile__phone_verified_at__isnull=False).values_list("pk", flat=True).first()
    )


def _key(ticket: str) -> str:
    return f"signin:code:{digest_of(ticket)}"


def _digest(key: str, code: str) -> str:
    return salted_hmac("accounts.codes", f"{key}:{code}", algorithm="sha256").hexdigest()


def _wrong(left: int) -> DomainError:
    if left <= 0:
        return code_expired()
    tries = "one more try" if left == 1 else f"{left} more tries"
    return DomainError("code_wrong", f"This is not the code. You have {tries}.", {"tries_left": left})
