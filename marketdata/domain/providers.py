"""What a vendor of market data must be able to do, and how it fails. Pure: adapters implement it, the chain uses it.

Symbols that go in and come out are ours; an adapter translates with `Instrument.vendor_symbols`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from threading import Event
from typing import Protocol

from marketdata.domain.feed import FeedBar, LiveQuote, Print
from marketdata.domain.types import Action

DAY_MINUTES = 1440


class ProviderError(Exception):
    """A vendor did not give what was asked. `code` is one of the class constants; `retry_after` is in seconds."""

    UNAVAILABLE = "unavailable"  # timeout, 5xx, connection lost: the next in the chain is asked
    RATE_LIMITED = "rate_limited"  # 429, or our own budget is used up
    UNAUTHORIZED = "unauthorized"  # the key is wrong
    NOT_ENTITLED = "not_entitled"  # the plan does not include it
    NOT_FOUND = "not_found"  # an unknown symbol: no other attempt helps, another vendor may know it
    MALFORMED = "malformed"  # HTML, half a document, nonsense
    UNSUPPORTED = "unsupported"  # the vendor has no such thing

    def __init__(self, provider: str, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{provider}: {message}")
        self.provider = provider
        self.code = code
        self.message = message
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a vendor offers. `exchanges` are our codes, empty for all; `max_symbols` bounds a stream (0: no bound)."""

    stream: bool = False
    quotes: bool = True
    intraday: bool = True
    daily: bool = True
    search: bool = True
    actions: bool = False
    news: bool = False
    status: bool = False
    exchanges: frozenset[str] = frozenset()
    max_symbols: int = 0
    delay_minutes: int = 0
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class InstrumentInfo:
    """An instrument as a vendor describes it. `exchange` is our code."""

    symbol: str
    name: str
    exchange: str
    currency: str = "USD"
    kind: str = "stock"
    sector: str = ""
    vendor_symbol: str = ""
    is_active: bool = True
    tick_size: Decimal = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class VendorStatus:
    """Whether an exchange is open, as a vendor says."""

    exchange: str
    is_open: bool
    as_of: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class NewsItem:
    """A headline. `url` is the publisher's."""

    id: str
    at: datetime
    title: str
    url: str
    publisher: str
    symbols: tuple[str, ...] = ()
    summary: str = ""


@dataclass(slots=True)
class StreamSink:
    """Where a stream puts what it hears: called in the stream's own thread, must not block.

    `connected` is called once subscribed (and after every reconnect of the vendor's client). `bars` are the vendor's
    own closed minute bars, where it sends any: they replace what was rolled from prints. `odd` tells of a message that
    could not be read at all (kind, sample).
    """

    prints: Callable[[Sequence[Print]], None]
    bars: Callable[[Sequence[FeedBar]], None]
    connected: Callable[[], None] = field(default=lambda: None)
    odd: Callable[[str, Mapping[str, object]], None] = field(default=lambda _kind, _sample: None)


class Provider(Protocol):
    """A vendor. Every call is bounded by timeouts and the vendor's budget, and raises only ProviderError."""

    @property
    def name(self) -> str:
        """A short name: polygon, alpaca, finnhub, alpha_vantage, replay, simulated."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it offers."""
        ...

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Instruments whose symbol or name matches, best first."""
        ...

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """What is known of these symbols; unknown ones are left out."""
        ...

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """The latest of each symbol, with `instrument_id` 0; unknown ones are left out."""
        ...

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """Pages of unadjusted bars with start <= at < end, ascending; `minutes` 1440 for days."""
        ...

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:
        """Splits and cash dividends with ex-dates from `start` to `end`."""
        ...

    def status(self, exchange: str) -> VendorStatus:
        """Whether an exchange is open."""
        ...

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """The newest headlines about a symbol."""
        ...

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:
        """Run until `stop` is set, then return; raise ProviderError when the connection is lost or never made."""
        ...
