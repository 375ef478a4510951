"""What marketdata tells other apps: frozen values, never rows."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

ActionKind = Literal["split", "dividend", "symbol_change", "delisting"]


def iso(at: datetime) -> str:
    """An aware time as ISO 8601 in UTC with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plain(value: Decimal) -> str:
    """A Decimal as a plain string: never an exponent."""
    return format(value, "f")


def _plain_or_none(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _decimal_or_none(raw: str | None) -> Decimal | None:
    return None if raw is None else Decimal(raw)


@dataclass(frozen=True, slots=True)
class Quote:
    """The quote in force of one listing.

    `volume` is the volume of the last completed session: all that is known without looking ahead. `is_open_print` and
    `is_close_print` say that this tick is a session's open or close. `previous_close` is the close before this session,
    in today's shares. `halted`: nothing fills. `band_low` and `band_high` bound the prices that may trade today (None:
    no band). `bid_size` and `ask_size` are the units on offer at bid and ask (None: the market carries no sizes).
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
    halted: bool = False
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    is_close_print: bool = False

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
            "halted": self.halted,
            "band_low": _plain_or_none(self.band_low),
            "band_high": _plain_or_none(self.band_high),
            "bid_size": _plain_or_none(self.bid_size),
            "ask_size": _plain_or_none(self.ask_size),
            "is_close_print": self.is_close_print,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Quote":
        """The inverse of `to_json`; documents from before a field was added are read too."""
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
            halted=data.get("halted", False),
            band_low=_decimal_or_none(data.get("band_low")),
            band_high=_decimal_or_none(data.get("band_high")),
            bid_size=_decimal_or_none(data.get("bid_size")),
            ask_size=_decimal_or_none(data.get("ask_size")),
            is_close_print=data.get("is_close_print", False),
        )


@dataclass(frozen=True, slots=True)
class MarketClock:
    """Where a market stands. `tick` is -1 before the first; `at` is then the time of the first session's open.

    `at` and `session_date` are market time; `wall` is when this was published, in wall time. `listings_version` grows
    with every halt, resumption and change of a symbol, so that a process knows when what it keeps of listings is old.
    `is_close` is said by live markets only; in a replay the phase tells it.
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
    listings_version: int = 0
    is_close: bool = False

    @property
    def is_replay(self) -> bool:
        """Whether it has an end that is known: a number of sessions and of ticks in each. Others have neither (0)."""
        return self.days_total > 0

    @property
    def is_session_close(self) -> bool:
        """Whether the print in force is the last of its session."""
        return self.phase == self.ticks_total // self.days_total - 1 if self.is_replay else self.is_close

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
    """A market as other apps see it. `venue` says how orders execute there (`trading.domain.venue.Venue`)."""

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
    venue: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class ListingView:
    """An instrument as it is known in one market.

    `is_halted` and `symbol` are as of the last look at the board; the quote in force decides. `former_symbols` are
    those it was listed under before, oldest first: its quotes and bars can still be asked for by them.
    """

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
    exchange: str = ""
    segment: str = ""
    is_halted: bool = False
    former_symbols: tuple[str, ...] = ()


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
class TickAction:
    """A corporate action as it takes effect in a market.

    `value`: for a split, new shares per old; for a dividend, cash per share in the instrument's currency and in the
    basis of the market's prices (per share as it is counted after a split of the same day); for a delisting, the cash
    per share that a holder gets. `symbol` is the one before a `symbol_change`, `new_symbol` the one after. `ex_date` is
    market time. The same action may come again with the same tick: (listing_id, kind, ex_date) tells it.
    """

    kind: ActionKind
    listing_id: int
    symbol: str
    value: Decimal
    ex_date: date
    new_symbol: str = ""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "value": plain(self.value), "ex_date": self.ex_date.isoformat()}


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment of a market: every listing's quote. A pure function of the market's definition, history and `index`.

    `actions` take effect before this tick's prices, in their order; only a session's open has any. What an operator
    has done (halts) is shown on the quotes and is the one part that is not of the history. `is_kept`: its prices are
    there for good, so curves and large standings take a point; a live market keeps the first of each minute and ends.
    """

    index: int
    at: datetime
    day_index: int
    phase: int
    is_new_day: bool
    is_last: bool
    quotes: dict[str, Quote]
    is_session_close: bool = False
    actions: tuple[TickAction, ...] = ()
    is_kept: bool = True


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
    """A corporate action, effective at the open of `ex_date`.

    `value`: new shares per old (split), cash per share as traded on `ex_date` (dividend), cash per share that holders
    get (delisting; 0: the last close; `ex_date` is the first day without trading), nothing (symbol_change).
    """

    kind: str
    ex_date: date
    value: Decimal
    new_symbol: str = ""


_encode = json.JSONEncoder(separators=(",", ":")).encode


def dumps(data: Mapping[str, Any]) -> str:
    """Compact JSON."""
    return _encode(data)
