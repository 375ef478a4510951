"""Where the request that is being served came from, for the audit trail; never for the log."""

from collections.abc import Callable
from contextvars import ContextVar

_address: ContextVar[Callable[[], str] | None] = ContextVar("address", default=None)


def address_by(ask: Callable[[], str] | None) -> None:
    """Remember how to find the client's address while a request is served; None forgets it."""
    _address.set(ask)


def address_now() -> str | None:
    """The address of the client that is being served, or None outside a request."""
    ask = _address.get()
    return ask() if ask is not None else None
