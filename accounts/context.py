"""Template context about the person who looks at a page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.selectors.notices import unread_count
from accounts.selectors.standing import standing_of

SETTINGS_PAGES = (
    ("/settings/profile", "Profile"),
    ("/settings/security", "Security"),
    ("/settings/sessions", "Sessions"),
    ("/settings/keys", "API keys"),
    ("/settings/notifications", "Notifications"),
    ("/settings/identity", "Identity"),
    ("/settings/privacy", "Privacy and data"),
)


def person(request: HttpRequest) -> dict[str, Any]:
    """`standing` (what is missing before the first order) and `unread` (of the bell), asked only where they show."""
    user = getattr(request, "user", None)
    if not isinstance(user, User) or not user.is_authenticated:
        return {}
    return {
        "settings_pages": SETTINGS_PAGES,
        "theme": _theme(request),
        "standing": SimpleLazyObject(lambda: standing_of(user)),
        "unread": SimpleLazyObject(lambda: unread_count(user.pk)),
    }


def _theme(request: HttpRequest) -> str:
    """The account's theme, as signing in has put it into the session."""
    session = getattr(request, "session", None)
    return str(session.get("theme", "")) if session is not None else ""
