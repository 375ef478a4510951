"""Writes about users: create, rename, revoke tokens."""

import unicodedata

from allauth.account.models import EmailAddress
from confusable_homoglyphs import confusables
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.locks import user_lock
from accounts.models import User
from accounts.services.letters import letter_ask_in_tx
from core.errors import Conflict, Forbidden, Invalid
from core.flags import SIGNUPS_CLOSED, flag_on
from core.services import outbox

MAX_NAME = 40
MAX_PASSWORD = 256


def user_create(*, email: str, password: str | None, display_name: str, kind: str = User.Kind.PERSON) -> User:
    """Register a user. Without a password (an agent) none can sign in as it."""
    with transaction.atomic(durable=True):
        return user_create_in_tx(email=email, password=password, display_name=display_name, kind=kind)


def user_create_in_tx(*, email: str, password: str | None, display_name: str, kind: str = User.Kind.PERSON) -> User:
    """`user_create` inside the caller's transaction."""
    email = email_clean(email)
    name = display_name_clean(display_name)
    if password is not None:
        password_check(password, User(email=email, display_name=name))
    elif kind == User.Kind.PERSON:
        raise Invalid("invalid", "Choose a password.", {"password": ["Choose a password."]})
    if User.objects.filter(email=email).exists():
        raise _email_taken()
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, display_name=name, kind=kind)
    except IntegrityError as error:
        raise _email_taken() from error
    if kind == User.Kind.PERSON:
        EmailAddress.objects.create(user=user, email=email, primary=True, verified=False)
    outbox.emit(topic="accounts.user_created", aggregate=f"user:{user.pk}", payload={"user_id": user.pk, "kind": kind})
    return user


def user_register(*, email: str, password: str, display_name: str) -> int | None:
    """Sign someone up; the address is proved by the link that is mailed to it. The caller tells everyone the same.

    A known address makes no second user and changes nothing: its owner is told by mail. Both ways cost one hash of a
    password and one mail. Returns the new user's id, or None for a known address. Raises `signups_closed`.
    """
    signups_require_open()
    email, name = email_clean(email), display_name_clean(display_name)
    password_check(password, User(email=email, display_name=name))
    known = User.objects.filter(email=email).only("pk").first()
    if known is None:
        try:
            with transaction.atomic(durable=True):
                user = user_create_in_tx(email=email, password=password, display_name=name)
                letter_ask_in_tx(kind="verify", user_id=user.pk)
            return user.pk
        except Conflict:
            # Someone else has just signed up with it.
            known = User.objects.only("pk").get(email=email)
    User().set_password(password)
    with transaction.atomic(durable=True):
        letter_ask_in_tx(kind="known", user_id=known.pk)
    return None


def signups_require_open() -> None:
    """Raise Forbidden while sign-ups are closed."""
    flag = flag_on(SIGNUPS_CLOSED)
    if flag is not None:
        raise Forbidden("signups_closed", flag.message, flag.details())


def user_rename(*, user_id: int, display_name: str) -> User:
    """Change the name others see."""
    name = display_name_clean(display_name)
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        user.display_name = name
        user.save(update_fields=["display_name"])
    return user


def tokens_revoke_in_tx(*, user_id: int) -> None:
    """Make every token of a user invalid at once."""
    User.objects.filter(pk=user_id).update(token_version=F("token_version") + 1)


def email_clean(email: str) -> str:
    """The address as it is stored, lower-case; raises Invalid when it is not one."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise _field("email", "This is not an email address.") from error
    if len(email) > 254:
        raise _field("email", "This email address is too long.")
    return email


def display_name_clean(name: str) -> str:
    """A name fit to be shown; raises Invalid on an empty or overlong one, or one with invisible characters.

    Scripts are not mixed to look like another name: `name_confusable`.
    """
    name = " ".join(unicodedata.normalize("NFC", name).split())
    if not 2 <= len(name) <= MAX_NAME:
        raise _field("display_name", f"Choose a name of 2 to {MAX_NAME} characters.")
    if any(unicodedata.category(char).startswith("C") for char in name):
        raise _field("display_name", "The name has characters that cannot be shown.")
    if confusables.is_dangerous(name, preferred_aliases=["latin"]):
        message = "The name mixes letters of several scripts that look alike. Use one script."
        raise Invalid("name_confusable", message, {"display_name": [message]})
    return name


def password_check(password: str, user: User) -> None:
    """Raise Invalid when a password is too weak for this user: `password_breached` when a list of leaks has it."""
    if len(password) > MAX_PASSWORD:
        raise _field("password", f"Choose a password of at most {MAX_PASSWORD} characters.")
    try:
        validate_password(password, user)
    except ValidationError as error:
        is_breached = any(found.code == "password_breached" for found in error.error_list)
        code = "password_breached" if is_breached else "invalid"
        raise Invalid(code, "Choose a stronger password.", {"password": list(error.messages)}) from error


def _field(name: str, message: str) -> Invalid:
    return Invalid("invalid", message, {name: [message]})


def _email_taken() -> Conflict:
    message = "There is already an account with this email address."
    return Conflict("email_taken", message, {"email": [message]})
