"""What may change about an order that rests. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from core.errors import Invalid
from trading.domain.snapshot import OrderState
from trading.domain.types import OrderRequest, TimeInForce


@dataclass(frozen=True, slots=True)
class Revision:
    """New values; None keeps the old one. `quantity` is what is still to be filled, not what has been."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    time_in_force: TimeInForce | None = None
    expires_at: datetime | None = None
    client_order_id: str | None = None


def _either(new: Decimal | None, old: Decimal | None) -> Decimal | None:
    """The new value where one is given: zero is a value, and is refused as one."""
    return old if new is None else new


def revised(order: OrderState, revision: Revision) -> OrderRequest:
    """The request that takes the order's place. Raises Invalid when nothing changes."""
    if all(getattr(revision, item.name) is None for item in fields(revision)):
        raise Invalid("nothing_to_change", "Send at least one value to change.")
    tif = revision.time_in_force or order.time_in_force
    expires = revision.expires_at
    if expires is None and order.expires_at is not None and tif == "gtd":
        expires = datetime.fromisoformat(order.expires_at)
    trailing = order.type == "trailing_stop"
    amount, percent = revision.trail_amount, revision.trail_percent
    if trailing and amount is None and percent is None:
        amount, percent = order.trail_amount, order.trail_percent
    stop = None if trailing else _either(revision.stop_price, None if order.triggered else order.stop_price)
    kind = order.type
    if order.triggered and order.type == "stop_limit":
        # Its stop has done its work: what rests is a limit order.
        kind, stop = "limit", revision.stop_price
    elif order.triggered and kind in ("stop", "trailing_stop"):
        kind, stop, amount, percent = "market", revision.stop_price, None, None
    return OrderRequest(
        symbol=order.symbol,
        side=order.side,
        quantity=order.remaining if revision.quantity is None else revision.quantity,
        type=kind,
        limit_price=_either(revision.limit_price, order.limit_price),
        stop_price=stop,
        trail_amount=amount,
        trail_percent=percent,
        time_in_force=tif,
        expires_at=expires,
        reduce_only=order.reduce_only,
        client_order_id=order.client_order_id if revision.client_order_id is None else revision.client_order_id,
        source=order.source,
    )
