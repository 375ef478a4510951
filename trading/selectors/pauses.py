"""Listings whose price is not believed just now, and what was held at which tick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, QuerySet

from trading.models import EnforcementPause, Position


@dataclass(frozen=True, slots=True)
class PauseView:
    """A listing that rules are not enforced on by its price. `held_price` is in the listing's currency."""

    id: int
    listing_id: int
    symbol: str
    kind: str
    reason: str
    held_price: Decimal
    since: datetime


def pauses_query(market_id: int | None = None) -> QuerySet[EnforcementPause]:
    """Pauses, those that hold first, then the newest; of one market or of all."""
    rows = EnforcementPause.objects.select_related("listing", "market").order_by(
        F("until_tick").desc(nulls_first=True), "-id"
    )
    return rows if market_id is None else rows.filter(market_id=market_id)


def pauses_open(market_id: int) -> list[PauseView]:
    """The pauses that hold in a market, oldest first."""
    rows = EnforcementPause.objects.select_related("listing").filter(market_id=market_id, until_tick__isnull=True)
    return [_view(row) for row in rows.order_by("id")]


def pauses_at(market_id: int, tick: int) -> dict[int, tuple[Decimal, str]]:
    """(held price, reason) by listing id of the pauses that held at a tick."""
    rows = EnforcementPause.objects.filter(Q(until_tick__isnull=True) | Q(until_tick__gt=tick), market_id=market_id)
    found = rows.filter(from_tick__lte=tick).order_by("id").values_list("listing_id", "held_price", "reason")
    return {listing_id: (price, reason) for listing_id, price, reason in found}


def paused_symbols(account_id: int) -> list[PauseView]:
    """The pauses that hold for positions of an account, by symbol. Who may see the account is the caller's business."""
    held = Position.objects.filter(account_id=account_id).exclude(quantity=0).values("listing_id")
    rows = EnforcementPause.objects.select_related("listing").filter(listing_id__in=held, until_tick__isnull=True)
    return sorted((_view(row) for row in rows), key=lambda item: item.symbol)


def _view(row: EnforcementPause) -> PauseView:
    return PauseView(row.pk, row.listing_id, row.listing.symbol, row.kind, row.reason, row.held_price, row.from_at)
