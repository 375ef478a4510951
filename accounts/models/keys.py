"""Keys of bots and agents."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class ApiKey(models.Model):
    """A key that acts for its user within a scope. Only a hash is kept; the key itself is shown once."""

    class Scope(models.TextChoices):
        """What the key may do; none may administer."""

        READ = "read", "Read"
        TRADE = "trade", "Read and trade"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=60)
    prefix = models.CharField(max_length=12, unique=True, help_text="The start of the key, to tell keys apart")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the key")
    scope = models.CharField(max_length=8, choices=Scope.choices, default=Scope.READ)
    allowed_ips = models.JSONField(default=list, blank=True, help_text="Networks (CIDR); empty: from anywhere")
    rate_per_minute = models.PositiveIntegerField(default=300)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["user", "-id"], name="api_key_user")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
