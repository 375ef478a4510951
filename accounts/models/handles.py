"""Which handle is whose, and which were given up not long ago."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class HandleClaim(models.Model):
    """A handle that somebody has or had. `skeleton` is what it looks like, so no two that look alike are ever held."""

    skeleton = models.CharField(max_length=40, primary_key=True)
    handle = models.CharField(max_length=20)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handle_claims")
    claimed_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True, blank=True, help_text="Given up; free for others after a while")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(released_at__isnull=True), name="handle_claim_one_each"
            )
        ]

    def __str__(self) -> str:
        return f"@{self.handle}"
