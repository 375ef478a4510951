"""Rows as JSON for trading_apply: what each part of a plan writes. Pure."""

from __future__ import annotations

from typing import Any

from trading.domain.positions import Holding
from trading.domain.snapshot import AccountState, OrderState


def account_row(account: AccountState) -> dict[str, int]:
    """The account's figures after the decision."""
    return {
        "cash_minor": account.cash_minor,
        "reserved_minor": account.reserved_minor,
        "realized_minor": account.realized_minor,
        "fees_minor": account.fees_minor,
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
    }


def order_row(order: OrderState, code: str, message: str, details: dict[str, Any] | None) -> dict[str, Any]:
    """A new order's row."""
    return {
        "id": order.id,
        "listing_id": order.listing_id,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "time_in_force": order.time_in_force,
        "quantity": str(order.quantity),
        "filled_quantity": str(order.filled_quantity),
        "limit_price": None if order.limit_price is None else str(order.limit_price),
        "average_price": None if order.average_price is None else str(order.average_price),
        "status": order.status,
        "reserved_minor": order.reserved_minor,
        "reserved_quantity": str(order.reserved_quantity),
        "code": code,
        "message": message,
        "details": details,
        "client_order_id": order.client_order_id,
        "source": order.source,
        "actor_id": order.actor_id,
        "accepted_tick": order.accepted_tick,
    }


def update_row(before: OrderState, after: OrderState, code: str, message: str) -> dict[str, Any]:
    """What changes on a stored order; `from_status` guards the move."""
    return {
        "id": after.id,
        "from_status": before.status,
        "status": after.status,
        "filled_quantity": str(after.filled_quantity),
        "average_price": None if after.average_price is None else str(after.average_price),
        "reserved_minor": after.reserved_minor,
        "reserved_quantity": str(after.reserved_quantity),
        "code": code,
        "message": message,
    }
