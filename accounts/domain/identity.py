"""Identity checks: states, who may do what next, and what a provider of checks is. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

DRAFT, SUBMITTED, ASSESSED = "draft", "submitted", "assessed"
APPROVED, REJECTED, EXPIRED = "approved", "rejected", "expired"
OPEN = (DRAFT, SUBMITTED, ASSESSED)
NEEDED = ("front", "selfie")
VALID_FOR = timedelta(days=730)
MAX_BYTES = 8_000_000

NEXT: dict[str, tuple[str, ...]] = {
    DRAFT: (SUBMITTED,),
    SUBMITTED: (ASSESSED, APPROVED, REJECTED),  # straight to a decision by a provider only, never by one person
    ASSESSED: (APPROVED, REJECTED, SUBMITTED),
    APPROVED: (EXPIRED,),
    REJECTED: (),
    EXPIRED: (),
}


@dataclass(frozen=True, slots=True)
class Application:
    """What a provider is asked about."""

    check_id: int
    legal_name: str
    country: str
    documents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a provider answers."""

    approved: bool
    reason: str


class IdentityProvider(Protocol):
    """Who checks identities. `manual`: two people of the platform, one after the other."""

    name: str

    def examine(self, application: Application) -> Decision | None:
        """A decision, or None when people decide."""


@dataclass(frozen=True, slots=True)
class IdentityView:
    """Where a person's identity check stands; `status` is empty when there was none."""

    status: str = ""
    check_id: int | None = None
    legal_name: str = ""
    country: str = ""
    documents: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    expires_at: datetime | None = None
    reason: str = ""

    @property
    def is_approved(self) -> bool:
        """Whether the person is known now."""
        return self.status == APPROVED

    @property
    def may_edit(self) -> bool:
        """Whether the application can still be changed."""
        return self.status == DRAFT

    @property
    def may_start(self) -> bool:
        """Whether a new application can be begun."""
        return self.status in ("", REJECTED, EXPIRED)

    @property
    def missing(self) -> tuple[str, ...]:
        """The documents without which it cannot be sent."""
        return tuple(kind for kind in NEEDED if kind not in self.documents)


def may_become(status: str, wanted: str) -> bool:
    """Whether a check in one state may go to another."""
    return wanted in NEXT.get(status, ())
