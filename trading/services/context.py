"""What never changes about an account, kept in the process: which market, whose, under which policy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from core.errors import NotFound
from marketdata.domain.types import ListingView, Quote
from trading.domain.fills import Prices
from trading.domain.snapshot import QuoteState, Terms
from trading.models import Account


@dataclass(frozen=True, slots=True)
class AccountContext:
    """The immutable part of an account."""

    id: int
    owner_id: int
    market_id: int
    purpose: str


@lru_cache(maxsize=200_000)
def account_context(account_id: int) -> AccountContext:
    """The account's immutable facts; raises NotFound. (A miss is not cached: lru_cache keeps no exceptions.)"""
    row = Account.objects.filter(pk=account_id).values_list("id", "owner_id", "market_id", "purpose").first()
    if row is None:
        raise NotFound("account_not_found", "There is no such account.")
    return AccountContext(*row)


def forget() -> None:
    """Empty the cache (tests, where ids come back after a rollback)."""
    account_context.cache_clear()


def terms_of(listing: ListingView) -> Terms:
    """A listing as the order path needs it."""
    return Terms(listing.id, listing.symbol, listing.tick_size, listing.lot_size)


def quote_state(quote: Quote) -> QuoteState:
    """A quote as the order path needs it, with the evidence that a fill stores."""
    prices = Prices(bid=quote.bid, ask=quote.ask, last=quote.last, gap=quote.is_open_print)
    return QuoteState(prices, quote.tick, quote.at, quote.to_json())
