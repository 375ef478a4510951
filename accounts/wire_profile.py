"""What the API takes and gives about profiles."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.domain.profile import CURRENCIES, LOCALES, MAX_BIO
from accounts.models import Profile
from accounts.selectors.people import PublicPerson, avatar_url


class MyProfileIn(serializers.Serializer):
    """What is to change; what is left out stays."""

    display_name = serializers.CharField(min_length=2, max_length=40, required=False)
    handle = serializers.CharField(max_length=64, required=False)
    bio = serializers.CharField(max_length=MAX_BIO, required=False, allow_blank=True)
    time_zone = serializers.CharField(max_length=64, required=False)
    currency = serializers.ChoiceField(choices=CURRENCIES, required=False)
    locale = serializers.ChoiceField(choices=LOCALES, required=False)
    theme = serializers.ChoiceField(choices=Profile.Theme.choices, required=False)
    is_public = serializers.BooleanField(required=False)


class MyProfileOut(serializers.Serializer):
    """One's own profile."""

    display_name = serializers.CharField()
    handle = serializers.CharField(allow_null=True)
    bio = serializers.CharField(allow_blank=True)
    avatar_url = serializers.CharField(allow_blank=True)
    time_zone = serializers.CharField()
    currency = serializers.CharField()
    locale = serializers.CharField()
    theme = serializers.CharField()
    is_public = serializers.BooleanField()


class AvatarIn(serializers.Serializer):
    """A picture, as multipart form data."""

    avatar = serializers.FileField()


class ProfileRowOut(serializers.Serializer):
    """A line of a public page."""

    title = serializers.CharField()
    url = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    place = serializers.CharField(allow_blank=True)
    figure = serializers.CharField(allow_blank=True, help_text="A return in percent, or empty")


class ProfileSectionOut(serializers.Serializer):
    """A part of a public page."""

    title = serializers.CharField()
    rows = ProfileRowOut(many=True)


class PersonOut(serializers.Serializer):
    """What everyone may see of a person."""

    handle = serializers.CharField()
    display_name = serializers.CharField()
    bio = serializers.CharField(allow_blank=True)
    avatar_url = serializers.CharField(allow_blank=True)
    since = serializers.DateTimeField()
    sections = ProfileSectionOut(many=True)


def profile_data(profile: Profile) -> dict[str, Any]:
    """One's own profile."""
    shown = ("bio", "time_zone", "currency", "locale", "theme", "is_public")
    values = {name: getattr(profile, name) for name in shown}
    user = profile.user
    values |= {"display_name": user.display_name, "handle": user.handle, "avatar_url": avatar_url(profile)}
    return dict(MyProfileOut(values).data)


def person_data(person: PublicPerson) -> dict[str, Any]:
    """A public page."""
    return dict(PersonOut(person).data)
