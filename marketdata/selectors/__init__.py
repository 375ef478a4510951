"""The reads. Other apps get frozen dataclasses, never rows."""

from marketdata.selectors.facts import MarketFacts, market_facts
from marketdata.selectors.fx import fx_dates, fx_forget, fx_rate
from marketdata.selectors.history import listing_by_id, listings_seen, market_slice
from marketdata.selectors.live_markets import live_listing
from marketdata.selectors.markets import (
    clock_of,
    default_market,
    last_tick,
    market_by_slug,
    market_clock,
    market_row,
    market_state,
    market_view,
    markets_query,
    quotes_of,
    running_markets,
    session_now,
    tick_of,
    view_of,
)
from marketdata.selectors.plans import ReplayPlan, replay_plan
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
from marketdata.selectors.sessions import MarketStatus, market_status, tick_size_for
from marketdata.selectors.timelines import Timeline, cache_clear, timeline

__all__ = [
    "MarketFacts",
    "MarketStatus",
    "ReplayPlan",
    "Timeline",
    "bars",
    "cache_clear",
    "clock_of",
    "closes_matrix",
    "default_market",
    "fx_dates",
    "fx_forget",
    "fx_rate",
    "last_tick",
    "listing_by_id",
    "listing_get",
    "listings",
    "listings_seen",
    "live_listing",
    "market_by_slug",
    "market_clock",
    "market_facts",
    "market_row",
    "market_slice",
    "market_state",
    "market_status",
    "market_view",
    "markets_query",
    "metrics",
    "quote_and_clock",
    "quote_get",
    "quotes_all",
    "quotes_and_clock",
    "quotes_of",
    "rebuild",
    "replay_plan",
    "running_markets",
    "session_now",
    "tick_of",
    "tick_size_for",
    "timeline",
    "view_of",
]
