"""Who may use the routes of tokens and API keys."""

from collections.abc import Callable
from typing import Any

from accounts.services.keys import key_create

_ENTRANCE = (
    "register",
    "token",
    "token/second-factor",
    "token/refresh",
    "refresh",
    "logout",
    "verify-email",
    "verify-email/resend",
    "password/reset",
    "password/reset/confirm",
    "code",
    "code/confirm",
    "passkey/begin",
    "passkey/complete",
)
ROUTES: dict[tuple[str, str], str] = {
    **{("POST", f"api/v1/auth/{name}"): "entrance" for name in _ENTRANCE},
    **{("POST", f"api/v1/account/{name}"): "entrance" for name in ("register", "login", "refresh_token")},
    ("GET", "api/v1/auth/me"): "self",
    ("PATCH", "api/v1/auth/me"): "self",
    ("GET", "api/v1/account/profile"): "self",
    ("PATCH", "api/v1/account/profile"): "self",
    ("POST", "api/v1/auth/password"): "self",
    ("GET", "api/v1/me/keys"): "self",
    ("POST", "api/v1/me/keys"): "self",
    ("PATCH", "api/v1/me/keys/<int:key_id>"): "owner",
    ("DELETE", "api/v1/me/keys/<int:key_id>"): "owner",
    ("GET", "settings/keys"): "self",
    ("GET", "settings/keys/new"): "self",
    ("POST", "settings/keys/new"): "self",
    ("GET", "settings/keys/<int:key_id>"): "owner",
    ("POST", "settings/keys/<int:key_id>"): "owner",
    ("POST", "settings/keys/<int:key_id>/revoke"): "owner",
}


def _key(user: Any) -> object:
    return key_create(actor=user, name=f"Bot {user.api_keys.count() + 1}", scope="read").row.pk


ARGS: dict[str, Callable[[Any], object]] = {"<int:key_id>": _key}
