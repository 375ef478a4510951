"""What everyone may see of a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from accounts import sections
from accounts.domain.handles import PATTERN
from accounts.models import Profile, User
from accounts.sections import ProfileSection
from core.errors import NotFound

_NAME = re.compile(r"avatars/([0-9a-f]{32})\.webp")


@dataclass(frozen=True, slots=True)
class PublicPerson:
    """A public page. `is_hidden`: only the person sees it."""

    user_id: int
    handle: str
    display_name: str
    bio: str
    avatar_url: str
    since: datetime
    is_hidden: bool
    sections: tuple[ProfileSection, ...]


def avatar_url(profile: Profile | None) -> str:
    """Where a profile's picture is served; empty without one."""
    match = _NAME.fullmatch(profile.avatar.name or "") if profile is not None else None
    return f"/avatars/{match.group(1)}.webp" if match else ""


def person_public(handle: str, viewer_id: int | None = None) -> PublicPerson:
    """The public page of a handle. Raises NotFound for whoever does not show one, except to that person."""
    wanted = handle.lower()
    people = User.objects.select_related("profile").filter(kind=User.Kind.PERSON)
    user = people.filter(handle=wanted).first() if PATTERN.fullmatch(wanted) else None
    if user is None or not _is_there(user) or not (user.profile.is_public or user.pk == viewer_id):
        raise NotFound("person_not_found", "There is nobody of that name here.")
    return PublicPerson(
        user_id=user.pk,
        handle=user.handle or "",
        display_name=user.display_name,
        bio=user.profile.bio,
        avatar_url=avatar_url(user.profile),
        since=user.date_joined,
        is_hidden=not user.profile.is_public,
        sections=tuple(sections.profile_sections(user.pk)),
    )


def _is_there(user: User) -> bool:
    return user.is_active and user.status == User.Status.ACTIVE and user.anonymised_at is None
