"""What the feed says of itself, as `selectors.live.feed_health` reads it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from marketdata.domain.feed import at_of

if TYPE_CHECKING:
    from marketdata.services.feed.process import FeedProcess


@dataclass
class Counted:
    """What has been counted since the start, and when last."""

    since: datetime | None = None
    anomalies: int = 0
    at: float = 0.0
    taken: int = 0

    def rate(self, now: float, taken: int) -> float:
        """Prints taken a second since the last time this was asked."""
        passed, more = now - self.at, taken - self.taken
        first, self.at, self.taken = self.at == 0.0, now, taken
        return 0.0 if first or passed <= 0 else more / passed


def health(feed: FeedProcess) -> dict[str, Any]:
    """State, source, rates and lags. The state is that of real prices where any are followed."""
    (heard_p50, heard_p99), said = feed.board.lags()
    followed = [source for name, source in feed.sources.items() if feed.groups.get(name)]
    main = next(iter([*followed, *feed.sources.values()]), None)
    newest = max((entry.received for entry in feed.engine.state.entries.values()), default=0)
    return {
        "name": "feed",
        "state": "running" if main is not None and main.running is not None else "down",
        "provider": main.serving if main is not None else "",
        "since": _since(feed, main.since if main is not None else None),
        "at": datetime.now(tz=UTC).isoformat(),
        "symbols": len(feed.engine.state.entries),
        "quotes_per_second": round(feed.counted.rate(time.monotonic(), feed.engine.taken), 1),
        "lag_p50_ms": round(heard_p50, 1),
        "lag_p99_ms": round(heard_p99, 1),
        "last_message": at_of(newest).isoformat() if newest else None,
        "coalesced": feed.inbox.coalesced,
        "anomalies": feed.counted.anomalies + sum(feed.engine.cleaner.counts.values()),
        "switches": sum(source.switches for source in feed.sources.values()),
        "details": {
            "vendor_lag_ms": [round(value, 1) for value in said],
            "waiting": feed.inbox.waiting,
            "jobs": feed.jobs.waiting,
            "backfills": feed.gaps.backfills,
            "gaps": feed.gaps.missing,
            "sources": {
                name: {"serving": source.serving, "chain": list(source.names), "error": source.last_error}
                for name, source in feed.sources.items()
            },
        },
    }


def _since(feed: FeedProcess, switched: datetime | None) -> str | None:
    """Since when the source serves that is shown: its switch, else the start of the feed."""
    at = switched or feed.counted.since
    return None if at is None else at.isoformat()
