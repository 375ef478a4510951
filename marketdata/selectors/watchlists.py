"""A person's lists of instruments."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import NotFound
from marketdata.models import Watchlist, WatchlistItem
from marketdata.selectors.instruments import InstrumentView, instrument_view


@dataclass(frozen=True, slots=True)
class WatchlistView:
    """A list and its instruments, in the order in which the person keeps both."""

    id: int
    name: str
    position: int
    items: tuple[InstrumentView, ...]


def watchlists_of(owner_id: int) -> list[WatchlistView]:
    """All lists of a person, in two queries."""
    rows = list(Watchlist.objects.filter(owner_id=owner_id).order_by("position", "id"))
    items: dict[int, list[InstrumentView]] = {row.pk: [] for row in rows}
    found = WatchlistItem.objects.filter(watchlist__owner_id=owner_id).select_related("instrument")
    for item in found.order_by("position", "id"):
        if item.watchlist_id in items:
            items[item.watchlist_id].append(instrument_view(item.instrument))
    return [WatchlistView(row.pk, row.name, row.position, tuple(items[row.pk])) for row in rows]


def watchlist_get(owner_id: int, watchlist_id: int) -> WatchlistView:
    """One list of a person's; raises NotFound, also when it is somebody else's."""
    row = Watchlist.objects.filter(pk=watchlist_id, owner_id=owner_id).first()
    if row is None:
        raise unknown(watchlist_id)
    items = WatchlistItem.objects.filter(watchlist=row).select_related("instrument").order_by("position", "id")
    return WatchlistView(row.pk, row.name, row.position, tuple(instrument_view(item.instrument) for item in items))


def unknown(watchlist_id: int) -> NotFound:
    """That there is no such list."""
    return NotFound("unknown_watchlist", "You have no such list.", {"watchlist": watchlist_id})
