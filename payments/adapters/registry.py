"""Which providers are set up, and who serves what."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from django.conf import settings

from core.errors import Unavailable
from payments.domain.ports import Can, Provider

SANDBOX, STRIPE, RAZORPAY = "sandbox", "stripe", "razorpay"
# In the order in which they are offered.
_MODULES = {
    RAZORPAY: "payments.adapters.razorpay",
    STRIPE: "payments.adapters.stripe",
    SANDBOX: "payments.adapters.sandbox",
}
NAMES = tuple(_MODULES)
_replaced: dict[str, Callable[[], Provider]] = {}


def is_set_up(name: str) -> bool:
    """Whether a provider may be used: it has its keys; the sandbox is allowed here."""
    if name in _replaced:
        return True
    keys = {
        RAZORPAY: settings.RAZORPAY_KEY_ID and settings.RAZORPAY_KEY_SECRET,
        STRIPE: settings.STRIPE_SECRET_KEY,
        SANDBOX: settings.SANDBOX_PAYMENTS,
    }
    return bool(keys.get(name))


def missing(name: str) -> str:
    """What must be set before a provider can be used."""
    return {
        RAZORPAY: "RAZORPAY_KEY_ID, RAZORPAY_KEY_SECRET and RAZORPAY_WEBHOOK_SECRET",
        STRIPE: "STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET",
        SANDBOX: "DEBUG, or SANDBOX_PAYMENTS=1",
    }[name]


def provider(name: str) -> Provider:
    """The provider of that name. Raises Unavailable `provider_not_configured`, which says what is missing."""
    if name in _replaced:
        return _replaced[name]()
    if name not in _MODULES or not is_set_up(name):
        wanted = missing(name) if name in _MODULES else "a provider that we know"
        raise Unavailable("provider_not_configured", f"Payments through {name} are not set up: set {wanted}.")
    made: Provider = import_module(_MODULES[name]).provider()
    return made


def available(*, can: Can, currency: str) -> list[Provider]:
    """Providers that can do this in a currency, the preferred first; real ones before the sandbox."""
    found = [provider(name) for name in dict.fromkeys([*_replaced, *_MODULES]) if is_set_up(name)]
    fitting = [one for one in found if can in one.can and (not one.currencies or currency in one.currencies)]
    # One that is made for a currency comes before one that takes any.
    fitting.sort(key=lambda one: (one.is_simulated, not one.currencies))
    return fitting


def replace(name: str, make: Callable[[], Provider] | None) -> None:
    """Put another provider in the place of one, for tests and drills; None puts it back."""
    if make is None:
        _replaced.pop(name, None)
    else:
        _replaced[name] = make
