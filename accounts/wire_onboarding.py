"""What the API takes and gives about onboarding."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.domain.onboarding import Progress
from accounts.domain.standing import Standing
from accounts.models import LegalText, Profile


class WhereIn(serializers.Serializer):
    """Where somebody lives, and since when they do."""

    country = serializers.CharField(max_length=2, help_text="ISO 3166-1 alpha-2")
    region = serializers.CharField(
        max_length=6, required=False, allow_blank=True, default="", help_text="ISO 3166-2, where it matters"
    )
    birth_date = serializers.DateField()


class ExperienceIn(serializers.Serializer):
    """How long somebody has traded, and how much risk suits them."""

    experience = serializers.ChoiceField(choices=Profile.Experience.choices)
    risk_tolerance = serializers.ChoiceField(choices=Profile.RiskTolerance.choices)


class ConsentIn(serializers.Serializer):
    """The texts that are accepted: exactly the versions that were read."""

    texts = serializers.ListField(child=serializers.IntegerField(min_value=1), max_length=20, allow_empty=False)


class StepOut(serializers.Serializer):
    """One step; `title` is what people read."""

    key = serializers.CharField()
    title = serializers.CharField(source="label")
    is_done = serializers.BooleanField()


class TextOut(serializers.Serializer):
    """A text in force."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=LegalText.Kind.choices)
    version = serializers.IntegerField()
    title = serializers.CharField()
    changes = serializers.CharField(allow_blank=True)
    url = serializers.CharField(help_text="The page with its wording")
    published_at = serializers.DateTimeField()
    accepted_at = serializers.DateTimeField(allow_null=True)


class OnboardingOut(serializers.Serializer):
    """How far somebody has come, what is missing, and what stands between them and the first order."""

    is_complete = serializers.BooleanField()
    missing = serializers.ListField(child=serializers.CharField(), help_text="email, where, experience, consent")
    steps = StepOut(many=True)
    texts = TextOut(many=True)
    standing = serializers.CharField(
        allow_blank=True, help_text="Empty when clear; onboarding_incomplete, consent_due, region_blocked"
    )
    message = serializers.CharField(allow_blank=True)


def onboarding_data(progress: Progress, standing: Standing) -> dict[str, Any]:
    """The answer about somebody's onboarding."""
    return dict(
        OnboardingOut(
            {
                "is_complete": progress.is_complete,
                "missing": progress.missing,
                "steps": progress.steps,
                "texts": progress.texts,
                "standing": standing.code,
                "message": standing.message,
            }
        ).data
    )
