"""Sign-in by email and password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User


class EmailBackend(ModelBackend):
    """Checks an email, ignoring case, and a password. Costs the same for an unknown email as for a wrong password."""

    def authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, or None: for wrong credentials, and for a user who may not sign in."""
        user = check_credentials(username or kwargs.get("email"), password)
        return user if user is not None and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: Any) -> bool:
        """Whether the user is active and not suspended."""
        return bool(user is not None and user.is_active and user.status == User.Status.ACTIVE)

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, suspended or not: SuspendedUserMiddleware signs a suspended one out with a message."""
        user = User.objects.filter(pk=user_id).first()
        return user if user is not None and user.is_active else None


def check_credentials(email: str | None, password: str | None) -> User | None:
    """The user whose email and password these are, whatever its status."""
    if email is None or password is None:
        return None
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is None:
        User().set_password(password)  # the same work as checking a password, so that time tells nothing
        return None
    return user if user.check_password(password) else None
