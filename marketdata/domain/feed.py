"""The feed's own terms: what vendors say, what is kept of it. Pure.

Prices are whole millionths of the instrument's currency ("micros"), times whole microseconds since the epoch (UTC):
exact, small, and fast to compare. `Decimal` and `datetime` come back at the edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

MICRO = 1_000_000
BAR_MINUTES = (1, 5, 15, 60)  # what is rolled and stored; others are put together when asked for


def micros(price: float | str | Decimal) -> int:
    """A price as whole millionths, from what JSON says (a float's shortest text is what the vendor wrote)."""
    return int((Decimal(repr(price) if isinstance(price, float) else str(price)) * MICRO).to_integral_value())


def price_of(value: int) -> Decimal:
    """Millionths as an exact Decimal without trailing zeros beyond two places."""
    whole = Decimal(value).scaleb(-6)
    return whole.quantize(Decimal("0.01")) if value % 10_000 == 0 else whole.normalize()


def at_of(micro: int) -> datetime:
    """Microseconds since the epoch as an aware UTC time."""
    return datetime.fromtimestamp(micro // MICRO, tz=UTC).replace(microsecond=micro % MICRO)


def micro_of(at: datetime) -> int:
    """An aware time as whole microseconds since the epoch."""
    whole = at.astimezone(UTC)
    return int(whole.replace(microsecond=0).timestamp()) * MICRO + whole.microsecond


class Print(NamedTuple):
    """One message of a vendor about one symbol: a quote, a trade, or both. A zero means: not said.

    `symbol` is ours (adapters translate). `at` is the vendor's time. `size` is the trade's volume; `key` tells a trade
    apart from its repetition ("" when the vendor gives none). `halted` is None unless the message is about a halt.
    """

    symbol: str
    at: int
    bid: int = 0
    ask: int = 0
    bid_size: int = 0
    ask_size: int = 0
    last: int = 0
    size: int = 0
    key: str = ""
    halted: bool | None = None


class FeedBar(NamedTuple):
    """A bar of `minutes` that begins at `at` (microseconds), prices in micros, as traded. A day's bar has minutes 1440
    and begins at 00:00 UTC of its trade date.
    """

    symbol: str
    minutes: int
    at: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    trades: int = 0


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """The latest of one instrument, as the board keeps it. Prices in micros, times in microseconds.

    `at` is the vendor's time, `received` ours. `open`, `high`, `low` and `volume` are of the session `session`;
    `previous_close` is the close before it, in the same shares (0: not known). `provider` names the source.
    """

    instrument_id: int
    symbol: str
    bid: int
    ask: int
    last: int
    bid_size: int
    ask_size: int
    at: int
    received: int
    provider: str
    session: date
    open: int
    high: int
    low: int
    volume: int
    previous_close: int
    halted: bool = False
    sequence: int = 0

    def to_row(self) -> list[Any]:
        """A compact JSON-ready row; `from_row` is the inverse."""
        return [
            *(self.instrument_id, self.symbol, self.bid, self.ask, self.last, self.bid_size, self.ask_size, self.at),
            *(self.received, self.provider, self.session.isoformat(), self.open, self.high, self.low, self.volume),
            *(self.previous_close, self.halted, self.sequence),
        ]

    @classmethod
    def from_row(cls, row: list[Any]) -> LiveQuote:
        """The inverse of `to_row`."""
        values = list(row)
        values[10] = date.fromisoformat(values[10])
        return cls(*values)


class Anomaly(StrEnum):
    """Why a message was not taken."""

    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    CROSSED = "crossed"
    JUMP = "jump"
    FUTURE = "future"
    STALE = "stale"
    UNKNOWN_SYMBOL = "unknown_symbol"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed is doing, as shown: rates are a second's, lag is milliseconds from hearing a quote to the board."""

    name: str
    state: str
    provider: str
    since: datetime | None
    symbols: int
    quotes_per_second: float
    lag_p50_ms: float
    lag_p99_ms: float
    last_message: datetime | None
    coalesced: int
    anomalies: int
    switches: int
    details: Mapping[str, Any]
