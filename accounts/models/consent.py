"""The texts that people agree to, and who agreed to what."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class LegalText(models.Model):
    """One version of one text. Published once, never changed: a new wording is a new version."""

    class Kind(models.TextChoices):
        """What the text is about."""

        TERMS = "terms", "Terms of use"
        RISK = "risk", "Risk disclosure"
        PRIVACY = "privacy", "Privacy notice"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    version = models.PositiveSmallIntegerField(help_text="Counted within its kind")
    edition = models.PositiveIntegerField(unique=True, help_text="Counted over all kinds; asks everyone again")
    title = models.CharField(max_length=120)
    body = models.TextField(help_text="Markdown")
    changes = models.CharField(max_length=300, blank=True, help_text="What is new in it, in a sentence")
    published_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["kind", "version"], name="legal_text_version")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class Consent(models.Model):
    """A person agreed to a version of a text: when, from where."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consents")
    text = models.ForeignKey(LegalText, on_delete=models.PROTECT, related_name="consents")
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    accepted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["user", "text"], name="consent_once")
        ]

    def __str__(self) -> str:
        return f"user {self.user_id}: {self.text_id}"
