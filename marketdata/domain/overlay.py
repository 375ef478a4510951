"""What a market puts on the quotes of history: halts, price bands and modelled sizes. Pure and deterministic.

Sizes: on each side of each print a tenth of an even share of the last session's volume, times a seeded factor between
0.5 and 1.5, in whole lots and at least one. With no completed session to go by there are none (None: no limit).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from core.errors import Invalid
from marketdata.domain.types import ListingView, Quote, Tick

SIZE_SHARE = 10  # one part in ten
_WORD = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Overlay:
    """What of `Market.venue` shows on quotes: the band in percent of the previous close, and whether it has sizes."""

    band_pct: Decimal | None = None
    sizes: bool = False
    seed: int = 0

    @classmethod
    def of(cls, venue: Mapping[str, Any], seed: int) -> "Overlay":
        """Read `band_pct` and `sizes`; raises Invalid naming the field."""
        raw, sizes = venue.get("band_pct"), venue.get("sizes", False)
        if not isinstance(sizes, bool):
            raise _invalid("sizes", "Whether the market carries sizes is true or false.")
        try:
            band = Decimal(str(raw)) if raw not in (None, "") else None
        except InvalidOperation as error:
            raise _invalid("band_pct", "The price band is a number of percent.") from error
        if band is not None and (isinstance(raw, bool) or not band.is_finite() or not 0 <= band < 100):
            raise _invalid("band_pct", "The price band is 0 (none) to below 100 percent.")
        return cls(band or None, sizes, seed)


def _invalid(field: str, message: str) -> Invalid:
    return Invalid("invalid_venue", message, {"field": field})


def overlaid(
    tick: Tick, overlay: Overlay, listings: Mapping[int, ListingView], *, prints: int, has_volume: bool
) -> Tick:
    """The tick as the market shows it. `listings` by id; `has_volume`: a session has been completed."""
    halted = {ident for ident, view in listings.items() if view.is_halted}
    if not halted and overlay.band_pct is None and not (overlay.sizes and has_volume):
        return tick
    quotes = {
        symbol: _quote(quote, overlay, listings[quote.listing_id], halted, prints if has_volume else 0)
        for symbol, quote in tick.quotes.items()
    }
    return replace(tick, quotes=quotes)


def _quote(quote: Quote, overlay: Overlay, listing: ListingView, halted: Collection[int], prints: int) -> Quote:
    low, high = band(quote.previous_close, overlay.band_pct, listing.tick_size) if overlay.band_pct else (None, None)
    sized = overlay.sizes and prints > 0
    return replace(
        quote,
        halted=listing.id in halted,
        band_low=low,
        band_high=high,
        bid_size=size(quote, overlay.seed, listing, prints, 0) if sized else None,
        ask_size=size(quote, overlay.seed, listing, prints, 1) if sized else None,
    )


@lru_cache(maxsize=8_192)  # asked at every print of a session
def band(reference: Decimal, pct: Decimal, tick_size: Decimal) -> tuple[Decimal, Decimal]:
    """The lowest and highest price that may trade: the reference less and plus `pct` percent, rounded inward."""
    low, high = (reference * (100 + sign * pct) / 100 / tick_size for sign in (-1, 1))
    return (
        max(low.to_integral_value(rounding=ROUND_CEILING), Decimal(1)) * tick_size,
        high.to_integral_value(rounding=ROUND_FLOOR) * tick_size,
    )


def size(quote: Quote, seed: int, listing: ListingView, prints: int, side: int) -> Decimal:
    """Units on offer at the bid (side 0) or the ask (side 1) of a print."""
    draw = _mixed(_stream(seed, listing.position) + 2 * quote.tick + side)
    above, below = listing.lot_size.as_integer_ratio()
    lots = quote.volume * (500 + draw % 1001) * below // (1000 * SIZE_SHARE * prints * above)
    return max(lots, 1) * listing.lot_size


@lru_cache(maxsize=8_192)
def _stream(seed: int, position: int) -> int:
    return _mixed(_mixed(seed ^ 0x9E3779B97F4A7C15) + position)


def _mixed(word: int) -> int:
    """The finalizer of SplitMix64: 64 bits in, 64 well-mixed bits out, the same everywhere."""
    word = (word + 0x9E3779B97F4A7C15) & _WORD
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)
