"""Checks an email and a password."""

from allauth.account.models import EmailAddress

from accounts.domain.suspension import suspension_message
from accounts.models import User
from accounts.services.attempts import attempt_failed, attempts_forget, attempts_require
from accounts.services.emails import verification_send
from core.errors import DomainError, Forbidden


def credentials_match(*, email: str, password: str) -> User | None:
    """The user whose email and password these are, whatever its status. An unknown email takes as long."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        User().set_password(password)
        return None
    if not user.has_usable_password():
        # Django answers at once here; an account without a password must not be told from one that is not there.
        User().set_password(password)
        return None
    return user if user.check_password(password) else None


def credentials_verify(*, email: str, password: str) -> User:
    """The user who may sign in with these.

    Raises `invalid_credentials`; `rate_limited` after many wrong passwords; and, only when they are right,
    `account_suspended` or `email_unverified`, in which case the link goes out again.
    """
    attempts_require(email)
    user = credentials_match(email=email, password=password)
    if user is None or not user.is_active:
        attempt_failed(email)
        raise DomainError("invalid_credentials", "The email or the password is not right.", status=401)
    attempts_forget(email)
    refuse_suspended(user)
    if not EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
        _send_link_again(user)
        raise Forbidden("email_unverified", "Open the link that we have sent to your email address, then sign in.")
    return user


def refuse_suspended(user: User) -> None:
    """Raise Forbidden for a suspended user."""
    if user.status == User.Status.SUSPENDED:
        until = user.suspended_until
        details = {"reason": user.suspended_reason} | ({"until": until.isoformat()} if until is not None else {})
        raise Forbidden("account_suspended", suspension_message(user.suspended_reason, until), details)


def _send_link_again(user: User) -> None:
    try:
        verification_send(user)
    except DomainError:
        # The links sent before still work.
        return
