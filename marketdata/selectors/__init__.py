"""The reads. Other apps get frozen dataclasses, never rows."""

from marketdata.selectors.history import cache_clear, market_slice
from marketdata.selectors.markets import (
    clock_of,
    default_market,
    market_by_slug,
    market_clock,
    market_row,
    market_state,
    market_view,
    markets_query,
    running_replays,
    view_of,
)
from marketdata.selectors.quotes import (
    bars,
    closes_matrix,
    listing_get,
    listings,
    metrics,
    quote_and_clock,
    quote_get,
    quotes_all,
    quotes_and_clock,
    rebuild,
)

__all__ = [
    "bars",
    "cache_clear",
    "clock_of",
    "closes_matrix",
    "default_market",
    "listing_get",
    "listings",
    "market_by_slug",
    "market_clock",
    "market_row",
    "market_slice",
    "market_state",
    "market_view",
    "markets_query",
    "metrics",
    "quote_and_clock",
    "quote_get",
    "quotes_all",
    "quotes_and_clock",
    "rebuild",
    "running_replays",
    "view_of",
]
