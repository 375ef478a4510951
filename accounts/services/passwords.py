"""Passwords: forgotten, changed, chosen for the first time."""

import hashlib
from uuid import UUID

from allauth.account.forms import default_token_generator
from allauth.account.utils import url_str_to_user_pk
from django.db import transaction
from django.utils import timezone

from accounts.locks import user_lock
from accounts.models import User
from accounts.services.attempts import attempts_forget
from accounts.services.emails import email_mark_verified_in_tx, link_invalid
from accounts.services.letters import RESET, letter_ask_in_tx
from accounts.services.notices import notify_in_tx
from accounts.services.signins import signins_end_all_in_tx
from accounts.services.users import email_clean, password_check, tokens_revoke_in_tx
from core.errors import Invalid, NotFound
from core.services import audit, outbox
from core.throttling import limit


def password_reset_request(email: str) -> None:
    """Mail a link to choose a new password, when the address has an account. The answer is the same either way."""
    email = email_clean(email)
    limit("codes", f"reset:{hashlib.sha256(email.encode()).hexdigest()[:32]}")
    user = User.objects.filter(email=email, is_active=True, kind=User.Kind.PERSON).only("pk").first()
    if user is not None:
        with transaction.atomic(durable=True):
            letter_ask_in_tx(kind=RESET, user_id=user.pk)


def password_reset_user(key: str) -> User | None:
    """Whose password a link would change, or None when it is dead."""
    uid, _, token = key.partition("-")
    try:
        user = User.objects.filter(pk=url_str_to_user_pk(uid), is_active=True).first()
    except (ValueError, OverflowError):
        return None
    if user is None or len(token) > 200 or not default_token_generator.check_token(user, token):
        return None
    return user


def password_reset_by_key(key: str, new_password: str, *, ip: str | None = None) -> User:
    """Set the password by a mailed link, once, and sign the user out everywhere. Raises `link_invalid` (410).

    Whoever opened the link reads the address, so it counts as proved.
    """
    found = password_reset_user(key)
    if found is None:
        raise link_invalid()
    password_check(new_password, found)
    with transaction.atomic(durable=True):
        user = _locked(found.pk)
        if not default_token_generator.check_token(user, key.partition("-")[2]):
            raise link_invalid()
        _set_in_tx(user, new_password, action="password_reset", what="Your password was reset", ip=ip)
        email_mark_verified_in_tx(user, because="password reset by link")
    attempts_forget(user.email)
    return user


def password_change(
    *, user_id: int, new_password: str, current: str | None = None, keep: UUID | None = None, ip: str | None = None
) -> User:
    """Set a new password and end every other sign-in; `keep` is the id of the one (SignIn) that goes on.

    The current password must be given when there is one; whoever came by Google has none yet.
    """
    with transaction.atomic(durable=True):
        user = _locked(user_id)
        has_one = user.has_usable_password()
        if has_one and not user.check_password(current or ""):
            message = "This is not your current password."
            raise Invalid("password_wrong", message, {"current": [message]})
        password_check(new_password, user)
        if has_one and user.check_password(new_password):
            message = "This is your password already. Choose another."
            raise Invalid("invalid", message, {"password": [message]})
        what = "Your password was changed" if has_one else "A password was set"
        _set_in_tx(user, new_password, action="password_changed", what=what, keep=keep, ip=ip)
    attempts_forget(user.email)
    return user


def _set_in_tx(user: User, password: str, *, action: str, what: str, keep: UUID | None = None, ip: str | None) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    signins_end_all_in_tx(user_id=user.pk, because=action, keep=keep)
    tokens_revoke_in_tx(user_id=user.pk)
    user.refresh_from_db(fields=["token_version"])
    audit.record(actor=user, action=action, subject_type="user", subject_id=user.pk, ip=ip)
    outbox.emit(topic=f"accounts.{action}", aggregate=f"user:{user.pk}", payload={"user_id": user.pk})
    notify_in_tx(
        user_id=user.pk,
        kind="security_changed",
        dedupe=f"{action}:{timezone.now():%Y%m%d%H%M%S%f}",
        params={"what": what},
        url="/settings/security",
    )


def _locked(user_id: int) -> User:
    user = user_lock(user_id)
    if not user.is_active:
        raise NotFound("user_not_found", "There is no such user.")
    return user
