"""What the `quote` event on a `quote:{instrument_id}` channel says. Pure.

Prices are plain decimal strings, null where not known; times are ISO 8601 in UTC.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from marketdata.domain.feed import LiveQuote, at_of, price_of

EVENT = "quote"
WATCHED_KEY = "md:watched"  # Redis sorted set: instrument id, until when somebody watches it (epoch seconds)
_CENT = Decimal("0.01")


def quote_channel(instrument_id: int) -> str:
    """The public channel that carries an instrument's quotes."""
    return f"quote:{instrument_id}"


def quote_price(quote: LiveQuote) -> int:
    """What stands for the price, in micros: the last trade, else the middle, else the one side there is, else 0."""
    if quote.last:
        return quote.last
    return (quote.bid + quote.ask) // 2 if quote.bid and quote.ask else quote.bid or quote.ask


def change_pct(price: int, previous_close: int) -> Decimal | None:
    """Percent from the close before to the price, two places; None where one of them is not known."""
    if not price or not previous_close:
        return None
    return (Decimal(price - previous_close) * 100 / previous_close).quantize(_CENT, ROUND_HALF_EVEN)


def quote_event(quote: LiveQuote) -> dict[str, Any]:
    """The event's data, ready for JSON."""
    change = change_pct(quote_price(quote), quote.previous_close)
    return {
        "id": quote.instrument_id,
        "symbol": quote.symbol,
        "bid": _text(quote.bid),
        "ask": _text(quote.ask),
        "last": _text(quote_price(quote)),
        "change_pct": None if change is None else format(change, "f"),
        "volume": quote.volume,
        "at": _time(quote.at),
        "received": _time(quote.received),
        "source": quote.provider,
        "halted": quote.halted,
    }


def _text(value: int) -> str | None:
    return format(price_of(value), "f") if value else None


def _time(micro: int) -> str:
    at: datetime = at_of(micro)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
