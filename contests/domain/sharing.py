"""What those in a contest see of each other: portfolios and trades, now, later or after the end; and a chat. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.errors import Invalid

LIVE, DELAYED, AFTER = "live", "delayed", "after"
PORTFOLIOS = (LIVE, DELAYED, AFTER)
MOST_DELAY = 7 * 1440
DEFAULT_DELAY = 15


@dataclass(frozen=True, slots=True)
class Sharing:
    """`portfolios`: when others may see positions and trades; `delay_minutes` of wall time counts where delayed.

    `comments`: whether there is a chat. An agent's portfolio is always open: it is nobody's secret, and all agents of
    a contest are alike in it.
    """

    portfolios: str = AFTER
    delay_minutes: int = DEFAULT_DELAY
    comments: bool = True

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Sharing:
        """Read and check. Raises Invalid `invalid_sharing`."""
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            raise _bad(unknown[0], "There is no such field of sharing.")
        when = data.get("portfolios", AFTER)
        if when not in PORTFOLIOS:
            raise _bad("portfolios", f"portfolios is one of {', '.join(PORTFOLIOS)}.")
        delay = data.get("delay_minutes", DEFAULT_DELAY)
        if isinstance(delay, bool) or not isinstance(delay, int) or not 1 <= delay <= MOST_DELAY:
            raise _bad("delay_minutes", f"delay_minutes is 1 to {MOST_DELAY:,}.")
        comments = data.get("comments", True)
        if not isinstance(comments, bool):
            raise _bad("comments", "comments is true or false.")
        return cls(when, delay if when == DELAYED else DEFAULT_DELAY, comments)

    def to_json(self) -> dict[str, Any]:
        """What differs from seeing each other after the end, with a chat."""
        out: dict[str, Any] = {}
        if self.portfolios != AFTER:
            out["portfolios"] = self.portfolios
        if self.portfolios == DELAYED:
            out["delay_minutes"] = self.delay_minutes
        if not self.comments:
            out["comments"] = False
        return out

    def seen_until(self, now: datetime, *, is_over: bool) -> datetime | None:
        """Up to which moment others see trades: `now`, an earlier one, or None while they see nothing."""
        if is_over or self.portfolios == LIVE:
            return now
        return now - timedelta(minutes=self.delay_minutes) if self.portfolios == DELAYED else None

    @property
    def words(self) -> str:
        """When others see it, as the rules say it."""
        if self.portfolios == DELAYED:
            return f"{self.delay_minutes} minutes later"
        return "At once" if self.portfolios == LIVE else "After the end"


CLOSED_BOOKS = Sharing()


def _bad(field: str, message: str) -> Invalid:
    return Invalid("invalid_sharing", message, {"field": field})
