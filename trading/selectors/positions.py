"""What accounts hold."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.errors import NotFound
from core.money import exponent, to_major
from trading.domain.views import PositionView
from trading.models import Position
from trading.selectors.marks import Marks, marks_at

MAX_POSITIONS = 1000


def positions(account_id: int, *, include_closed: bool = False, symbol: str | None = None) -> list[PositionView]:
    """Holdings of an account at the latest prices, by symbol."""
    rows = (
        Position.objects.select_related("listing", "account").filter(account_id=account_id).order_by("listing__symbol")
    )
    rows = rows if include_closed else rows.exclude(quantity=0)
    rows = rows if symbol is None else rows.filter(listing__symbol=symbol)
    found = list(rows[:MAX_POSITIONS])
    if not found:
        return []
    marks = marks_at(found[0].account.market_id, found[0].account.currency)
    return [_position_view(row, marks) for row in found]


def position_get(account_id: int, symbol: str) -> PositionView:
    """An open position by its symbol; raises NotFound `position_not_found`."""
    found = positions(account_id, symbol=symbol.upper())
    if not found:
        raise NotFound("position_not_found", "There is no open position in this symbol.")
    return found[0]


def _position_view(row: Position, marks: Marks) -> PositionView:
    """A position at its quote; at its cost while there is no quote or no rate into the account's currency."""
    currency = row.account.currency
    mark = marks.by_listing.get(row.listing_id)
    value = marks.value_minor(row.listing_id, row.quantity, row.cost_minor)
    average = Decimal(0) if not row.quantity else to_major(row.cost_minor, currency) / row.quantity
    change = None
    if mark is not None:
        change = mark.value_minor(row.quantity, mark.quote.last - mark.quote.previous_close, currency)
    return PositionView(
        symbol=row.listing.symbol,
        name=row.listing.name,
        quantity=row.quantity,
        reserved_quantity=row.reserved_quantity,
        avg_price=average.quantize(Decimal(1).scaleb(-exponent(currency) - 2)),
        last=None if mark is None else mark.quote.last,
        cost_minor=row.cost_minor,
        value_minor=value,
        unrealized_minor=value - row.cost_minor,
        realized_minor=row.realized_minor,
        currency=currency,
        listing_id=row.listing_id,
        price_currency=currency if mark is None else mark.currency,
        fx=None if mark is None else mark.fx,
        day_change_minor=change,
        day_change_pct=None if mark is None else mark.quote.change_pct,
    )


def holdings(account_ids: Sequence[int]) -> dict[int, dict[str, tuple[Decimal, Decimal]]]:
    """(signed quantity, quantity of a long free to sell) by symbol, for many accounts in one statement."""
    found: dict[int, dict[str, tuple[Decimal, Decimal]]] = {account_id: {} for account_id in account_ids}
    rows = Position.objects.filter(account_id__in=account_ids).exclude(quantity=0).order_by("account_id", "listing_id")
    for account_id, symbol, quantity, reserved in rows.values_list(
        "account_id", "listing__symbol", "quantity", "reserved_quantity"
    ):
        found[account_id][symbol] = (quantity, max(quantity - reserved, Decimal(0)))
    return found
