"""What the feed has: the latest quote of an instrument, its source and its age; and how the feed is doing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError

from marketdata.adapters import live_board
from marketdata.domain.feed import FeedHealth, LiveQuote, at_of
from marketdata.models import LatestQuote

MAX_IDS = 5_000


def live_quotes(ids: Sequence[int]) -> dict[int, LiveQuote]:
    """The latest quotes of at most 5,000 instruments, by id; from the database what the board does not have."""
    wanted = list(dict.fromkeys(ids))[:MAX_IDS]
    try:
        found = live_board.live_many(wanted)
    except RedisError:
        found = {}
    missing = [ident for ident in wanted if ident not in found]
    if missing:
        rows = LatestQuote.objects.filter(instrument_id__in=missing).values_list("instrument_id", "document")
        found |= {ident: LiveQuote.from_row(document) for ident, document in rows}
    return found


def live_quote(instrument_id: int) -> LiveQuote | None:
    """The latest quote of one instrument."""
    return live_quotes([instrument_id]).get(instrument_id)


def age_seconds(quote: LiveQuote, now: datetime) -> float:
    """How old a quote is, by the vendor's own time."""
    return max((now - at_of(quote.at)).total_seconds(), 0.0)


def feed_health() -> FeedHealth | None:
    """How the feed says it is doing; None when it has said nothing for a minute, or Redis does not answer."""
    try:
        meta = live_board.live_meta()
    except RedisError:
        return None
    return None if meta is None else health_of(meta)


def health_of(meta: dict[str, Any]) -> FeedHealth:
    """What the feed wrote of itself, as a value."""
    return FeedHealth(
        name=str(meta.get("name", "feed")),
        state=str(meta.get("state", "unknown")),
        provider=str(meta.get("provider", "")),
        since=_time(meta.get("since")),
        symbols=int(meta.get("symbols", 0)),
        quotes_per_second=float(meta.get("quotes_per_second", 0.0)),
        lag_p50_ms=float(meta.get("lag_p50_ms", 0.0)),
        lag_p99_ms=float(meta.get("lag_p99_ms", 0.0)),
        last_message=_time(meta.get("last_message")),
        coalesced=int(meta.get("coalesced", 0)),
        anomalies=int(meta.get("anomalies", 0)),
        switches=int(meta.get("switches", 0)),
        details=dict(meta.get("details") or {}),
    )


def _time(raw: Any) -> datetime | None:
    return None if not raw else datetime.fromisoformat(raw).astimezone(UTC)
