"""What people change about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.domain.profile import CURRENCIES, LOCALES, bio_clean, choice_check
from accounts.locks import user_lock
from accounts.models import Profile
from accounts.selectors.profile import profile_of, zones
from accounts.services.handles import handle_set_in_tx
from accounts.services.users import display_name_clean
from core.errors import Invalid
from core.services import audit, outbox

FIELDS = ("bio", "time_zone", "currency", "locale", "theme", "is_public")


def profile_update(*, user_id: int, changes: Mapping[str, Any], ip: str | None = None) -> Profile:
    """Change some of a profile: `display_name`, `handle` and FIELDS. All of it holds, or nothing.

    Raises Invalid with the field's own code (`bio_invalid`, `time_zone_unknown`, ...) and what handles raise.
    """
    wanted = _clean(changes)
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        profile = profile_of(user_id)
        was_public = profile.is_public
        if wanted.get("handle"):
            user = handle_set_in_tx(user=user, handle=wanted["handle"], ip=ip)
        if "display_name" in wanted and wanted["display_name"] != user.display_name:
            user.display_name = wanted["display_name"]
            user.save(update_fields=["display_name"])
        for field in FIELDS:
            if field in wanted:
                setattr(profile, field, wanted[field])
        profile.save(update_fields=[*FIELDS, "updated_at"])
        if profile.is_public != was_public:
            audit.record(
                actor=user, action="profile_visibility", subject_type="user", subject_id=user.pk,
                before={"is_public": was_public}, after={"is_public": profile.is_public}, ip=ip,
            )  # fmt: skip
        outbox.emit(
            topic="accounts.profile_edited",
            aggregate=f"user:{user.pk}",
            payload={"user_id": user.pk, "fields": sorted(wanted)},
        )
        profile.user = user
    return profile


def theme_set(*, user_id: int, theme: str) -> None:
    """Keep the theme that a person has switched to."""
    profile_update(user_id=user_id, changes={"theme": theme})


def _clean(changes: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(changes) - {"display_name", "handle", *FIELDS})
    if unknown:
        raise Invalid("invalid", "There is no such field.", {unknown[0][:40]: ["There is no such field."]})
    wanted = dict(changes)
    if "display_name" in wanted:
        wanted["display_name"] = display_name_clean(wanted["display_name"])
    if "bio" in wanted:
        wanted["bio"] = bio_clean(wanted["bio"])
    for field, known, words in (
        ("time_zone", zones(), "Choose a time zone from the list."),
        ("currency", dict(CURRENCIES), "Choose a currency from the list."),
        ("locale", dict(LOCALES), "Choose a format from the list."),
        ("theme", Profile.Theme.values, "Choose a theme from the list."),
    ):
        if field in wanted:
            choice_check(field, wanted[field], known, words)
    return wanted
