"""The vocabulary of the order path: frozen values that cross between apps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
# opg and cls take part in the next opening or closing auction only.
TimeInForce = Literal["day", "gtc", "ioc", "fok", "gtd", "opg", "cls"]
# bracket: entry, take profit, stop loss. oto: entry and one of the two. oco: take profit (the order) and stop loss.
OrderClass = Literal["simple", "bracket", "oco", "oto"]

ORDER_TYPES: tuple[OrderType, ...] = ("market", "limit", "stop", "stop_limit", "trailing_stop")
TIMES_IN_FORCE: tuple[TimeInForce, ...] = ("day", "gtc", "ioc", "fok", "gtd", "opg", "cls")
ORDER_CLASSES: tuple[OrderClass, ...] = ("simple", "bracket", "oco", "oto")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `user_id` None is the system itself."""

    user_id: int | None
    is_staff: bool = False
    label: str = ""


SYSTEM = Actor(user_id=None, label="system")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is asked for. Quantity in units of the instrument, prices in the instrument's currency.

    `trail_percent` is in percent of the best price since acceptance. `expires_at` goes with `gtd`. A `reduce_only`
    order never opens, enlarges or turns a position. `take_profit_price`, `stop_loss_price` and `stop_loss_limit_price`
    are the legs of a bracket, OTO or OCO (see `OrderClass`).
    """

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = "market"
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = "day"
    client_order_id: str = ""
    source: str = "api"
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    expires_at: datetime | None = None
    reduce_only: bool = False
    order_class: OrderClass = "simple"
    take_profit_price: Decimal | None = None
    stop_loss_price: Decimal | None = None
    stop_loss_limit_price: Decimal | None = None

    def canonical(self) -> dict[str, str]:
        """The request as text values: what idempotency compares. What is not set is left out."""
        found: dict[str, str] = {}
        for name in _REQUEST_FIELDS:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                value = format(value.normalize(), "f")
            elif isinstance(value, datetime):
                value = value.isoformat()
            elif isinstance(value, bool):
                value = "true" if value else ""
            if value or name in _ALWAYS:
                found[name] = value or ""
        return found


_ALWAYS = frozenset({"symbol", "side", "quantity", "type", "limit_price", "time_in_force", "client_order_id"})
_REQUEST_FIELDS = tuple(item.name for item in fields(OrderRequest) if item.name != "source")


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal by our own checks: what, why, and what to do."""

    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as others see it. Decimals and times are strings, so it is its own JSON.

    `fee` is what the order has paid so far, in major units of `currency`. `parent_id` is the entry that the leg of a
    bracket protects; `legs` are the ids of an order's own legs; `replaces_id` and `replaced_by_id` chain replacements.
    """

    id: int
    account_id: int
    symbol: str
    side: str
    type: str
    time_in_force: str
    quantity: str
    filled_quantity: str
    limit_price: str | None
    average_price: str | None
    status: str
    code: str
    message: str
    details: dict[str, Any]
    client_order_id: str
    source: str
    market_at: str | None
    created_at: str
    fee: str | None = None
    currency: str = "USD"
    stop_price: str | None = None
    trail_amount: str | None = None
    trail_percent: str | None = None
    expires_at: str | None = None
    reduce_only: bool = False
    order_class: str = "simple"
    role: str = ""
    parent_id: int | None = None
    legs: tuple[int, ...] = ()
    replaces_id: int | None = None
    replaced_by_id: int | None = None
    replayed: bool = False

    def to_json(self) -> dict[str, Any]:
        """The view as JSON-ready data, without the transport flag `replayed`."""
        return {**{name: getattr(self, name) for name in _ORDER_FIELDS}, "legs": list(self.legs)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OrderView:
        """A view from its JSON; what an older version wrote beside today's fields is left out."""
        known = {name: data[name] for name in _ORDER_FIELDS if name in data}
        return cls(**{**known, "legs": tuple(data.get("legs", ()))})


_ORDER_FIELDS = tuple(item.name for item in fields(OrderView) if item.name != "replayed")


def plain(value: Decimal) -> str:
    """A Decimal as plain text without exponent or trailing zeros: 12.500000 -> "12.5"."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def maybe_plain(value: Decimal | None) -> str | None:
    """`plain`, or None."""
    return None if value is None else plain(value)
