"""A person's lists of instruments: at most 20 lists of 200 instruments, only their owner's to see and change."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from core.errors import Conflict, Invalid, NotFound
from marketdata.locks import watchlists_lock
from marketdata.models import Instrument, Watchlist, WatchlistItem
from marketdata.selectors.watchlists import WatchlistView, unknown, watchlist_get

MAX_LISTS = 20
MAX_ITEMS = 200
MAX_NAME = 60


def watchlist_create(*, actor: object, name: str) -> WatchlistView:
    """Make an empty list, the last of the person's. Raises Invalid, and Conflict `name_taken` or `too_many_lists`."""
    owner_id, name = _owner(actor), _name(name)
    with transaction.atomic():
        watchlists_lock(owner_id)
        positions = list(Watchlist.objects.filter(owner_id=owner_id).values_list("position", flat=True))
        if len(positions) >= MAX_LISTS:
            raise Conflict("too_many_lists", f"You have {MAX_LISTS} lists, the most there can be.", {"most": MAX_LISTS})
        _refuse_taken(owner_id, name)
        row = Watchlist.objects.create(owner_id=owner_id, name=name, position=max(positions, default=-1) + 1)
    return WatchlistView(row.pk, row.name, row.position, ())


def watchlist_rename(*, actor: object, watchlist_id: int, name: str) -> WatchlistView:
    """Give a list another name. Raises Invalid, NotFound, Conflict `name_taken`."""
    owner_id, name = _owner(actor), _name(name)
    with transaction.atomic():
        row = _locked(owner_id, watchlist_id)
        _refuse_taken(owner_id, name, besides=row.pk)
        row.name = name
        row.save(update_fields=["name"])
    return watchlist_get(owner_id, watchlist_id)


def watchlist_delete(*, actor: object, watchlist_id: int) -> None:
    """Delete a list and what is on it. Raises NotFound."""
    with transaction.atomic():
        _locked(_owner(actor), watchlist_id).delete()


def item_add(*, actor: object, watchlist_id: int, instrument_id: int) -> WatchlistView:
    """Put an instrument at the end of a list; one that is there already stays where it is.

    Raises NotFound and Conflict `too_many_items`.
    """
    owner_id = _owner(actor)
    with transaction.atomic():
        row = _locked(owner_id, watchlist_id)
        if not Instrument.objects.filter(pk=instrument_id).exists():
            raise NotFound("unknown_symbol", "There is no such instrument.", {"instrument": instrument_id})
        known = dict(WatchlistItem.objects.filter(watchlist=row).values_list("instrument_id", "position"))
        if instrument_id not in known:
            if len(known) >= MAX_ITEMS:
                details = {"most": MAX_ITEMS}
                raise Conflict("too_many_items", f"A list holds {MAX_ITEMS} instruments at most.", details)
            position = max(known.values(), default=-1) + 1
            WatchlistItem.objects.create(watchlist=row, instrument_id=instrument_id, position=position)
    return watchlist_get(owner_id, watchlist_id)


def item_remove(*, actor: object, watchlist_id: int, instrument_id: int) -> WatchlistView:
    """Take an instrument off a list; one that is not there changes nothing. Raises NotFound."""
    owner_id = _owner(actor)
    with transaction.atomic():
        row = _locked(owner_id, watchlist_id)
        WatchlistItem.objects.filter(watchlist=row, instrument_id=instrument_id).delete()
    return watchlist_get(owner_id, watchlist_id)


def items_reorder(*, actor: object, watchlist_id: int, instrument_ids: Sequence[int]) -> WatchlistView:
    """Put the instruments of a list in this order: exactly those that are on it, each once.

    Raises NotFound and Conflict `items_differ`.
    """
    owner_id = _owner(actor)
    with transaction.atomic():
        row = _locked(owner_id, watchlist_id)
        items = {item.instrument_id: item for item in WatchlistItem.objects.filter(watchlist=row)}
        if sorted(items) != sorted(instrument_ids):
            raise Conflict("items_differ", "Name every instrument of the list, each once.", {"items": list(items)})
        for position, instrument_id in enumerate(instrument_ids):
            items[instrument_id].position = position
        WatchlistItem.objects.bulk_update(items.values(), ["position"])
    return watchlist_get(owner_id, watchlist_id)


def _owner(actor: object) -> int:
    """The id of a user, or of anything with a `user_id`."""
    found = getattr(actor, "pk", None) or getattr(actor, "user_id", None)
    if not isinstance(found, int):
        raise Invalid("bad_request", "A list has an owner.", {"field": "actor"})
    return found


def _name(name: str) -> str:
    text = " ".join(name.split())
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise Invalid("bad_name", f"A name has 1 to {MAX_NAME} characters.", {"field": "name"})
    return text


def _locked(owner_id: int, watchlist_id: int) -> Watchlist:
    watchlists_lock(owner_id)
    row = Watchlist.objects.filter(pk=watchlist_id, owner_id=owner_id).first()
    if row is None:
        raise unknown(watchlist_id)
    return row


def _refuse_taken(owner_id: int, name: str, besides: int | None = None) -> None:
    rows = Watchlist.objects.filter(owner_id=owner_id, name__iexact=name)
    if besides is not None:
        rows = rows.exclude(pk=besides)
    if rows.exists():
        raise Conflict("name_taken", "You have a list of that name.", {"name": name})
