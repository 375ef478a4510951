"""Reads of a person's own profile and of how far onboarding has come."""

from __future__ import annotations

from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from allauth.account.models import EmailAddress

from accounts.domain import onboarding
from accounts.domain.onboarding import Progress
from accounts.models import Profile, User
from accounts.selectors.consents import texts_in_force
from accounts.selectors.regions import region_blocked, region_needed
from core.errors import NotFound

UTC_ZONE = ZoneInfo("UTC")


def profile_of(user_id: int) -> Profile:
    """A person's profile. Raises NotFound for agents, which have none."""
    row = Profile.objects.select_related("user").filter(pk=user_id).first()
    if row is None:
        raise NotFound("profile_not_found", "Only people have a profile.")
    return row


def progress_of(user: User) -> Progress:
    """How far a person's onboarding has come."""
    profile = profile_of(user.pk)
    texts = texts_in_force(user.pk)
    is_verified = EmailAddress.objects.filter(user_id=user.pk, email=user.email, verified=True).exists()
    return Progress(
        steps=onboarding.steps_of(
            where=where_is_known(profile),
            experience=bool(profile.experience and profile.risk_tolerance),
            consent=bool(texts) and all(text.accepted_at is not None for text in texts),
        ),
        texts=texts,
        is_verified=is_verified,
        is_blocked=region_blocked(profile.country, profile.region),
        is_onboarded=profile.onboarded_at is not None,
    )


def where_is_known(profile: Profile) -> bool:
    """Whether the person has said all of where they live and how old they are."""
    is_placed = bool(profile.country) and (bool(profile.region) or not region_needed(profile.country))
    return is_placed and profile.birth_date is not None


def zone_of(user: Any) -> ZoneInfo:
    """The time zone in which a person wants to be told times; takes a user or an id. UTC where none is known."""
    user_id = user if isinstance(user, int) else getattr(user, "pk", None)
    name = Profile.objects.filter(pk=user_id).values_list("time_zone", flat=True).first() if user_id else None
    return ZoneInfo(name) if name in zones() else UTC_ZONE


def theme_of(user_id: int) -> str:
    """The theme that a person has chosen; empty for whoever has no profile."""
    return Profile.objects.filter(pk=user_id).values_list("theme", flat=True).first() or ""


@cache
def zones() -> frozenset[str]:
    """The names of all time zones that a person may choose."""
    return frozenset(name for name in available_timezones() if not name.startswith(_NO_PLACES))


# Offsets with their sign turned around, and files that are no zones.
_NO_PLACES = ("Etc/", "SystemV/", "posix/", "right/", "localtime", "posixrules", "Factory")
