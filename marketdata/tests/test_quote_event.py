"""The `quote` event as browsers read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from marketdata.domain.feed import LiveQuote
from marketdata.domain.quote_event import change_pct, quote_channel, quote_event, quote_price

QUOTE = LiveQuote(
    instrument_id=7,
    symbol="AAPL",
    bid=190_010_000,
    ask=190_030_000,
    last=190_020_000,
    bid_size=3,
    ask_size=4,
    at=1_700_000_000_123_456,
    received=1_700_000_000_250_000,
    provider="polygon",
    session=date(2023, 11, 14),
    open=188_000_000,
    high=191_000_000,
    low=187_500_000,
    volume=1_234,
    previous_close=188_000_000,
)


def test_prices_are_plain_decimals_and_times_are_utc() -> None:
    """Nothing of a float, nothing of an exponent."""
    assert quote_event(QUOTE) == {
        "id": 7,
        "symbol": "AAPL",
        "bid": "190.01",
        "ask": "190.03",
        "last": "190.02",
        "change_pct": "1.07",
        "volume": 1_234,
        "at": "2023-11-14T22:13:20.123Z",
        "received": "2023-11-14T22:13:20.250Z",
        "source": "polygon",
        "halted": False,
    }
    assert quote_channel(7) == "quote:7"


def test_small_and_large_prices_have_no_exponent() -> None:
    """A millionth and a hundred million both read as figures."""
    event = quote_event(replace(QUOTE, bid=1, last=100_000_000_000_000, ask=123_456))
    assert (event["bid"], event["last"], event["ask"]) == ("0.000001", "100000000.00", "0.123456")


def test_what_is_not_known_is_null() -> None:
    """No last trade: the middle stands in; no close before: no change; nothing at all: null."""
    quiet = replace(QUOTE, last=0, previous_close=0)
    assert (quote_event(quiet)["last"], quote_event(quiet)["change_pct"]) == ("190.02", None)
    assert quote_price(replace(quiet, bid=0)) == quiet.ask
    assert quote_event(replace(quiet, bid=0, ask=0))["last"] is None


def test_the_change_is_rounded_half_even_with_its_sign() -> None:
    """Two places."""
    assert change_pct(99_000_000, 100_000_000) == Decimal("-1.00")
    assert change_pct(100_005_000, 100_000_000) == Decimal("0.00")
    assert change_pct(0, 100_000_000) is None
