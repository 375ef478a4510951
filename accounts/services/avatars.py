"""Avatars: what was sent is decoded, cut to a square and written anew; the file that came is never stored."""

from __future__ import annotations

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import transaction

from accounts.adapters.images import ImageBombError, NotAnImageError, square_webp
from accounts.locks import user_lock
from accounts.models import Profile
from accounts.selectors.profile import profile_of
from core.errors import Invalid
from core.services import audit

MAX_BYTES = 4 * 1024 * 1024


def avatar_set(*, user_id: int, data: bytes, ip: str | None = None) -> Profile:
    """Give a person a new avatar. Raises Invalid: `avatar_too_large`, `avatar_not_image`, `avatar_bomb`."""
    size_check(len(data))
    try:
        picture = square_webp(data)
    except ImageBombError as error:
        raise _refused("avatar_bomb", "This picture has too many pixels. Use one of at most 24 megapixels.") from error
    except NotAnImageError as error:
        words = "This file is not a picture that can be read. Use a JPEG, PNG, WebP or GIF."
        raise _refused("avatar_not_image", words) from error
    return _replace(user_id, picture, ip)


def avatar_remove(*, user_id: int, ip: str | None = None) -> Profile:
    """Take a person's avatar away; the initials stand again."""
    return _replace(user_id, None, ip)


def size_check(size: int) -> None:
    """Raise Invalid for a file that is too large, or none at all."""
    if size > MAX_BYTES:
        raise _refused("avatar_too_large", "This file is larger than 4 MB. Use a smaller picture.")
    if not size:
        raise _refused("avatar_not_image", "Choose a picture first.")


def _replace(user_id: int, picture: bytes | None, ip: str | None) -> Profile:
    with transaction.atomic(durable=True):
        user = user_lock(user_id)
        profile = profile_of(user_id)
        storage, before = profile.avatar.storage, profile.avatar.name or ""
        if picture is None:
            profile.avatar.name = ""
        else:
            profile.avatar.save("avatar.webp", ContentFile(picture), save=False)
        written = profile.avatar.name or ""
        try:
            with transaction.atomic():
                profile.save(update_fields=["avatar", "updated_at"])
                action = "avatar_changed" if written else "avatar_removed"
                audit.record(actor=user, action=action, subject_type="user", subject_id=user.pk, ip=ip)
        except BaseException:
            _delete(storage, written)
            raise
        # After the commit: until then others may still read the old row.
        transaction.on_commit(lambda: _delete(storage, before))
    return profile


def _delete(storage: Storage, name: str) -> None:
    if name:
        storage.delete(name)


def _refused(code: str, words: str) -> Invalid:
    return Invalid(code, words, {"avatar": [words]})
