"""Loading a market's slice and listings, which each process keeps.

A definition and its slice never change. Listings change when an operator halts one or a symbol changes; the market's
`listings_version` then grows, the board's clock tells it, and a process that kept an older one reads them again.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Lock
from typing import TypeVar

import numpy as np
from django.db import connection

from core.errors import NotFound
from marketdata.domain.building import slice_build
from marketdata.domain.layout import MICRO, History, grid
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.slices import Slice
from marketdata.domain.types import ListingView
from marketdata.models import CorporateAction, Instrument, Listing, Market
from marketdata.selectors.fx import fx_forget

MARKETS_KEPT = 32
_Kind = CorporateAction.Kind
T = TypeVar("T")
_slices: OrderedDict[int, Slice] = OrderedDict()
_listings: OrderedDict[int, "Listings"] = OrderedDict()
_lock = Lock()

_BARS = f"""
SELECT instrument_id, date, (open * {MICRO})::bigint, (high * {MICRO})::bigint, (low * {MICRO})::bigint,
       (close * {MICRO})::bigint, volume
FROM marketdata_dailybar WHERE instrument_id = ANY(%s) AND date BETWEEN %s AND %s ORDER BY instrument_id, date
"""  # noqa: S608


def cache_clear() -> None:
    """Forget what this process keeps (tests, crash drills)."""
    with _lock:
        _slices.clear()
        _listings.clear()
    fx_forget()


@dataclass(frozen=True, slots=True)
class Listings:
    """A market's listings by symbol in display order, as of a version; `former` finds them by symbols they had."""

    version: int
    current: dict[str, ListingView]
    former: dict[str, ListingView]


def listings_of(market_id: int) -> Listings:
    """A market's listings, kept by the process."""
    kept = _kept(_listings, market_id)
    if kept is not None:
        return kept
    version = Market.objects.filter(pk=market_id).values_list("listings_version", flat=True).first() or 0
    rows = Listing.objects.filter(market_id=market_id).select_related("instrument").order_by("position")
    views = [_listing_view(row) for row in rows]
    former = {symbol: view for view in views for symbol in view.former_symbols}
    found = Listings(version, {view.symbol: view for view in views}, former)
    if views:
        _keep(_listings, market_id, found)
    return found


def listing_map(market_id: int) -> dict[str, ListingView]:
    """A market's listings by symbol, in display order."""
    return listings_of(market_id).current


def listing_get(market_id: int, symbol: str) -> ListingView | None:
    """A listing by its symbol or one that it had before; kept by the process, as of its last look at the board."""
    known = listings_of(market_id)
    return known.current.get(symbol) or known.former.get(symbol)


def listing_named(market_id: int, symbol: str) -> ListingView:
    """The same; raises NotFound when there is none."""
    view = listing_get(market_id, symbol)
    if view is None:
        raise symbol_unknown(symbol)
    return view


def symbol_unknown(symbol: str) -> NotFound:
    """The refusal of a symbol that a market does not list."""
    return NotFound("unknown_symbol", "There is no such symbol in this market.", {"symbol": symbol[:16]})


def listing_by_id(listing_id: int) -> ListingView:
    """A listing as it is stored now; raises NotFound."""
    row = Listing.objects.select_related("instrument").filter(pk=listing_id).first()
    if row is None:
        raise NotFound("unknown_listing", "There is no such listing.", {"listing": listing_id})
    return _listing_view(row)


def listings_seen(market_id: int, version: int) -> None:
    """The board tells a version: forget listings kept from before it."""
    with _lock:
        kept = _listings.get(market_id)
        if kept is not None and kept.version < version:
            del _listings[market_id]


def _listing_view(row: Listing) -> ListingView:
    return ListingView(
        id=row.pk,
        market_id=row.market_id,
        symbol=row.symbol,
        name=row.name,
        sector=row.sector,
        tick_size=grid(row.instrument.tick_size),
        lot_size=grid(row.instrument.lot_size),
        currency=row.instrument.currency,
        instrument_id=row.instrument_id,
        position=row.position,
        exchange=row.instrument.exchange,
        segment=row.instrument.segment,
        is_halted=row.halted_at is not None,
        former_symbols=tuple(row.former_symbols),
    )


def _kept(kept: OrderedDict[int, T], market_id: int) -> T | None:
    """What is kept of a market. The markets asked for last stay, so asking for old ones pushes no live one out."""
    with _lock:
        if market_id not in kept:
            return None
        kept.move_to_end(market_id)
        return kept[market_id]


def _keep(kept: OrderedDict[int, T], market_id: int, value: T) -> None:
    with _lock:
        kept[market_id] = value
        while len(kept) > MARKETS_KEPT:
            kept.popitem(last=False)


def market_slice(market_id: int) -> Slice:
    """The market's slice, laid out for replay."""
    kept = _kept(_slices, market_id)
    if kept is not None:
        return kept
    raw = Market.objects.filter(pk=market_id).values_list("definition", flat=True).first()
    if raw is None:
        raise NotFound("unknown_market", "There is no such market.", {"market": market_id})
    definition = ReplayDefinition.from_json(raw)
    listings = list(listing_map(market_id).values())
    built = slice_build(definition, histories(definition, listings))
    _keep(_slices, market_id, built)
    return built


def histories(definition: ReplayDefinition, listings: Sequence[ListingView]) -> list[History]:
    """The raw history of a slice, warm-up included, in the order of the listings."""
    ids = [listing.instrument_id for listing in listings]
    first = definition.start - timedelta(days=definition.warmup_days * 3 // 2 + 14)
    bars: dict[int, list[tuple[date, int, int, int, int, int]]] = {ident: [] for ident in ids}
    with connection.cursor() as cursor:
        cursor.execute(_BARS, [ids, first, definition.end])
        for ident, *bar in cursor.fetchall():
            bars[ident].append(tuple(bar))
    actions = _actions(ids)
    real = {} if definition.mask else dict(Instrument.objects.filter(pk__in=ids).values_list("pk", "symbol"))
    return [
        History(
            symbol=real.get(listing.instrument_id, listing.symbol),
            listing_id=listing.id,
            tick_size=listing.tick_size,
            dates=[bar[0] for bar in bars[listing.instrument_id]],
            ohlc=np.array([bar[1:5] for bar in bars[listing.instrument_id]], dtype=np.int64).reshape(-1, 4),
            volume=np.array([bar[5] for bar in bars[listing.instrument_id]], dtype=np.int64),
            splits=[(row.ex_date, row.value) for row in actions[listing.instrument_id, _Kind.SPLIT]],
            dividends=[(row.ex_date, row.value) for row in actions[listing.instrument_id, _Kind.DIVIDEND]],
            symbol_changes=[
                (row.ex_date, row.new_symbol) for row in actions[listing.instrument_id, _Kind.SYMBOL_CHANGE]
            ],
            delisting=next(((row.ex_date, row.value) for row in actions[listing.instrument_id, _Kind.DELISTING]), None),
        )
        for listing in listings
    ]


def _actions(instrument_ids: Sequence[int]) -> dict[tuple[int, str], list[CorporateAction]]:
    """Corporate actions by instrument and kind, oldest first."""
    found: dict[tuple[int, str], list[CorporateAction]] = defaultdict(list)
    for row in CorporateAction.objects.filter(instrument_id__in=instrument_ids).order_by("ex_date"):
        found[row.instrument_id, row.kind].append(row)
    return found
