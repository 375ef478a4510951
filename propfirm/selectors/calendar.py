"""Scheduled news as people see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from marketdata import selectors as market_selectors
from propfirm.models import EconomicEvent


@dataclass(frozen=True, slots=True)
class EventView:
    """An event to come. `at` is its instant."""

    at: datetime
    title: str
    impact: str
    country: str
    symbols: tuple[str, ...]


def upcoming(market_id: int, *, impacts: Sequence[str] = ("high",), hours: int = 24, most: int = 10) -> list[EventView]:
    """The events of the next hours by the market's clock, the nearest first; none in a market that hides its days."""
    if market_selectors.market_view(market_id).is_masked:
        return []
    now = market_selectors.market_clock(market_id).at
    rows = EconomicEvent.objects.filter(at__gte=now, at__lte=now + timedelta(hours=hours), impact__in=impacts)
    return [
        EventView(row.at, row.title, row.impact, row.country, tuple(row.symbols))
        for row in rows.order_by("at", "pk")[:most]
    ]
