"""Candles as the page's chart reads them."""

from __future__ import annotations

from marketdata import selectors
from marketdata.domain.types import BarView, plain

CHART_BARS = 260


def bar_row(bar: BarView) -> list[str]:
    """A bar as the chart reads it: date, open, high, low, close."""
    return [bar.date.isoformat(), plain(bar.open), plain(bar.high), plain(bar.low), plain(bar.close)]


def chart_bars(market_id: int, symbol: str) -> list[list[str]]:
    """The newest daily bars of a symbol, never beyond the market's clock."""
    return [bar_row(bar) for bar in selectors.bars(market_id, symbol, CHART_BARS)]
