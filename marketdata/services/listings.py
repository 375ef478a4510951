"""What changes about a market's listings while it runs: an operator's halts, and symbols that history changes."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models.functions import Now

from core.errors import Invalid, NotFound
from core.push import publish
from core.services import audit, outbox
from marketdata.domain.types import ListingView
from marketdata.locks import market_lock
from marketdata.models import Listing, Market
from marketdata.selectors import listing_by_id, listings_seen
from marketdata.services.publish import channel, status_publish


def symbols_change_in_tx(*, market: Market, names: Mapping[int, str]) -> None:
    """Give listings (by id) new symbols as history changes them. The caller holds the market's row and saves it.

    The old symbols are kept, so that quotes and bars can still be asked for by them.
    """
    rows = list(Listing.objects.filter(market=market, pk__in=names))
    before = {row.pk: row.symbol for row in rows}
    for row in rows:  # out of the way first: one may take a symbol that another gives up
        row.former_symbols = [*row.former_symbols, row.symbol]
        row.symbol = f"~{row.pk}"[:16]
    Listing.objects.bulk_update(rows, ["symbol", "former_symbols"])
    for row in rows:
        row.symbol = names[row.pk]
    Listing.objects.bulk_update(rows, ["symbol"])
    market.listings_version += 1
    for row in rows:
        audit.record(
            actor=None,
            action="listing.symbol_change",
            subject_type="listing",
            subject_id=row.pk,
            before={"symbol": before[row.pk]},
            after={"symbol": row.symbol, "tick": market.tick},
            reason="The company changed its symbol.",
        )


def listing_halt(*, actor: object | None, listing_id: int, reason: str) -> ListingView:
    """Halt a listing: from now on nothing of it fills, and its quote says so. Halting a halted one changes nothing.

    Raises Invalid without a reason and NotFound.
    """
    return _halt_set(actor=actor, listing_id=listing_id, reason=reason, halted=True)


def listing_resume(*, actor: object | None, listing_id: int, reason: str) -> ListingView:
    """Let a halted listing trade again; resuming one that is not halted changes nothing."""
    return _halt_set(actor=actor, listing_id=listing_id, reason=reason, halted=False)


def _halt_set(*, actor: object | None, listing_id: int, reason: str, halted: bool) -> ListingView:
    """Set or lift a halt under the market's lock, so that it is ordered with the ticks; then show it at once."""
    reason = reason.strip()[:300]
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    with transaction.atomic(durable=True):
        market_id = Listing.objects.filter(pk=listing_id).values_list("market_id", flat=True).first()
        if market_id is None:
            raise NotFound("unknown_listing", "There is no such listing.", {"listing": listing_id})
        market = market_lock(market_id)
        listing = Listing.objects.get(pk=listing_id)
        if (listing.halted_at is not None) == halted:
            return listing_by_id(listing_id)
        _halt_store(actor, market, listing, reason, halted=halted)
    listings_seen(market.pk, market.listings_version)
    status_publish(market=market)
    publish(channel(market.pk), "halt", {"symbol": listing.symbol, "halted": halted, "tick": market.tick})
    return listing_by_id(listing_id)


def _halt_store(actor: object | None, market: Market, listing: Listing, reason: str, *, halted: bool) -> None:
    Listing.objects.filter(pk=listing.pk).update(
        halted_at=Now() if halted else None, halt_reason=reason if halted else ""
    )
    market.listings_version += 1
    market.save(update_fields=["listings_version"])
    verb, event = ("halt", "halted") if halted else ("resume", "resumed")
    payload = {"market_id": market.pk, "listing_id": listing.pk, "symbol": listing.symbol, "tick": market.tick}
    outbox.emit(topic=f"marketdata.listing_{event}", aggregate=f"market:{market.pk}", payload=payload)
    audit.record(
        actor=actor,
        action=f"listing.{verb}",
        subject_type="listing",
        subject_id=listing.pk,
        before={"halted": not halted, "reason": listing.halt_reason},
        after={"halted": halted, "market": market.slug, "symbol": listing.symbol, "tick": market.tick},
        reason=reason,
    )
