"""Who may use the routes of onboarding and of the texts."""

from collections.abc import Callable

from accounts.models import User
from accounts.services.consents import texts_publish

ROUTES: dict[tuple[str, str], str] = {
    ("GET", "onboarding"): "self",
    ("GET", "onboarding/where"): "self",
    ("POST", "onboarding/where"): "self",
    ("GET", "onboarding/regions"): "self",
    ("GET", "onboarding/experience"): "self",
    ("POST", "onboarding/experience"): "self",
    ("GET", "onboarding/consent"): "self",
    ("POST", "onboarding/consent"): "self",
    ("GET", "onboarding/done"): "self",
    ("GET", "legal/<slug:kind>"): "public",
    ("GET", "legal/<slug:kind>/<int:version>"): "public",
    ("GET", "api/v1/me/onboarding"): "self",
    ("PUT", "api/v1/me/onboarding/where"): "self",
    ("PUT", "api/v1/me/onboarding/experience"): "self",
    ("POST", "api/v1/me/onboarding/consent"): "self",
}


def _kind(owner: User) -> str:
    texts_publish()
    return "terms"


ARGS: dict[str, Callable[[User], object]] = {"<slug:kind>": _kind, "<int:version>": lambda _: 1}
