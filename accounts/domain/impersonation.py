"""Looking at the site as a trader: what is kept of it in the operator's session, and which pages it shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

LOOKING = "looking"  # in the operator's session
LASTS = timedelta(minutes=30)
READ_ONLY = "impersonation_read_only"
READ_ONLY_WORDS = "You are looking as somebody else: what they trade and buy can be read, and nothing can be changed."

# Routes by name: what is not here is refused. No files, nothing of sign-in, identity, keys or payees.
PAGES = frozenset(
    {
        *("landing", "account-list", "account", "account-analytics", "account-figures", "account-plan"),
        *("account-positions", "account-open-orders", "account-trades", "order", "order-trail", "practice", "risk"),
        *("markets", "markets-pulse", "markets-quotes", "market-candles", "symbol", "symbol-news"),
        *("search", "search-suggest", "watchlists", "watchlist"),
        *("contest-list", "contest", "contest-standing", "contest-chat", "contest-feed", "contest-rewatch"),
        *("contest-arena", "contest-certificate", "certificate", "fairplay-mine", "following", "agent", "person"),
        *("pricing", "billing", "billing-payment", "payouts", "payout", "legal", "legal-version"),
    }
)
SECTIONS = ("/prop-firm",)  # every page under these
PICTURES = frozenset({"avatar", "contest-card"})  # parts of pages: shown, and not in the trail


@dataclass(frozen=True, slots=True)
class Looking:
    """One look: who looks at whom, why, and until when (aware). `ref` ties its entries in the trail together."""

    ref: str
    operator_id: int
    user_id: int
    name: str
    reason: str
    until: datetime

    def is_over(self, at: datetime) -> bool:
        """Whether its time has passed."""
        return at >= self.until

    def to_session(self) -> dict[str, Any]:
        """As a session keeps it."""
        return {
            "ref": self.ref, "operator_id": self.operator_id, "user_id": self.user_id, "name": self.name,
            "reason": self.reason, "until": self.until.timestamp(),
        }  # fmt: skip

    @classmethod
    def from_session(cls, kept: object) -> Looking | None:
        """The look that a session keeps, if it keeps one that can be read."""
        if not isinstance(kept, Mapping):
            return None
        try:
            return cls(
                ref=str(kept["ref"]), operator_id=int(kept["operator_id"]), user_id=int(kept["user_id"]),
                name=str(kept["name"]), reason=str(kept["reason"]),
                until=datetime.fromtimestamp(float(kept["until"]), tz=UTC),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, OverflowError):
            return None


def may_show(method: str, path: str, route: str) -> bool:
    """Whether a request may be answered while one looks: reading, and of the pages above only."""
    if method not in ("GET", "HEAD"):
        return False
    is_inside = any(path == section or path.startswith(f"{section}/") for section in SECTIONS)
    return route in PAGES or route in PICTURES or is_inside
