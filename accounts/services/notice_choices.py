"""What people want to be told, how and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from typing import Any

from django.core import signing
from django.db import transaction

from accounts.domain.catalogue import CATALOGUE, CHANNELS, EMAIL
from accounts.domain.telling import OFF
from accounts.locks import user_lock
from accounts.models import NotificationPreference, NotificationSettings, User
from core.errors import Invalid

SALT = "accounts.unsubscribe"
EVERYTHING = "*"
MAX_RANK_STEP = 1_000
_UNSET: Any = object()


@dataclass(frozen=True, slots=True)
class Unsubscribing:
    """What a link in a mail is about: a user and one kind, or every kind that can be switched off."""

    user_id: int
    kind: str

    @property
    def label(self) -> str:
        """The kind in words; empty for every kind."""
        return "" if self.kind == EVERYTHING else CATALOGUE[self.kind].label


def wishes_save(
    *,
    user_id: int,
    choices: Mapping[tuple[str, str], bool] | None = None,
    quiet_from: time | None = _UNSET,
    quiet_until: time | None = _UNSET,
    digest: str | None = None,
    rank_step: int | None = None,
) -> None:
    """Keep what somebody wants; what is left out stays. A choice that equals the default is not kept.

    Raises Invalid for a kind or channel that there is not, for one that cannot be switched off, for half quiet hours.
    """
    _choices_check(choices or {})
    if rank_step is not None and not 1 <= rank_step <= MAX_RANK_STEP:
        raise Invalid("rank_step_invalid", f"Choose 1 to {MAX_RANK_STEP} places.", {"field": "rank_step"})
    if digest is not None and digest not in NotificationSettings.Digest.values:
        raise Invalid("digest_invalid", "Choose off, daily or weekly.", {"field": "digest"})
    with transaction.atomic(durable=True):
        user_lock(user_id)
        row = NotificationSettings.objects.filter(user_id=user_id).first() or NotificationSettings(user_id=user_id)
        row.quiet_from = row.quiet_from if quiet_from is _UNSET else quiet_from
        row.quiet_until = row.quiet_until if quiet_until is _UNSET else quiet_until
        if (row.quiet_from is None) != (row.quiet_until is None):
            message = "Give both ends of the quiet hours, or neither."
            missing = "quiet_until" if row.quiet_from else "quiet_from"
            raise Invalid("quiet_hours_half", message, {missing: [message]})
        row.digest = row.digest if digest is None else digest
        row.rank_step = row.rank_step if rank_step is None else rank_step
        row.save()
        choices_store_in_tx(user_id=user_id, choices=choices or {})


def choices_store_in_tx(*, user_id: int, choices: Mapping[tuple[str, str], bool]) -> None:
    """Store choices that were checked, in two statements."""
    if not choices:
        return
    differing = {
        (kind, channel): is_on
        for (kind, channel), is_on in choices.items()
        if is_on != (channel in CATALOGUE[kind].defaults)
    }
    kinds = {kind for kind, _ in choices}
    rows = NotificationPreference.objects.filter(user_id=user_id, kind__in=kinds)
    same = [row.pk for row in rows if (row.kind, row.channel) in choices and (row.kind, row.channel) not in differing]
    if same:
        NotificationPreference.objects.filter(pk__in=same).delete()
    NotificationPreference.objects.bulk_create(
        [
            NotificationPreference(user_id=user_id, kind=kind, channel=channel, is_on=is_on)
            for (kind, channel), is_on in differing.items()
        ],
        update_conflicts=True,
        unique_fields=["user", "kind", "channel"],
        update_fields=["is_on"],
    )


def _choices_check(choices: Mapping[tuple[str, str], bool]) -> None:
    for (kind, channel), is_on in choices.items():
        event = CATALOGUE.get(kind)
        if event is None or not event.is_listed or channel not in CHANNELS:
            details = {"kind": kind[:40], "channel": channel[:20]}
            raise Invalid("choice_unknown", "There is no such kind of notification, or no such channel.", details)
        if event.is_fixed(channel) and not is_on:
            details = {"kind": kind, "channel": channel}
            raise Invalid("choice_fixed", f"“{event.label}” cannot be switched off here: it keeps you safe.", details)


def unsubscribe_token(*, user_id: int, kind: str) -> str:
    """What the link of a mail carries. It works for as long as somebody may keep the mail."""
    return signing.Signer(salt=SALT).sign_object([user_id, kind])


def unsubscribe_read(token: str) -> Unsubscribing | None:
    """What a link is about; None for one that we did not write."""
    try:
        user_id, kind = signing.Signer(salt=SALT).unsign_object(token[:300])
    except (signing.BadSignature, TypeError, ValueError):
        return None
    known = kind == EVERYTHING or (kind in CATALOGUE and not CATALOGUE[kind].is_fixed(EMAIL))
    return Unsubscribing(int(user_id), str(kind)) if known else None


def unsubscribe(what: Unsubscribing) -> None:
    """No mail of this kind any more; of every kind that can be switched off, and no digest. Twice changes nothing."""
    if not User.objects.filter(pk=what.user_id).exists():
        return
    kinds = CATALOGUE if what.kind == EVERYTHING else {what.kind: CATALOGUE[what.kind]}
    choices = {(key, EMAIL): False for key, kind in kinds.items() if kind.is_listed and not kind.is_fixed(EMAIL)}
    with transaction.atomic(durable=True):
        user_lock(what.user_id)
        choices_store_in_tx(user_id=what.user_id, choices=choices)
        if what.kind == EVERYTHING:
            NotificationSettings.objects.filter(user_id=what.user_id).update(digest=OFF)
