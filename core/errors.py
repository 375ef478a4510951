"""Domain errors. Every refusal has a code, a plain message, details and an HTTP status; one handler renders them."""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """A refusal that a caller can act on. `details` must be JSON-serialisable."""

    status = 400

    def __init__(
        self, code: str, message: str, details: Mapping[str, Any] | None = None, *, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        if status is not None:
            self.status = status

    def as_dict(self) -> dict[str, Any]:
        """The error envelope `{code, message, details}`."""
        return {"code": self.code, "message": self.message, "details": self.details}


class Invalid(DomainError):
    """The input is malformed (400)."""


class Forbidden(DomainError):
    """The actor may not do this (403)."""

    status = 403


class NotFound(DomainError):
    """There is no such thing, or it is not the actor's to see (404)."""

    status = 404


class Conflict(DomainError):
    """The thing is in a state that does not allow this, or an idempotency key was reused (409)."""

    status = 409


class Denied(DomainError):
    """Well-formed, but our own checks refuse it (422): an order that fails a pre-trade check, for example."""

    status = 422


class Unavailable(DomainError):
    """Something this needs is not there just now: a stale price, a feed that is down (503)."""

    status = 503
