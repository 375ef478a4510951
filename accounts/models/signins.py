"""Where a user is signed in: browsers and families of tokens."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class SignIn(models.Model):
    """One browser session or one family of tokens, from its first sign-in to its end."""

    class Kind(models.TextChoices):
        """A browser's session, or tokens of the API."""

        WEB = "web", "Browser"
        TOKEN = "token", "API tokens"

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sign_ins")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    method = models.CharField(
        max_length=24, help_text="password, google, sms, code, passkey; +mfa with a second factor"
    )
    session_key = models.CharField(max_length=40, blank=True, help_text="Of a browser's session, while it lives")
    device = models.CharField(max_length=64, blank=True, help_text="A keyed hash of the device's cookie")
    ip = models.GenericIPAddressField(null=True, blank=True)
    country = models.CharField(max_length=2, blank=True)
    city = models.CharField(max_length=80, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=24, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["user", "-last_seen_at"], name="sign_in_user"),
            models.Index(fields=["session_key"], condition=~models.Q(session_key=""), name="sign_in_session"),
            models.Index(fields=["expires_at"], name="sign_in_expires"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} sign-in of user {self.user_id}"
