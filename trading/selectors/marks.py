"""What positions are worth at the quotes in force, in their account's currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.money import to_minor
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketClock, Quote


@dataclass(frozen=True, slots=True)
class Marked:
    """A listing's quote, the currency it trades in, and its rate into the account's (None: there is no rate)."""

    quote: Quote
    currency: str
    fx: Decimal | None

    def value_minor(self, quantity: Decimal, price: Decimal, currency: str) -> int | None:
        """`quantity` at `price` in minor units of the account's `currency`; None without a rate."""
        return None if self.fx is None else to_minor(quantity * price * self.fx, currency)


@dataclass(frozen=True, slots=True)
class Marks:
    """The quotes of one market in force, for accounts in one currency, and the market's clock."""

    currency: str
    clock: MarketClock
    by_listing: dict[int, Marked]

    def value_minor(self, listing_id: int, quantity: Decimal, cost_minor: int, *, price: Decimal | None = None) -> int:
        """A position at its last price, or at `price`; at its cost while there is no price or no rate."""
        mark = self.by_listing.get(listing_id)
        value = None if mark is None else mark.value_minor(quantity, price or mark.quote.last, self.currency)
        return cost_minor if value is None else value


def marks_at(market_id: int, currency: str) -> Marks:
    """The market's quotes in force, for accounts in `currency`; one round trip for all of them."""
    quotes, clock = market_selectors.quotes_and_clock(market_id)
    listed = {item.id: item.currency for item in market_selectors.listings(market_id)}
    found = {}
    for quote in quotes.values():
        own = listed.get(quote.listing_id, currency)
        fx = Decimal(1) if own == currency else market_selectors.fx_rate(own, currency, quote.at.date())
        found[quote.listing_id] = Marked(quote, own, fx)
    return Marks(currency, clock, found)
