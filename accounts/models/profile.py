"""What people say about themselves, and how they want things shown."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


def avatar_path(profile: "Profile", filename: str) -> str:  # noqa: ARG001  what the sender calls a file says nothing
    """A name nobody can guess, new with every picture, so that it may be cached for ever."""
    return f"avatars/{uuid4().hex}.webp"


class Profile(models.Model):
    """One person's answers of onboarding and settings. Made with the user; onboarding fills it step by step."""

    class Experience(models.TextChoices):
        """How long the person has traded."""

        NONE = "none", "I have never traded"
        SOME = "some", "Less than two years"
        EXPERIENCED = "experienced", "Two years or more"
        PROFESSIONAL = "professional", "I trade for a living"

    class RiskTolerance(models.TextChoices):
        """Which preset of limits fits the person (trading.models.risk knows the same names)."""

        CONSERVATIVE = "conservative", "Conservative"
        MODERATE = "moderate", "Moderate"
        AGGRESSIVE = "aggressive", "Aggressive"

    class Theme(models.TextChoices):
        """Light, dark, or as the device says."""

        SYSTEM = "system", "As my device"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="profile", primary_key=True
    )
    bio = models.CharField(max_length=200, blank=True)
    avatar = models.FileField(upload_to=avatar_path, blank=True, help_text="WebP, made by us from what was sent")
    time_zone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="USD")
    locale = models.CharField(max_length=10, default="en")
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    is_public = models.BooleanField(default=True, help_text="Whether strangers may see the profile page")
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2")
    region = models.CharField(max_length=6, blank=True, help_text="ISO 3166-2, e.g. US-NY")
    birth_date = models.DateField(null=True, blank=True)
    experience = models.CharField(max_length=16, choices=Experience.choices, blank=True)
    risk_tolerance = models.CharField(max_length=16, choices=RiskTolerance.choices, blank=True)
    phone = models.CharField(max_length=16, blank=True, help_text="E.164")
    phone_verified_at = models.DateTimeField(null=True, blank=True)
    onboarded_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["phone"], condition=models.Q(phone_verified_at__isnull=False), name="profile_phone_once"
            )
        ]

    def __str__(self) -> str:
        return f"profile of user {self.pk}"
