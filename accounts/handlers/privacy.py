"""Hands copies, files to delete and what follows a deletion over to tasks; remembers a deletion in the session."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.domain.privacy import DELETION_DUE, day
from accounts.models import User
from accounts.selectors.privacy import deletion_waiting
from accounts.tasks import privacy
from core.outbox import EventView, subscribe


@subscribe("accounts.export_requested", "accounts.export_build")
def _build(event: EventView) -> None:
    privacy.export_build.delay(export_id=int(event.payload["export_id"]))


@subscribe("accounts.files_unwanted", "accounts.files_delete")
def _delete(event: EventView) -> None:
    privacy.files_delete.delay(storage=event.payload["storage"], names=list(event.payload["names"]))


@subscribe("accounts.user_anonymised", "accounts.deletion_aftermath")
def _aftermath(event: EventView) -> None:
    privacy.deletion_aftermath.delay(user_id=int(event.payload["user_id"]))


@receiver(user_logged_in, dispatch_uid="accounts.deletion_due")
def _remember(request: HttpRequest | None, user: Any, **_: Any) -> None:
    """Have every page of this session say that the account is to be deleted: asked once, at sign-in."""
    if request is None or not hasattr(request, "session") or not isinstance(user, User):
        return
    waiting = deletion_waiting(user.pk)
    if waiting is not None:
        request.session[DELETION_DUE] = day(waiting.due_at)
