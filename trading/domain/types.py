"""The vocabulary of the order path: frozen values that cross between apps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Literal

Side = Literal["buy", "sell"]
OrderType = Literal["market", "limit"]
TimeInForce = Literal["day", "gtc"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `user_id` None is the system itself."""

    user_id: int | None
    is_staff: bool = False
    label: str = ""


SYSTEM = Actor(user_id=None, label="system")


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is asked for. Quantity in units of the instrument, limit price in the instrument's currency."""

    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = "market"
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = "day"
    client_order_id: str = ""
    source: str = "api"

    def canonical(self) -> dict[str, str]:
        """The request as text values: what idempotency compares."""
        return {
            "symbol": self.symbol,
            "side": self.side,
            "quantity": format(self.quantity.normalize(), "f"),
            "type": self.type,
            "limit_price": "" if self.limit_price is None else format(self.limit_price.normalize(), "f"),
            "time_in_force": self.time_in_force,
            "client_order_id": self.client_order_id,
        }


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal by our own checks: what, why, and what to do."""

    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order as others see it. Decimals and times are strings, so it is its own JSON."""

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
    replayed: bool = False

    def to_json(self) -> dict[str, Any]:
        """The view as JSON-ready data, without the transport flag `replayed`."""
        return {name: getattr(self, name) for name in _ORDER_FIELDS}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OrderView:
        """A view from its JSON; what an older version wrote beside today's fields is left out."""
        return cls(**{name: data[name] for name in _ORDER_FIELDS if name in data})


_ORDER_FIELDS = tuple(item.name for item in fields(OrderView) if item.name != "replayed")


def plain(value: Decimal) -> str:
    """A Decimal as plain text without exponent or trailing zeros: 12.500000 -> "12.5"."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
