"""Prices that are not to be believed: what no market shows, and what moved too far at once and alone. Pure.

A listing whose price is not believed is held at its last good price. It is believed again when it comes back, or when
it stays where it went. A move that the market shares is a crash and no error: then every price is believed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from statistics import median

from marketdata.domain.types import Quote
from trading.domain.types import plain

HALT, ANOMALY, OPERATOR = "halt", "anomaly", "operator"
_ZERO = Decimal(0)
_STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Bounds:
    """`share`: the move in one tick that is not believed at once; `steady_share`: how near to a new level it stays for
    `steady_ticks` further ticks to be believed. `crowd`: the part of `share` that the median listing moves in a crash.
    """

    share: Decimal = Decimal("0.3")
    steady_share: Decimal = Decimal("0.1")
    steady_ticks: int = 2
    crowd: Decimal = Decimal(1) / 3


@dataclass(frozen=True, slots=True)
class Held:
    """A listing that is held: at which price, where its price went, and for how many ticks it has stayed there."""

    kind: str
    price: Decimal
    level: Decimal
    steady: int = 0


def followed(held: Held, last: Decimal, bounds: Bounds) -> Held:
    """A hold after one more tick at `last`: a tick longer at its level, or at a new one."""
    if not is_price(last):
        return replace(held, level=_ZERO, steady=0)
    near = is_price(held.level) and abs(last - held.level) <= held.level * bounds.steady_share
    return replace(held, level=held.level if near else last, steady=held.steady + 1 if near else 0)


@dataclass(frozen=True, slots=True)
class Change:
    """A listing that is held from this tick on (`opens`) or believed again. `price`: held; `seen`: what it shows."""

    opens: bool
    listing_id: int
    symbol: str
    kind: str
    reason: str
    price: Decimal
    seen: Decimal


@dataclass(slots=True)
class Watch:
    """What is believed of a market's listings, in their own currencies: last good prices, and those that are held."""

    bounds: Bounds = field(default_factory=Bounds)
    good: dict[int, Decimal] = field(default_factory=dict)
    held: dict[int, Held] = field(default_factory=dict)

    def split(self, listing_id: int, ratio: Decimal) -> None:
        """Count in new shares what is remembered: `ratio` new ones for each old one."""
        if listing_id in self.good:
            self.good[listing_id] = _shared(self.good[listing_id], ratio)
        held = self.held.get(listing_id)
        if held is not None:
            moved = replace(held, price=_shared(held.price, ratio), level=_shared(held.level, ratio))
            self.held[listing_id] = moved

    def step(self, quotes: Iterable[Quote], spared: Collection[int] = ()) -> list[Change]:
        """Take one tick's quotes in: what changes. Moves of the `spared` (a corporate action is in force) are believed.

        An operator's hold is ended by an operator only; a halt's ends with the halt.
        """
        found: list[Change] = []
        believed: dict[int, Decimal] = {}
        suspects: list[Quote] = []
        moves: list[Decimal] = []
        for quote in quotes:
            key = quote.listing_id
            if key in self.held and not self._released(quote, found):
                continue
            good, last = self.good.get(key), quote.last
            if good is None:
                if is_price(last) and not quote.halted:
                    believed[key] = last
            elif quote.halted:
                self._hold(quote, HALT, "the listing is halted", found)
            elif not is_price(last):
                self._hold(quote, ANOMALY, f"{last} is no price", found)
            else:
                moves.append(abs(last - good) / good)
                if moves[-1] > self.bounds.share and key not in spared:
                    suspects.append(quote)
                else:
                    believed[key] = last
        shared = bool(suspects) and median(moves) > self.bounds.share * self.bounds.crowd
        for quote in suspects:
            if shared:
                believed[quote.listing_id] = quote.last
            else:
                self._hold(quote, ANOMALY, self._jump(quote), found)
        self.good |= believed
        return found

    def _jump(self, quote: Quote) -> str:
        good = self.good[quote.listing_id]
        share = ((quote.last / good - 1) * 100).quantize(Decimal("0.1"))
        return f"{share:+}% in one tick, from {plain(good)} to {plain(quote.last)}"

    def _hold(self, quote: Quote, kind: str, reason: str, found: list[Change]) -> None:
        price = self.good[quote.listing_id]
        self.held[quote.listing_id] = Held(kind, price, quote.last)
        found.append(Change(True, quote.listing_id, quote.symbol, kind, reason, price, quote.last))

    def _released(self, quote: Quote, found: list[Change]) -> bool:
        """Whether a held listing is let go by its quote, and is then looked at like any other."""
        held = self.held[quote.listing_id]
        why = self._why(quote, held)
        if why is None:
            return False
        del self.held[quote.listing_id]
        # What has stayed at its new level is believed there; the others are measured from the price they were held at.
        self.good[quote.listing_id] = quote.last if held.kind == ANOMALY else held.price
        found.append(Change(False, quote.listing_id, quote.symbol, held.kind, why, held.price, quote.last))
        return True

    def _why(self, quote: Quote, held: Held) -> str | None:
        """Why a held listing is believed again, or None; remembers how long it has stayed at its level."""
        if held.kind == OPERATOR or quote.halted:
            return None
        if held.kind == HALT:
            return "the halt is over"
        last, bounds = quote.last, self.bounds
        if is_price(last) and abs(last - held.price) <= held.price * bounds.share:
            return "the price is back"
        now = self.held[quote.listing_id] = followed(held, last, bounds)
        return "the price has stayed where it went" if now.steady >= bounds.steady_ticks else None


def is_price(price: Decimal) -> bool:
    """Whether anything can be worth that."""
    return price.is_finite() and price > 0


def _shared(price: Decimal, ratio: Decimal) -> Decimal:
    return (price / ratio).quantize(_STEP) if price.is_finite() else price
