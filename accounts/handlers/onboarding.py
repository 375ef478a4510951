"""What follows from texts that are published and from signing in."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.models import User
from accounts.selectors.profile import theme_of
from accounts.services.consents import consent_due_tell_in_tx
from core.outbox import EventView, subscribe


@subscribe("accounts.texts_published", "accounts.consent_due")
def _published(event: EventView) -> None:
    consent_due_tell_in_tx(edition=int(event.payload["edition"]), changes=str(event.payload["changes"]))


@subscribe("accounts.consent_due", "accounts.consent_due_batch")
def _batch(event: EventView) -> None:
    consent_due_tell_in_tx(
        edition=int(event.payload["edition"]),
        changes=str(event.payload["changes"]),
        after_id=int(event.payload["after_id"]),
    )


@receiver(user_logged_in, dispatch_uid="accounts.theme")
def _theme(sender: Any, request: HttpRequest | None, user: User, **_: Any) -> None:  # noqa: ARG001
    """The theme of the account goes into the session, so that no page asks for it."""
    if request is not None and hasattr(request, "session"):
        request.session["theme"] = theme_of(user.pk)
