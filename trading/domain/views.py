"""What trading tells other apps: frozen values, never rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.domain.marking import Ints


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its latest mark. Amounts are integer minor units of `currency`."""

    id: int
    owner_id: int
    owner_name: str
    owner_kind: str
    label: str
    purpose: str
    market_id: int
    market_slug: str
    group_id: int | None
    group_status: str | None
    currency: str
    status: str
    initial_minor: int
    cash_minor: int
    reserved_minor: int
    realized_minor: int
    fees_minor: int
    fills_count: int
    open_orders_count: int
    equity_minor: int
    marked_at: datetime | None
    created_at: datetime

    @property
    def profit_minor(self) -> int:
        """Equity above the initial balance."""
        return self.equity_minor - self.initial_minor

    @property
    def unrealized_minor(self) -> int:
        """Profit that is neither realised nor spent on fees."""
        return self.profit_minor - self.realized_minor + self.fees_minor

    @property
    def return_pct(self) -> Decimal:
        """Profit in percent of the initial balance, two places."""
        return (Decimal(self.profit_minor) * 100 / self.initial_minor).quantize(Decimal("0.01"))

    @property
    def buying_power_minor(self) -> int:
        """Cash that no resting order holds."""
        return self.cash_minor - self.reserved_minor


@dataclass(frozen=True, slots=True)
class PositionView:
    """A holding at the latest price. Average price in major units, four places."""

    symbol: str
    name: str
    quantity: Decimal
    reserved_quantity: Decimal
    avg_price: Decimal
    last: Decimal | None
    cost_minor: int
    value_minor: int
    unrealized_minor: int
    realized_minor: int
    currency: str

    @property
    def unrealized_pct(self) -> Decimal:
        """Unrealised P&L in percent of cost, two places."""
        if not self.cost_minor:
            return Decimal("0.00")
        return (Decimal(self.unrealized_minor) * 100 / abs(self.cost_minor)).quantize(Decimal("0.01"))


@dataclass(frozen=True, slots=True)
class FillView:
    """One execution with the quote that made it."""

    id: int
    order_id: int
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    notional_minor: int
    fee_minor: int
    realized_minor: int
    cash_after_minor: int
    currency: str
    market_at: datetime
    created_at: datetime
    quote: dict[str, object]


@dataclass(frozen=True, slots=True)
class TransitionView:
    """One step of an order's life."""

    from_status: str
    to_status: str
    reason: str
    market_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GroupMarks:
    """Latest marks of a group's accounts, as arrays in account-id order (integer minor units)."""

    account_ids: Ints
    equity: Ints
    cash: Ints
    fills: Ints
