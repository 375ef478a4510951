"""Sign-in by email and password."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User
from accounts.services.credentials import credentials_match


class EmailBackend(ModelBackend):
    """Checks an email, ignoring case, and a password; refuses suspended and inactive users."""

    def authenticate(
        self,
        request: HttpRequest | None,  # noqa: ARG002
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, or None: for wrong credentials, and for a user who may not sign in."""
        email = username or kwargs.get("email")
        if email is None or password is None:
            return None
        user = credentials_match(email=email, password=password)
        return user if user is not None and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: Any) -> bool:
        """Whether the user is active and not suspended."""
        return bool(user is not None and user.is_active and user.status == User.Status.ACTIVE)

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, suspended or not: SuspendedUserMiddleware signs a suspended one out with a message."""
        user = User.objects.filter(pk=user_id).first()
        return user if user is not None and user.is_active else None
