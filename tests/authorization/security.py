"""Who may use the routes of second factors, passkeys and sessions."""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from accounts.domain.client import Client
from accounts.models import User
from accounts.services.signins import signin_open
from accounts.tests.passkeys import Passkey

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "settings/security"): "self",
    ("GET", "settings/security/authenticator"): "self",
    ("POST", "settings/security/authenticator"): "self",
    ("GET", "settings/security/authenticator/remove"): "self",
    ("POST", "settings/security/authenticator/remove"): "self",
    ("GET", "settings/security/recovery-codes"): "self",
    ("GET", "settings/security/recovery-codes/new"): "self",
    ("POST", "settings/security/recovery-codes/new"): "self",
    ("GET", "settings/security/recovery-codes/download"): "self",
    ("GET", "settings/security/passkeys"): "self",
    ("GET", "settings/security/passkeys/add"): "self",
    ("POST", "settings/security/passkeys/add"): "self",
    ("GET", "settings/security/passkeys/<int:pk>/edit"): "owner",
    ("POST", "settings/security/passkeys/<int:pk>/edit"): "owner",
    ("GET", "settings/security/passkeys/<int:pk>/remove"): "owner",
    ("POST", "settings/security/passkeys/<int:pk>/remove"): "owner",
    ("GET", "sign-in/second-factor"): "entrance",
    ("POST", "sign-in/second-factor"): "entrance",
    ("GET", "sign-in/passkey"): "entrance",
    ("POST", "sign-in/passkey"): "entrance",
    ("GET", "reauthenticate/second-factor"): "self",
    ("POST", "reauthenticate/second-factor"): "self",
    ("GET", "reauthenticate/passkey"): "self",
    ("POST", "reauthenticate/passkey"): "self",
    ("GET", "settings/sessions"): "self",
    ("POST", "settings/sessions/<uuid:signin_id>/end"): "owner",
    ("POST", "settings/sessions/end-others"): "self",
    ("POST", "settings/sessions/end-all"): "self",
    ("GET", "api/v1/me/sessions"): "self",
    ("POST", "api/v1/me/sessions/end-all"): "self",
    ("DELETE", "api/v1/me/sessions/<uuid:signin_id>"): "owner",
}


def _passkey(owner: User) -> int:
    return int(Passkey(owner).store().pk)


def _sign_in(owner: User) -> object:
    until = timezone.now() + timedelta(days=14)
    return signin_open(user_id=owner.pk, kind="token", method="password", client=Client(), expires_at=until).pk


ARGS: dict[str, Callable[[User], object]] = {"<int:pk>": _passkey, "<uuid:signin_id>": _sign_in}
