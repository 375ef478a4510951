"""What marketdata tells other apps: frozen values, never rows."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def iso(at: datetime) -> str:
    """An aware time as ISO 8601 in UTC with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Decimal) -> str:
    """A Decimal as a plain string: never an exponent."""
    return format(value, "f")


@dataclass(frozen=True, slots=True)
class Quote:
    """The quote in force of one listing.

    `volume` is the volume of the last completed session: all that is known without looking ahead. `is_open_print` says
    that this tick is a session's open, `previous_close` is the close before this session.
    """

    symbol: str
    listing_id: int
    bid: Decimal
    ask: Decimal
    last: Decimal
    tick: int
    at: datetime
    source: str
    is_open_print: bool
    volume: int
    previous_close: Decimal

    @property
    def change_pct(self) -> Decimal:
        """Change from the previous session's close in percent, two places."""
        return ((self.last / self.previous_close - 1) * 100).quantize(Decimal("0.01"))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: decimals as strings, time as ISO 8601."""
        return {
            "symbol": self.symbol,
            "listing_id": self.listing_id,
            "bid": plain(self.bid),
            "ask": plain(self.ask),
            "last": plain(self.last),
            "tick": self.tick,
            "at": iso(self.at),
            "source": self.source,
            "is_open_print": self.is_open_print,
            "volume": self.volume,
            "previous_close": plain(self.previous_close),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Quote":
        """The inverse of `to_json`."""
        return cls(
            symbol=data["symbol"],
            listing_id=data["listing_id"],
            bid=Decimal(data["bid"]),
            ask=Decimal(data["ask"]),
            last=Decimal(data["last"]),
            tick=data["tick"],
            at=datetime.fromisoformat(data["at"]),
            source=data["source"],
            is_open_print=data["is_open_print"],
            volume=data["volume"],
            previous_close=Decimal(data["previous_close"]),
        )


@dataclass(frozen=True, slots=True)
class MarketClock:
    """Where a market stands. `tick` is -1 before the first; `at` is then the time of the first session's open.

    `at` and `session_date` are market time; `wall` is when this was published, in wall time.
    """

    market_id: int
    slug: str
    kind: str
    status: str
    tick: int
    at: datetime
    day_index: int
    days_total: int
    phase: int
    ticks_total: int
    session_date: date
    source_label: str
    is_simulated: bool
    wall: datetime

    @property
    def is_session_close(self) -> bool:
        """Whether the print in force is the last of its session."""
        return self.phase == self.ticks_total // self.days_total - 1

    @property
    def is_running(self) -> bool:
        """Only a running market takes orders."""
        return self.status == "running"

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            **asdict(self),
            "at": iso(self.at),
            "wall": iso(self.wall),
            "session_date": self.session_date.isoformat(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "MarketClock":
        """The inverse of `to_json`."""
        times = {"at": datetime.fromisoformat(data["at"]), "wall": datetime.fromisoformat(data["wall"])}
        return cls(**{**data, **times, "session_date": date.fromisoformat(data["session_date"])})

    def with_wall(self, wall: datetime) -> "MarketClock":
        """The same clock published at another wall time."""
        return replace(self, wall=wall)


@dataclass(frozen=True, slots=True)
class MarketView:
    """A market as other apps see it."""

    id: int
    slug: str
    name: str
    kind: str
    status: str
    currency: str
    tick: int
    ticks_total: int
    days_total: int
    seconds_per_tick: Decimal
    is_masked: bool
    is_simulated: bool
    source_label: str


@dataclass(frozen=True, slots=True)
class ListingView:
    """An instrument as it is known in one market."""

    id: int
    market_id: int
    symbol: str
    name: str
    sector: str
    tick_size: Decimal
    lot_size: Decimal
    currency: str
    instrument_id: int
    position: int


@dataclass(frozen=True, slots=True)
class BarView:
    """One session; `is_complete` is false for the forming one, which holds only what has been printed so far."""

    date: date
    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment of a market: every listing's quote. A pure function of the market's definition, history and `index`."""

    index: int
    at: datetime
    day_index: int
    phase: int
    is_new_day: bool
    is_last: bool
    quotes: dict[str, Quote]
    is_session_close: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """One session of one instrument as traded, exact."""

    date: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


@dataclass(frozen=True, slots=True)
class Action:
    """A split (value: new shares per old) or dividend (value: cash per share), effective at the open of `ex_date`."""

    kind: str
    ex_date: date
    value: Decimal


_encode = json.JSONEncoder(separators=(",", ":")).encode


def dumps(data: Mapping[str, Any]) -> str:
    """Compact JSON."""
    return _encode(data)
