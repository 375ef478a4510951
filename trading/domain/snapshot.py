"""Everything a decision about one account may look at, loaded under its lock. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from trading.domain.fills import Prices
from trading.domain.positions import Holding


@dataclass(frozen=True, slots=True)
class AccountState:
    """The locked account row. Amounts are integer minor units of `currency`."""

    id: int
    owner_id: int
    market_id: int
    group_id: int | None
    purpose: str
    currency: str
    status: str
    cash_minor: int
    reserved_minor: int
    realized_minor: int
    fees_minor: int
    fills_count: int
    open_orders_count: int
    ledger_account_id: int
    clearing_account_id: int
    fees_account_id: int

    @property
    def buying_power_minor(self) -> int:
        """Cash that no resting order holds."""
        return self.cash_minor - self.reserved_minor


@dataclass(frozen=True, slots=True)
class OrderState:
    """A stored order that is acted on again: matched, cancelled or expired."""

    id: int
    listing_id: int
    symbol: str
    side: str
    type: str
    time_in_force: str
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal | None
    average_price: Decimal | None
    status: str
    reserved_minor: int
    reserved_quantity: Decimal
    source: str
    client_order_id: str
    accepted_tick: int | None
    actor_id: int | None
    market_at: str | None
    created_at: str

    @property
    def remaining(self) -> Decimal:
        """Quantity not filled yet."""
        return self.quantity - self.filled_quantity


@dataclass(frozen=True, slots=True)
class Terms:
    """The instrument as the order path needs it. Prices move in `tick_size`, quantities in `lot_size`."""

    listing_id: int
    symbol: str
    tick_size: Decimal
    lot_size: Decimal


@dataclass(frozen=True, slots=True)
class QuoteState:
    """The quote that a decision uses, with its tick and its JSON evidence."""

    prices: Prices
    tick: int
    at: datetime
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One account, its owner, group and market, one position, and what else the decision needs."""

    account: AccountState
    owner_active: bool
    group_status: str | None
    policy: Mapping[str, Any]
    market_status: str
    market_tick: int
    market_at: str | None
    holding: Holding
    order: OrderState | None
    replay: Mapping[str, Any] | None
    trades_today: int | None
    equity_minor: int | None
    order_id: int | None
    fill_id: int
    now: str

    @property
    def commission_bps(self) -> Decimal:
        """Commission of the account's group, basis points of notional."""
        return Decimal(str(self.policy.get("commission_bps", 0)))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """Read what the SQL function trading_snapshot returned."""
        position, order, group, owner = data["position"], data["order"], data["group"], data["owner"]
        return cls(
            account=AccountState(**data["account"]),
            owner_active=owner["is_active"] and owner["status"] == "active",
            group_status=group["status"] if group else None,
            policy=(group or {}).get("policy") or {},
            market_status=data["market"]["status"],
            market_tick=data["market"]["tick"],
            market_at=data["market"]["at"],
            holding=Holding(
                Decimal(position["quantity"]),
                Decimal(position["reserved_quantity"]),
                position["cost_minor"],
                position["realized_minor"],
            )
            if position
            else Holding(),
            order=_order(order) if order else None,
            replay=data["replay"],
            trades_today=data["trades_today"],
            equity_minor=data["equity_minor"],
            order_id=data["order_id"],
            fill_id=data["fill_id"],
            now=data["now"],
        )


def _order(data: Mapping[str, Any]) -> OrderState:
    numbers = {
        name: None if data[name] is None else Decimal(data[name])
        for name in ("quantity", "filled_quantity", "limit_price", "average_price", "reserved_quantity")
    }
    return OrderState(**{**data, **numbers})
