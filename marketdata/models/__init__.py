"""Rows of the marketdata app."""

from marketdata.models.core import (
    BarSeries,
    CorporateAction,
    DailyBar,
    FxRate,
    Instrument,
    Listing,
    Market,
)
from marketdata.models.exchanges import (
    CalendarRange,
    Exchange,
    ExchangeHalt,
    ExchangeHoliday,
    ExchangeSession,
    MarketPolicy,
    PriceBandRule,
    SessionPhase,
    TickSizeRule,
)
from marketdata.models.feed import FeedAnomaly, FeedEvent, IntradayBar, LatestQuote, LiveTick
from marketdata.models.live import LiveBoard
from marketdata.models.watchlists import Watchlist, WatchlistItem

__all__ = [
    "BarSeries",
    "CalendarRange",
    "CorporateAction",
    "DailyBar",
    "Exchange",
    "ExchangeHalt",
    "ExchangeHoliday",
    "ExchangeSession",
    "FeedAnomaly",
    "FeedEvent",
    "FxRate",
    "Instrument",
    "IntradayBar",
    "LatestQuote",
    "Listing",
    "LiveBoard",
    "LiveTick",
    "Market",
    "MarketPolicy",
    "PriceBandRule",
    "SessionPhase",
    "TickSizeRule",
    "Watchlist",
    "WatchlistItem",
]
