"""Loading a market's slice. A market's definition, listings and slice never change, so each process keeps them."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, timedelta
from threading import Lock
from typing import TypeVar

import numpy as np
from django.db import connection

from core.errors import NotFound
from marketdata.domain.replay import ReplayDefinition
from marketdata.domain.slices import MICRO, History, Slice, grid, slice_build
from marketdata.domain.types import ListingView
from marketdata.models import CorporateAction, Listing, Market

MARKETS_KEPT = 32
T = TypeVar("T")
_slices: OrderedDict[int, Slice] = OrderedDict()
_listings: OrderedDict[int, dict[str, ListingView]] = OrderedDict()
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


def listing_map(market_id: int) -> dict[str, ListingView]:
    """A market's listings by symbol, in display order."""
    kept = _kept(_listings, market_id)
    if kept is not None:
        return kept
    rows = Listing.objects.filter(market_id=market_id).select_related("instrument").order_by("position")
    views = {
        row.symbol: ListingView(
            id=row.pk,
            market_id=market_id,
            symbol=row.symbol,
            name=row.name,
            sector=row.sector,
            tick_size=grid(row.instrument.tick_size),
            lot_size=grid(row.instrument.lot_size),
            currency=row.instrument.currency,
            instrument_id=row.instrument_id,
            position=row.position,
            exchange=row.instrument.exchange,
            is_halted=row.halted_at is not None,
            former_symbols=tuple(row.former_symbols),
        )
        for row in rows
    }
    if views:
        _keep(_listings, market_id, views)
    return views


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
    splits: dict[int, list] = {ident: [] for ident in ids}
    actions = CorporateAction.objects.filter(instrument_id__in=ids, kind=CorporateAction.Kind.SPLIT).order_by("ex_date")
    for ident, ex_date, value in actions.values_list("instrument_id", "ex_date", "value"):
        splits[ident].append((ex_date, value))
    return [
        History(
            symbol=listing.symbol,
            listing_id=listing.id,
            tick_size=listing.tick_size,
            dates=[bar[0] for bar in bars[listing.instrument_id]],
            ohlc=np.array([bar[1:5] for bar in bars[listing.instrument_id]], dtype=np.int64).reshape(-1, 4),
            volume=np.array([bar[5] for bar in bars[listing.instrument_id]], dtype=np.int64),
            splits=splits[listing.instrument_id],
        )
        for listing in listings
    ]
