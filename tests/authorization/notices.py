"""Who may use the routes of notifications, of push and of the mailbox."""

from collections.abc import Callable

from accounts.models import User
from accounts.services.notice_choices import unsubscribe_token
from accounts.services.notices import notify_in_tx

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "notifications"): "self",
    ("GET", "notifications/panel"): "self",
    ("GET", "notifications/count"): "self",
    ("POST", "notifications/read"): "self",
    ("GET", "notifications/<int:notice_id>"): "owner",
    ("GET", "notifications/unsubscribe/<str:token>"): "public",
    ("POST", "notifications/unsubscribe/<str:token>"): "public",
    ("GET", "settings/notifications"): "self",
    ("POST", "settings/notifications"): "self",
    ("POST", "settings/notifications/test"): "self",
    ("GET", "sw.js"): "public",
    ("GET", "mailbox"): "local",
    ("GET", "mailbox/<str:name>"): "local",
    ("GET", "mailbox/<str:name>/html"): "local",
    ("GET", "api/v1/me/notifications"): "self",
    ("POST", "api/v1/me/notifications/read"): "self",
    ("GET", "api/v1/me/notifications/preferences"): "self",
    ("PUT", "api/v1/me/notifications/preferences"): "self",
    ("GET", "api/v1/me/push-subscriptions"): "self",
    ("POST", "api/v1/me/push-subscriptions"): "self",
    ("DELETE", "api/v1/me/push-subscriptions"): "self",
}


def _notice(owner: User) -> object:
    number = owner.notifications.count()
    return notify_in_tx(user_id=owner.pk, kind="test", dedupe=f"walk:{number}", url="/notifications")


ARGS: dict[str, Callable[[User], object]] = {
    "<int:notice_id>": _notice,
    "<str:token>": lambda owner: unsubscribe_token(user_id=owner.pk, kind="contest_started"),
    "<str:name>": lambda _: "20240101-000000-000000-0123456789ab",
}
