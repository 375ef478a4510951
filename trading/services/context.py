"""What never changes about an account, kept in the process, and market data in the order path's own terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import NotFound, Unavailable
from marketdata import selectors as market_selectors
from marketdata.domain.types import ListingView, Quote
from trading.domain.case import Marks
from trading.domain.limits import Limits, tighten
from trading.domain.ports import news_around
from trading.domain.quotes import prices_of
from trading.domain.ruled import with_sight
from trading.domain.snapshot import Instrument, QuoteState, Snapshot
from trading.models import Account


@dataclass(frozen=True, slots=True)
class AccountContext:
    """The immutable part of an account."""

    id: int
    owner_id: int
    market_id: int
    purpose: str
    currency: str
    is_margin: bool


@lru_cache(maxsize=200_000)
def account_context(account_id: int) -> AccountContext:
    """The account's immutable facts; raises NotFound. (A miss is not cached: lru_cache keeps no exceptions.)"""
    row = (
        Account.objects.filter(pk=account_id)
        .values_list("id", "owner_id", "market_id", "purpose", "currency", "is_margin")
        .first()
    )
    if row is None:
        raise NotFound("account_not_found", "There is no such account.")
    return AccountContext(*row)


def forget() -> None:
    """Empty the cache (tests, where ids come back after a rollback)."""
    account_context.cache_clear()


def instrument_of(listing: ListingView, currency: str, on: date, *, last: Decimal | None = None) -> Instrument:
    """A listing as the order path needs it, with its rate into the account's currency on a day.

    With the last price of a live market the grid is what the exchange says at that price. Raises Unavailable when
    the currencies differ and no rate is stored for the day or before it.
    """
    fx = Decimal(1)
    if listing.currency != currency:
        rate = market_selectors.fx_rate(listing.currency, currency, on)
        if rate is None:
            words = f"There is no {listing.currency}/{currency} rate for {on}. An operator must load it (import_fx)."
            raise Unavailable("no_fx_rate", words)
        fx = rate
    grid = listing.tick_size if last is None else tick_size_at(listing, last, on)
    return Instrument(listing.id, listing.symbol, grid, listing.lot_size, listing.currency, listing.exchange, fx)


def tick_size_at(listing: ListingView, last: Decimal, on: date) -> Decimal:
    """The price grid of a listing at a price: its own in a replay, in a live market the exchange's at that price."""
    if market_selectors.market_facts(listing.market_id).is_replay:
        return listing.tick_size
    try:
        rule = market_selectors.tick_size_for(listing.exchange, last, on)
    except NotFound:
        rule = None
    return listing.tick_size if rule is None else rule


def quote_state(quote: Quote) -> QuoteState:
    """A quote as the order path needs it, with the evidence that a fill stores."""
    return QuoteState(prices_of(quote), quote.tick, quote.at, quote.to_json())


def closed_now(market_id: int, listing: ListingView) -> dict[str, Any] | None:
    """Why a live or simulated market takes no order in a listing now, and when it will; None when it does."""
    facts = market_selectors.market_facts(market_id)
    if facts.is_replay:
        return None
    status = market_selectors.market_status(facts.exchange, datetime.now(tz=UTC), segment=listing.segment)
    if status.is_open:
        return None
    opens = status.next_open
    return {
        "exchange": status.name,
        "reason": status.reason or status.phase.replace("_", " "),
        "next_open": None if opens is None else opens.astimezone(ZoneInfo(status.zone)).strftime("%a %d %b %H:%M %Z"),
        "next_open_at": None if opens is None else opens.isoformat(),
    }


def marks_of(market_id: int, currency: str, quotes: Iterable[Quote]) -> Marks:
    """Last prices by listing, with the instruments: what a margin account's positions are worth."""
    by_id = {listing.id: listing for listing in market_selectors.listings(market_id)}
    return {
        quote.listing_id: (quote.last, instrument_of(by_id[quote.listing_id], currency, quote.at.date()))
        for quote in quotes
        if quote.listing_id in by_id
    }


def limits_of(snapshot: Snapshot) -> Limits:
    """The tightest of the person's own limits and those of the account's group."""
    own, group = snapshot.risk, snapshot.policy.get("limits")
    if not own and not group:
        return _NO_LIMITS
    return tighten(Limits.from_json(own or {}), Limits.from_json(group or {}))


_NO_LIMITS = Limits()


def in_sight(snapshot: Snapshot, marks: Marks | None) -> tuple[Snapshot, Marks | None]:
    """The snapshot and marks that an order is judged on: rules look at every position and at the news."""
    if snapshot.rules is None:
        return snapshot, marks
    account = snapshot.account
    if marks is None:
        marks = marks_of(account.market_id, account.currency, market_selectors.quotes_all(account.market_id).values())
    at = None if snapshot.market_at is None else datetime.fromisoformat(snapshot.market_at)
    events = () if at is None else news_around(account.market_id, at)
    return replace(snapshot, rules=with_sight(snapshot.rules, marks, events)), marks
