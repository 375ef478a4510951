"""What trading tells other apps: frozen values, never rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from trading.domain.margin import Margin, Terms
from trading.domain.marking import Ints


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with its latest mark. Amounts are integer minor units of `currency`.

    `margin_power_minor`: a margin account's buying power at the quotes in force; None for a cash account.
    """

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
    other_minor: int = 0
    is_margin: bool = False
    lock_reason: str = ""
    locked_until: datetime | None = None
    margin_power_minor: int | None = None

    @property
    def profit_minor(self) -> int:
        """Equity above the initial balance."""
        return self.equity_minor - self.initial_minor

    @property
    def unrealized_minor(self) -> int:
        """Profit that is neither realised, nor spent on fees, nor other cash (dividends)."""
        return self.profit_minor - self.realized_minor + self.fees_minor - self.other_minor

    @property
    def return_pct(self) -> Decimal:
        """Profit in percent of the initial balance, two places."""
        return (Decimal(self.profit_minor) * 100 / self.initial_minor).quantize(Decimal("0.01"))

    @property
    def buying_power_minor(self) -> int:
        """Cash that no resting order holds; for a margin account what its free equity can carry, with leverage."""
        return self.cash_minor - self.reserved_minor if self.margin_power_minor is None else self.margin_power_minor


@dataclass(frozen=True, slots=True)
class PositionView:
    """A position at the latest price: signed quantity, cost and value (a short's are negative).

    Average price in major units of the account's currency, two places more than it has; `last` is in `price_currency`,
    one unit of which is worth `fx` (None: no rate is stored). The day change is that of the price since the last
    session's close, on what is held now.
    """

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
    listing_id: int = 0
    price_currency: str = ""
    fx: Decimal | None = None
    day_change_minor: int | None = None
    day_change_pct: Decimal | None = None

    @property
    def side(self) -> str:
        """long or short."""
        return "long" if self.quantity >= 0 else "short"

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
    charges: dict[str, int] = field(default_factory=dict)
    fx: Decimal = Decimal(1)


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


@dataclass(frozen=True, slots=True)
class PortfolioView:
    """An account at the quotes in force. Minor units of `currency`; `short_minor` is not above zero.

    `at` is market time. `day_open_minor`: the equity that the session began with. `margin` is None for cash accounts.
    """

    account_id: int
    currency: str
    at: datetime
    initial_minor: int
    cash_minor: int
    reserved_minor: int
    buying_power_minor: int
    long_minor: int
    short_minor: int
    realized_minor: int
    unrealized_minor: int
    fees_minor: int
    other_minor: int
    day_open_minor: int | None
    open_positions: int
    open_orders: int
    terms: Terms
    margin: Margin | None

    @property
    def equity_minor(self) -> int:
        """Cash and the value of all positions."""
        return self.cash_minor + self.long_minor + self.short_minor

    @property
    def gross_minor(self) -> int:
        """The size of all positions, longs and shorts."""
        return self.long_minor - self.short_minor

    @property
    def net_minor(self) -> int:
        """Longs less shorts."""
        return self.long_minor + self.short_minor

    @property
    def profit_minor(self) -> int:
        """Equity above the initial balance = realised + unrealised - fees + other."""
        return self.equity_minor - self.initial_minor

    @property
    def day_profit_minor(self) -> int | None:
        """Equity above what the session began with."""
        return None if self.day_open_minor is None else self.equity_minor - self.day_open_minor


@dataclass(frozen=True, slots=True)
class ActivityView:
    """One entry of an account's feed. `cash_minor` and `quantity` are signed: what cash and position gained."""

    id: str
    kind: str
    symbol: str
    quantity: Decimal | None
    price: Decimal | None
    cash_minor: int
    realized_minor: int
    currency: str
    order_id: int | None
    details: dict[str, Any]
    market_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FeeWords:
    """An account's charges on a day in plain words, by exchange: a sentence a charge."""

    schedule: str
    product: str
    on: date
    lines: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TradeView:
    """An entry order with its exits, under the entry's id (docs/api.md). Amounts in minor units of `currency`.

    `status`: pending (waits), open, closed, cancelled (nothing came of it). `pnl_minor` is realised, after fees.
    """

    id: int
    account_id: int
    symbol: str
    direction: str
    order_type: str
    status: str
    quantity: Decimal
    open_quantity: Decimal
    entry_price: Decimal | None
    limit_price: Decimal | None
    exit_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    pnl_minor: int
    unrealized_minor: int
    fees_minor: int
    currency: str
    reason: str
    order_ids: tuple[int, ...]
    opened_at: datetime | None
    closed_at: datetime | None
    created_at: datetime
