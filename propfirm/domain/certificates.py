"""What a certificate of the firm says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PASSED, FUNDED, PAYOUT = "passed", "funded", "payout"


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A certificate as anyone sees it. `holds`: whether what it says of the account is so today; amounts minor units.

    `share_minor` is what a payout brought the trader, None for other kinds.
    """

    code: str
    kind: str
    name: str
    plan: str
    phase: str
    currency: str
    size_minor: int
    share_minor: int | None
    at: datetime
    holds: bool
    standing: str
    source: str
    is_simulated: bool

    @property
    def title(self) -> str:
        """What it certifies, in a word or two."""
        return {PASSED: f"passed {self.phase}", FUNDED: "was funded", PAYOUT: "was paid a share of profit"}[self.kind]


def standing_words(kind: str, *, status: str, ended_at: datetime | None, paid: str = "") -> tuple[bool, str]:
    """(whether it holds today, what has become of it): of an account's status, and of how its payout stands.

    A phase that was passed stays passed; a payout stays paid unless the bank gave it back.
    """
    is_over = status not in ("active", "funded")
    when = "" if ended_at is None else f" on {ended_at:%d %B %Y}"
    if kind == PAYOUT:
        if paid == "returned":
            return False, "The bank has returned this payout since."
        return True, "The payout has arrived."
    if kind == FUNDED:
        if is_over:
            return False, f"It was funded then. The account has ended{when} since."
        return True, "The account is funded today."
    if is_over:
        return True, f"The phase was passed. The account itself has ended{when} since."
    return True, "The account goes on today."
