"""A person's phone number: proved by a code, used to sign in by text message."""

import phonenumbers
from django.db import IntegrityError, transaction
from django.utils import timezone
from phonenumbers import PhoneNumberType

from accounts.adapters.sms import sms
from accounts.domain.ports import MessageNotSentError
from accounts.locks import user_lock
from accounts.models import Profile, User
from accounts.services.codes import code_check, code_make, code_text, digest_of
from accounts.services.notices import notify_in_tx
from core.errors import Conflict, Invalid, Unavailable
from core.services import audit, outbox
from core.throttling import limit

# Numbers that cost the caller extra, or reach nobody's pocket, get no texts.
MOBILE = {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}


def phone_clean(text: str, *, country: str = "") -> str:
    """The number as it is stored (E.164); without a country code it is read as one of `country`.

    Raises Invalid: `phone_invalid`, `phone_not_mobile`.
    """
    try:
        number = phonenumbers.parse(text[:40], country or None)
    except phonenumbers.NumberParseException as error:
        raise _field("phone_invalid", "Write the number with its country code, like +1 202 555 0123.") from error
    if not phonenumbers.is_valid_number(number):
        raise _field("phone_invalid", "There is no such phone number. Check its digits and country code.")
    if phonenumbers.number_type(number) not in MOBILE:
        raise _field("phone_not_mobile", "Give the number of a mobile phone.")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def phone_code_send(*, user_id: int, phone: str) -> str:
    """Text a code to a number that a user says is theirs; returns the number as it is stored.

    Raises `sms_not_set_up`, `sms_not_sent`, `rate_limited`.
    """
    carrier = sms()
    if carrier is None:
        raise Unavailable("sms_not_set_up", "Text messages are not set up here.")
    country = Profile.objects.filter(pk=user_id).values_list("country", flat=True).first() or ""
    phone = phone_clean(phone, country=country)
    limit("codes", f"phone-of:{user_id}")
    limit("codes", f"sms:{digest_of(phone)}")
    code = code_make(_key(user_id), phone=phone)
    try:
        carrier.send(to=phone, text=code_text(code))
    except MessageNotSentError as error:
        raise Unavailable("sms_not_sent", "The text message could not be sent. Try again in a minute.") from error
    return phone


def phone_verify(*, user_id: int, code: str, ip: str | None = None) -> str:
    """Take the number that the code was sent to for the user's own.

    Raises `code_wrong`, `code_expired`, `phone_taken`.
    """
    phone = code_check(_key(user_id), code)["phone"]
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        try:
            with transaction.atomic():
                Profile.objects.filter(pk=user_id).update(phone=phone, phone_verified_at=timezone.now())
        except IntegrityError as error:
            raise Conflict("phone_taken", "This number belongs to another account. Remove it there first.") from error
        _tell_in_tx(user, action="phone_verified", what="A phone number was added", ip=ip)
    return phone


def phone_remove(*, user_id: int, ip: str | None = None) -> None:
    """Forget a user's number; without one nothing happens."""
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        if Profile.objects.filter(pk=user_id).exclude(phone="").update(phone="", phone_verified_at=None):
            _tell_in_tx(user, action="phone_removed", what="Your phone number was removed", ip=ip)


def _tell_in_tx(user: User, *, action: str, what: str, ip: str | None) -> None:
    entry = audit.record(actor=user, action=action, subject_type="user", subject_id=user.pk, ip=ip)
    outbox.emit(topic=f"accounts.{action}", aggregate=f"user:{user.pk}", payload={"user_id": user.pk})
    notify_in_tx(
        user_id=user.pk,
        kind="security_changed",
        dedupe=f"{action}:{entry.pk}",
        params={"what": what},
        url="/settings/security",
    )


def _key(user_id: int) -> str:
    return f"phone:code:{user_id}"


def _field(code: str, message: str) -> Invalid:
    return Invalid(code, message, {"phone": [message]})
