"""Password rules beyond Django's."""

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError


class BreachedPasswordValidator(CommonPasswordValidator):
    """Refuses passwords of the list that comes with Django: the 20,000 most frequent in published breaches."""

    def validate(self, password: str, user: object | None = None) -> None:  # noqa: ARG002
        """Raise ValidationError with code `password_breached`."""
        if password.lower().strip() in self.passwords:
            raise ValidationError(
                "This password is in lists of leaked passwords. Choose another.", code="password_breached"
            )
