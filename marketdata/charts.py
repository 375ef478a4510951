"""Candles as the page's chart reads them."""

from __future__ import annotations

from django.db import connection

from marketdata import selectors
from marketdata.domain.feed import price_of
from marketdata.domain.types import BarView, plain

CHART_BARS = 260
CHART_MINUTES = 390

_MINUTES = """
SELECT extract(epoch FROM at)::bigint, open, high, low, close FROM marketdata_intradaybar
WHERE instrument_id = %s AND minutes = 1 AND at > now() - interval '5 days' ORDER BY at DESC LIMIT %s
"""


def bar_row(bar: BarView) -> list[str]:
    """A bar as the chart reads it: date, open, high, low, close."""
    return [bar.date.isoformat(), plain(bar.open), plain(bar.high), plain(bar.low), plain(bar.close)]


def chart_bars(market_id: int, symbol: str) -> list[list[str]] | list[list[int | str]]:
    """The newest bars of a symbol, never beyond the market's clock: days of a replay, minutes of a live market.

    A minute's time is in epoch seconds.
    """
    if selectors.market_facts(market_id).is_replay:
        return [bar_row(bar) for bar in selectors.bars(market_id, symbol, CHART_BARS)]
    listing = selectors.listing_named(market_id, symbol)
    with connection.cursor() as cursor:
        cursor.execute(_MINUTES, [listing.instrument_id, CHART_MINUTES])
        rows = cursor.fetchall()
    return [[at, *(plain(price_of(value)) for value in prices)] for at, *prices in reversed(rows)]
