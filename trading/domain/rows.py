"""Rows as JSON for trading_apply: what each part of a plan writes. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trading.domain import states
from trading.domain.positions import Holding
from trading.domain.snapshot import AccountState, OrderState

# What a quote must do for the matching pass to look at a resting order (trading.services.matching):
# fall to a buy limit, rise to a sell limit, rise or fall to a stop, either way for a trail, the next one, an auction.
BUY_LIMIT, SELL_LIMIT, UP, DOWN, TRAIL_UP, TRAIL_DOWN = "bl", "sl", "up", "dn", "tu", "td"
NEXT, OPENING, CLOSING = "nx", "op", "cl"


def wake(order: OrderState) -> tuple[str, Decimal | None]:
    """When a resting order must be looked at again, and the price for it; ("", None) when it does not rest."""
    if order.status not in states.OPEN:
        return "", None
    buys = order.side == "buy"
    found: tuple[str, Decimal | None] = NEXT, None
    if order.time_in_force in ("opg", "cls"):
        found = (OPENING if order.time_in_force == "opg" else CLOSING), None
    elif order.live_at is not None:
        pass
    elif order.type == "trailing_stop" and not order.triggered:
        found = (TRAIL_UP if buys else TRAIL_DOWN), order.stop_price
    elif order.type in ("stop", "stop_limit") and not order.triggered:
        found = (UP if buys else DOWN), order.stop_price
    elif order.limit_price is not None:
        found = (BUY_LIMIT if buys else SELL_LIMIT), order.limit_price
    return found


def account_row(account: AccountState) -> dict[str, int]:
    """The account's figures after the decision."""
    return {
        "cash_minor": account.cash_minor,
        "reserved_minor": account.reserved_minor,
        "realized_minor": account.realized_minor,
        "fees_minor": account.fees_minor,
        "other_minor": account.other_minor,
        "fills_count": account.fills_count,
        "open_orders_count": account.open_orders_count,
    }


def position_row(listing_id: int, holding: Holding) -> dict[str, Any]:
    """A position after the decision."""
    return {
        "listing_id": listing_id,
        "quantity": str(holding.quantity),
        "reserved_quantity": str(holding.reserved_quantity),
        "cost_minor": holding.cost_minor,
        "realized_minor": holding.realized_minor,
        "drawn_tick": holding.drawn_tick,
        "drawn_bought": str(holding.drawn_bought),
        "drawn_sold": str(holding.drawn_sold),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _changing(order: OrderState) -> dict[str, Any]:
    """What may change while an order lives."""
    kind, price = wake(order)
    return {
        "status": order.status,
        "quantity": str(order.quantity),
        "filled_quantity": str(order.filled_quantity),
        "limit_price": _text(order.limit_price),
        "stop_price": _text(order.stop_price),
        "trail_amount": _text(order.trail_amount),
        "extreme": _text(order.extreme),
        "average_price": _text(order.average_price),
        "triggered": order.triggered,
        "reserved_minor": order.reserved_minor,
        "reserved_quantity": str(order.reserved_quantity),
        "notional_minor": order.notional_minor,
        "fees_minor": order.fees_minor,
        "accepted_tick": order.accepted_tick,
        "seen_tick": order.seen_tick,
        "wake": kind,
        "wake_price": _text(price),
        "replaced_by_id": order.replaced_by_id,
        "live_at": order.live_at,
        "link_id": order.link_id,
    }


def order_row(order: OrderState, code: str, message: str, details: dict[str, Any] | None) -> dict[str, Any]:
    """A new order's row."""
    return {
        **_changing(order),
        "id": order.id,
        "listing_id": order.listing_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "time_in_force": order.time_in_force,
        "trail_percent": _text(order.trail_percent),
        "expires_at": order.expires_at,
        "reduce_only": order.reduce_only,
        "order_class": order.order_class,
        "role": order.role,
        "replaces_id": order.replaces_id,
        "code": code,
        "message": message,
        "details": details,
        "client_order_id": order.client_order_id,
        "source": order.source,
        "actor_id": order.actor_id,
        "created_at": order.created_at,
    }


def update_row(before: OrderState, after: OrderState, code: str, message: str) -> dict[str, Any]:
    """What changes on a stored order; `from_status` guards the move."""
    return {**_changing(after), "id": after.id, "from_status": before.status, "code": code, "message": message}
