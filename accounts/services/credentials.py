"""Checks an email and a password."""

from accounts.models import User
from core.errors import DomainError, Forbidden


def credentials_match(*, email: str, password: str) -> User | None:
    """The user whose email and password these are, whatever its status. An unknown email takes as long."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        User().set_password(password)
        return None
    return user if user.check_password(password) else None


def credentials_verify(*, email: str, password: str) -> User:
    """The user who may sign in with these; raises `invalid_credentials`, or `account_suspended` when they are right."""
    user = credentials_match(email=email, password=password)
    if user is None or not user.is_active:
        raise DomainError("invalid_credentials", "The email or the password is not right.", status=401)
    refuse_suspended(user)
    return user


def refuse_suspended(user: User) -> None:
    """Raise Forbidden for a suspended user."""
    if user.status == User.Status.SUSPENDED:
        raise Forbidden("account_suspended", "Your account is suspended.")
