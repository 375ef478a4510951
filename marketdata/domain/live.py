"""Live and simulated markets: their definition, and a tick's quotes from what the feed has. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from core.errors import Invalid
from marketdata.domain.feed import LiveQuote, at_of, price_of
from marketdata.domain.overlay import Overlay, band
from marketdata.domain.types import ListingView, Quote

MAX_SYMBOLS = 5000
_SYMBOL = re.compile(r"^[A-Z0-9][A-Z0-9.\-]{0,15}$")


@dataclass(frozen=True, slots=True)
class LiveDefinition:
    """Which instruments a live market lists, whose sessions it keeps, and how often it takes a tick of the feed.

    `spread_bps` is the full modelled spread, in basis points, for vendors (or plans) that give no bid and ask.
    `warmup_days` sessions of history are shown to strategies and charts.
    """

    exchange: str
    symbols: tuple[str, ...]
    seconds_per_tick: Decimal = Decimal(1)
    warmup_days: int = 250
    spread_bps: Decimal = Decimal(4)
    seed: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LiveDefinition:
        """Read and check a definition; raises Invalid naming the field."""
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(data) - known - {"kind"})
        _require(not unknown, unknown[0] if unknown else "", "There is no such field in a live market's definition.")
        for name in ("exchange", "symbols"):
            _require(name in data, name, "This field is needed.")
        try:
            made = cls(
                exchange=str(data["exchange"]).strip().upper(),
                symbols=tuple(str(item).strip().upper() for item in data["symbols"]),
                seconds_per_tick=Decimal(str(data.get("seconds_per_tick", 1))),
                warmup_days=int(data.get("warmup_days", 250)),
                spread_bps=Decimal(str(data.get("spread_bps", 4))),
                seed=int(data.get("seed", 0)),
            )
        except (TypeError, ValueError, InvalidOperation) as error:
            raise Invalid("invalid_definition", "The market's definition is not valid.", {"field": "market"}) from error
        return made.validated()

    def validated(self) -> LiveDefinition:
        """Itself; raises Invalid with the offending field in the details."""
        _require(0 < len(self.exchange) <= 12, "exchange", "Name the exchange whose sessions the market keeps.")
        _require(0 < len(self.symbols) <= MAX_SYMBOLS, "symbols", f"Choose between 1 and {MAX_SYMBOLS} symbols.")
        _require(len(set(self.symbols)) == len(self.symbols), "symbols", "A symbol is there twice.")
        _require(all(_SYMBOL.match(item) for item in self.symbols), "symbols", "A symbol is not valid.")
        seconds = self.seconds_per_tick
        _require(
            seconds.is_finite() and Decimal("0.1") <= seconds <= 3600,
            "seconds_per_tick",
            "A live market takes a tick every 0.1 to 3600 seconds.",
        )
        _require(0 <= self.warmup_days <= 2000, "warmup_days", "The history shown is 0 to 2000 sessions.")
        spread = self.spread_bps
        _require(spread.is_finite() and 0 <= spread <= 1000, "spread_bps", "The spread is 0 to 1000 basis points.")
        _require(0 <= self.seed < 2**63, "seed", "The seed is a whole number from 0 to 2^63 - 1.")
        return self

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, canonical."""
        return {
            "exchange": self.exchange,
            "symbols": list(self.symbols),
            "seconds_per_tick": format(self.seconds_per_tick.normalize(), "f"),
            "warmup_days": self.warmup_days,
            "spread_bps": format(self.spread_bps.normalize(), "f"),
            "seed": self.seed,
        }


def _require(condition: bool, field: str, message: str) -> None:
    if not condition:
        raise Invalid("invalid_definition", message, {"field": field})


@dataclass(frozen=True, slots=True)
class Before:
    """What the session before left of an instrument: its close in today's shares, and its volume. None: not known.

    `band_pct` is how far from that close the exchange lets it trade in this session, in percent (None: any way).
    """

    close: Decimal | None = None
    volume: int = 0
    band_pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The tick that quotes are made for."""

    tick: int
    session_date: date
    is_open: bool
    is_close: bool
    halted: bool


def quote_of(
    live: LiveQuote, listing: ListingView, before: Before, moment: Moment, definition: LiveDefinition, overlay: Overlay
) -> Quote | None:
    """A listing's quote at a tick from the feed's latest; None while nothing has traded or been quoted yet.

    Without a bid or an ask of the vendor half of the modelled spread is put on each side of the last price, at least
    half a tick, rounded outward to the grid. A crossed or one-sided quote is taken for none.
    """
    last = price_of(live.last) if live.last else _middle(live)
    if last is None:
        return None
    bid, ask = _sides(live, last, listing.tick_size, definition.spread_bps)
    previous = before.close or (price_of(live.previous_close) if live.previous_close else last)
    percent = overlay.band_pct or (before.band_pct if before.close else None)
    low, high = band(previous, percent, listing.tick_size) if percent else (None, None)
    return Quote(
        symbol=listing.symbol,
        listing_id=listing.id,
        bid=bid,
        ask=ask,
        last=last,
        tick=moment.tick,
        at=at_of(live.at),
        source=live.provider,
        is_open_print=moment.is_open,
        volume=before.volume or live.volume,
        previous_close=previous,
        halted=live.halted or listing.is_halted or moment.halted,
        band_low=low,
        band_high=high,
        bid_size=Decimal(live.bid_size) if overlay.sizes and live.bid_size else None,
        ask_size=Decimal(live.ask_size) if overlay.sizes and live.ask_size else None,
        is_close_print=moment.is_close,
    )


def _middle(live: LiveQuote) -> Decimal | None:
    return price_of((live.bid + live.ask) // 2) if live.bid and live.ask else None


def _sides(live: LiveQuote, last: Decimal, tick_size: Decimal, spread_bps: Decimal) -> tuple[Decimal, Decimal]:
    if live.bid and live.ask and live.bid < live.ask:
        return price_of(live.bid), price_of(live.ask)
    half = max(last * spread_bps / 20_000, tick_size / 2)
    bid = ((last - half) / tick_size).to_integral_value(rounding=ROUND_FLOOR) * tick_size
    ask = ((last + half) / tick_size).to_integral_value(rounding=ROUND_CEILING) * tick_size
    return max(bid, tick_size), ask
