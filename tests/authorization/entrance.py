"""Who may use the routes of the entrance."""

from collections.abc import Callable

from allauth.account.models import EmailAddress

from accounts.models import User
from accounts.services.letters import reset_url, verify_url

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "sign-in"): "entrance",
    ("POST", "sign-in"): "entrance",
    ("GET", "sign-up"): "entrance",
    ("POST", "sign-up"): "entrance",
    ("POST", "sign-out"): "public",
    ("GET", "verify"): "public",
    ("POST", "verify"): "public",
    ("GET", "verify/<str:key>"): "public",
    ("POST", "verify/<str:key>"): "public",
    ("GET", "password/reset"): "public",
    ("POST", "password/reset"): "public",
    ("GET", "password/reset/sent"): "public",
    ("GET", "password/reset/done"): "public",
    ("GET", r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$"): "public",
    ("POST", r"^password/reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)$"): "public",
    ("GET", "sign-in/code"): "entrance",
    ("POST", "sign-in/code"): "entrance",
    ("GET", "sign-in/code/confirm"): "entrance",
    ("POST", "sign-in/code/confirm"): "entrance",
    # Google's pages are not there (404) until it is set up.
    ("GET", "google"): "public",
    ("POST", "google"): "public",
    ("GET", "google/callback"): "public",
    ("GET", "google/cancelled"): "public",
    ("GET", "google/error"): "public",
    ("GET", "sign-up/google"): "public",
    ("POST", "sign-up/google"): "public",
    ("GET", "reauthenticate"): "self",
    ("POST", "reauthenticate"): "self",
    ("GET", "reauthenticate/code"): "self",
    ("POST", "reauthenticate/code"): "self",
    ("GET", "reauthenticate/code/confirm"): "self",
    ("POST", "reauthenticate/code/confirm"): "self",
    ("GET", "settings/security/password"): "self",
    ("POST", "settings/security/password"): "self",
    ("GET", "settings/security/email"): "self",
    ("POST", "settings/security/email"): "self",
    ("POST", "settings/security/email/cancel"): "self",
    ("GET", "settings/security/phone"): "self",
    ("POST", "settings/security/phone"): "self",
    ("GET", "settings/security/phone/code"): "self",
    ("POST", "settings/security/phone/code"): "self",
    ("POST", "settings/security/phone/remove"): "self",
    ("GET", "settings/security/google"): "self",
    ("POST", "settings/security/google"): "self",
}


def _verify_key(owner: User) -> str:
    address, _ = EmailAddress.objects.get_or_create(user=owner, email=f"next-{owner.email}", verified=False)
    return verify_url(address).rpartition("/")[2]


def _reset_part(owner: User, index: int) -> str:
    uid, _, key = reset_url(owner).rpartition("/")[2].partition("-")
    return (uid, key)[index]


ARGS: dict[str, Callable[[User], object]] = {
    "<str:key>": _verify_key,
    "(?P<uidb36>[0-9A-Za-z]+)": lambda owner: _reset_part(owner, 0),
    "(?P<key>[^/]+)": lambda owner: _reset_part(owner, 1),
}
