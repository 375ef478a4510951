"""A quote of the market as the fill model takes it. Pure."""

from __future__ import annotations

from marketdata.domain.types import Quote
from trading.domain.fills import Prices


def prices_of(quote: Quote) -> Prices:
    """The part of a quote that a fill needs."""
    return Prices(
        bid=quote.bid,
        ask=quote.ask,
        last=quote.last,
        gap=quote.is_open_print,
        is_close=quote.is_close_print,
        volume=quote.volume,
        bid_size=quote.bid_size,
        ask_size=quote.ask_size,
        halted=quote.halted,
        band_low=quote.band_low,
        band_high=quote.band_high,
        at=quote.at,
    )
