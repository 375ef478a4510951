"""What a notification says outside the bell: as a mail, in a digest, as a push."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import F
from django.urls import reverse

from accounts.domain.catalogue import CATALOGUE, EMAIL, GROUPS, shorten
from accounts.models import Notification
from accounts.services.notice_choices import EVERYTHING, unsubscribe_token

DIGEST_ROWS = 50
_ACTIONS = {
    "/accounts": "Open the account",
    "/contests": "Open the contest",
    "/orders": "Open the order",
    "/settings/security": "Look at your security settings",
    "/settings/sessions": "Look at your sessions",
    "/settings/privacy": "Open privacy and data",
    "/settings/identity": "Open your identity check",
    "/onboarding": "Read and accept",
}


def absolute(path: str) -> str:
    """A path as an address; empty for none."""
    return f"{settings.SITE_URL}{path}" if path else ""


def address_of(user_id: int) -> str:
    """Where a user's mail goes; empty until they have proved that the address is theirs."""
    rows = EmailAddress.objects.filter(user_id=user_id, verified=True, email=F("user__email"))
    return rows.values_list("email", flat=True).first() or ""


def unsubscribe_url(user_id: int, kind: str) -> str:
    """The link that ends a kind of mail without signing in."""
    return absolute(reverse("unsubscribe", args=[unsubscribe_token(user_id=user_id, kind=kind)]))


def _settings_url() -> str:
    return absolute(reverse("settings-notifications"))


def one_context(notice: Notification) -> dict[str, Any]:
    """What the templates `mail/notices/one` take."""
    kind = CATALOGUE[notice.kind]
    can_end = kind.is_listed and not kind.is_fixed(EMAIL)
    action = next((words for path, words in _ACTIONS.items() if notice.url.startswith(path)), "Open")
    return {
        "title": notice.title,
        "body": notice.body,
        "url": absolute(notice.url),
        "action": action,
        "label": kind.label,
        "is_mandatory": kind.is_mandatory,
        "unsubscribe_url": unsubscribe_url(notice.user_id, kind.key) if can_end else "",
        "settings_url": _settings_url(),
    }


def headers_of(notice: Notification | None = None, *, user_id: int = 0) -> dict[str, str]:
    """What a mail program needs to offer an end of this kind of mail, with one click; of a digest without a notice."""
    headers = {"Auto-Submitted": "auto-generated"}
    kind = CATALOGUE[notice.kind] if notice is not None else None
    if kind is not None and (kind.is_fixed(EMAIL) or not kind.is_listed):
        return headers
    url = unsubscribe_url(notice.user_id if notice else user_id, kind.key if kind else EVERYTHING)
    return {**headers, "List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def digest_context(user_id: int, notices: Sequence[Notification], *, weekly: bool) -> dict[str, Any]:
    """What the templates `mail/notices/digest` take: the newest fifty by group, and how many are left."""
    shown = sorted(notices, key=lambda notice: notice.pk, reverse=True)[:DIGEST_ROWS]
    groups = []
    for group in GROUPS:
        rows = [notice for notice in shown if CATALOGUE[notice.kind].group == group]
        items = [{"title": row.title, "body": row.body, "url": absolute(row.url)} for row in rows]
        if items:
            groups.append((group, items))
    return {
        "first": shorten(shown[0].title, 100),
        "total": len(notices),
        "others": len(notices) - 1,
        "groups": groups,
        "left": len(notices) - len(shown),
        "list_url": absolute(reverse("notifications")),
        "weekly": weekly,
        "unsubscribe_url": unsubscribe_url(user_id, EVERYTHING),
        "settings_url": _settings_url(),
    }


def push_data(notice: Notification) -> dict[str, str]:
    """What the service worker shows. Of the same tag a browser shows one, so a push that comes twice is seen once."""
    return {
        "title": notice.title,
        "body": shorten(notice.body, 200),
        "url": notice.url or reverse("notifications"),
        "tag": f"notice-{notice.pk}",
    }
