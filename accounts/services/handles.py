"""Handles: claimed by one person at a time, changed rarely, and out of reach for others for a while once given up."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.domain.handles import CHANGE_AFTER, FREE_AFTER, handle_clean, handle_taken, skeleton
from accounts.locks import user_lock
from accounts.models import HandleClaim, User
from core.errors import Conflict
from core.services import audit


def handle_set(*, user_id: int, handle: str, ip: str | None = None) -> User:
    """Give a person a handle, or another one.

    Raises Invalid (`handle_invalid`, `handle_reserved`, `handle_confusable`) and Conflict (`handle_taken`,
    `handle_confusable`, `handle_too_soon`). The handle that one has already changes nothing.
    """
    with transaction.atomic(durable=True):
        return handle_set_in_tx(user=user_lock(user_id), handle=handle, ip=ip)


def handle_set_in_tx(*, user: User, handle: str, ip: str | None = None) -> User:
    """`handle_set` for a locked user."""
    wanted, before = handle_clean(handle), user.handle
    if wanted == before:
        return user
    _not_too_soon(user)
    HandleClaim.objects.filter(user=user, released_at__isnull=True).update(released_at=timezone.now())
    _claim(user, wanted)
    user.handle = wanted
    user.save(update_fields=["handle"])
    audit.record(
        actor=user, action="handle_changed", subject_type="user", subject_id=user.pk, before={"handle": before},
        after={"handle": wanted}, ip=ip,
    )  # fmt: skip
    return user


def handle_forget_in_tx(*, user: User) -> None:
    """Take a locked user's handle, and the ones before it, out of every table: part of being forgotten."""
    HandleClaim.objects.filter(user=user).delete()
    user.handle = None
    user.save(update_fields=["handle"])


def _not_too_soon(user: User) -> None:
    """The first handle is free; from then on one a month."""
    latest = HandleClaim.objects.filter(user=user, released_at__isnull=True).first()
    if latest is None or user.handle is None:
        return
    free_at = latest.claimed_at + CHANGE_AFTER
    if free_at > timezone.now():
        words = f"You can change your handle again on {free_at:%d %B %Y}."
        raise Conflict("handle_too_soon", words, {"handle": [words], "available_at": free_at.isoformat()})


def _claim(user: User, wanted: str) -> None:
    looks = skeleton(wanted)
    held = HandleClaim.objects.select_for_update().filter(pk=looks).first()
    if held is not None and held.user_id != user.pk and not _is_free(held):
        raise handle_taken(wanted, held.handle)
    try:
        with transaction.atomic():
            if held is None:
                HandleClaim.objects.create(pk=looks, handle=wanted, user=user)
            else:
                HandleClaim.objects.filter(pk=looks).update(
                    handle=wanted, user=user, claimed_at=timezone.now(), released_at=None
                )
    except IntegrityError as error:
        # Somebody else has claimed it since we looked.
        raise handle_taken(wanted, HandleClaim.objects.values_list("handle", flat=True).get(pk=looks)) from error


def _is_free(claim: HandleClaim) -> bool:
    """Whether the handle was given up long enough ago."""
    return claim.released_at is not None and claim.released_at + FREE_AFTER <= timezone.now()
