"""Orders in plain words: what kind, how long, how it stands."""

from __future__ import annotations

from core.templatetags.arena import price, qty
from trading.domain.types import OrderView

TYPES = {
    "market": "Market",
    "limit": "Limit",
    "stop": "Stop",
    "stop_limit": "Stop-limit",
    "trailing_stop": "Trailing stop",
}
TIMES = {
    "day": "Until the close",
    "gtc": "Until cancelled",
    "ioc": "At once, rest cancelled",
    "fok": "At once and whole",
    "gtd": "Until a date",
    "opg": "At the open",
    "cls": "At the close",
}
ROLES = {"take_profit": "Take profit", "stop_loss": "Stop loss"}
STATES = {
    "held": "Waits for its entry",
    "triggered": "Triggered",
    "filled": "Filled",
    "canceled": "Cancelled",
    "expired": "Expired",
    "denied": "Denied",
    "rejected": "Rejected",
    "replaced": "Replaced",
}


def _trail(order: OrderView) -> str:
    """Such as "Trailing stop 2% below the high, now 98.40"."""
    away = f"{qty(order.trail_percent)}%" if order.trail_percent else price(order.trail_amount)
    where = "below the high" if order.side == "sell" else "above the low"
    now = f", now {price(order.stop_price)}" if order.stop_price else ""
    return f"Trailing stop {away} {where}{now}"


def kind_words(order: OrderView) -> str:
    """The order's kind with its prices, such as "Stop 97.00, limit 96.50"."""
    if order.type == "trailing_stop":
        return _trail(order)
    stop, limit = price(order.stop_price), price(order.limit_price)
    name = ROLES.get(order.role)
    if order.type == "stop_limit":
        return f"{name or 'Stop'} {stop}, limit {limit}"
    if order.type == "stop":
        return f"{name or 'Stop'} {stop}"
    if order.type == "limit":
        return f"{name or 'Limit'} {limit}"
    return f"{name} at the market" if name else "Market"


def time_words(order: OrderView) -> str:
    """How long it is in force, such as "Until 12 Mar 2024"."""
    if order.time_in_force == "gtd" and order.expires_at:
        year, month, day = order.expires_at[:10].split("-")
        return f"Until {day} {_MONTHS[int(month) - 1]} {year}"
    return TIMES.get(order.time_in_force, order.time_in_force.upper())


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WAITS = {"stop": "Waits for its stop", "stop_limit": "Waits for its stop", "trailing_stop": "Follows the price"}


def state_words(order: OrderView) -> str:
    """How it stands, such as "Partly filled, 40 of 100"."""
    if order.status == "partially_filled":
        return f"Partly filled, {qty(order.filled_quantity)} of {qty(order.quantity)}"
    if order.status == "accepted":
        if order.time_in_force in ("opg", "cls"):
            return "Waits for the open" if order.time_in_force == "opg" else "Waits for the close"
        return _WAITS.get(order.type, "Waits for its limit" if order.type == "limit" else "Waits to be filled")
    return STATES.get(order.status, order.status.replace("_", " ").capitalize())
