"""What the rules are shown: marks, closings, orders, fills, news. Frozen values with an exact JSON form (wire).

Amounts are integer minor units of the account's currency; instants are aware.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading.domain.rules.wire import ADDED


@dataclass(frozen=True, slots=True)
class PositionFact:
    """A position at a mark: signed quantity, last price, value and cost in the account's minor units, and the evidence.

    `value_minor` is round_half_even(quantity x price x fx) once; `fx` turns the price's currency into the account's.
    """

    symbol: str
    quantity: Decimal
    price: Decimal
    value_minor: int
    cost_minor: int
    fx: Decimal = Decimal(1)
    source: str = ""
    quoted_at: datetime | None = None

    @property
    def profit_minor(self) -> int:
        """Unrealised profit."""
        return self.value_minor - self.cost_minor


@dataclass(frozen=True, slots=True)
class Observation:
    """An account at an instant. balance = cash + sum of signed open costs; equity = balance + what is unrealised."""

    at: datetime
    balance_minor: int
    equity_minor: int
    positions: tuple[PositionFact, ...] = ()

    @property
    def flat(self) -> bool:
        """No position is open."""
        return not any(position.quantity for position in self.positions)


@dataclass(frozen=True, slots=True)
class Closing:
    """Balance and equity at the reset, from the last marks before it: what the new day starts from."""

    balance_minor: int
    equity_minor: int


@dataclass(frozen=True, slots=True)
class NewsEvent:
    """Scheduled news. `symbols` empty means that it moves everything; `impact` is low, medium or high."""

    at: datetime
    title: str = ""
    impact: str = "high"
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order before the rules, with the account's figures at that moment.

    `position_quantity` is signed; `working_quantity` is the signed sum of orders that rest in the symbol on the
    order's own side. `notional_minor` is the whole position's absolute value after all of them, `gross_minor` the
    absolute value of the account's other positions, `open_positions` how many other symbols are held or being opened.
    """

    at: datetime
    symbol: str
    side: str
    quantity: Decimal
    price: Decimal
    balance_minor: int
    equity_minor: int
    notional_minor: int
    position_quantity: Decimal = Decimal(0)
    working_quantity: Decimal = Decimal(0)
    gross_minor: int = 0
    open_positions: int = 0
    stop_price: Decimal | None = None
    lot_size: Decimal = Decimal(1)
    asset_class: str = ""
    fx: Decimal = Decimal(1)
    events: tuple[NewsEvent, ...] = ()

    @property
    def signed(self) -> Decimal:
        """The order's quantity with its sign."""
        return self.quantity if self.side == "buy" else -self.quantity

    @property
    def after(self) -> Decimal:
        """The position when this and the resting orders of its side have filled."""
        return self.position_quantity + self.working_quantity + self.signed

    @property
    def reduces(self) -> bool:
        """Whether it can only bring the position nearer to nothing."""
        held = self.position_quantity
        return bool(held) and (self.after == 0 or (self.after > 0) == (held > 0)) and abs(self.after) < abs(held)


@dataclass(frozen=True, slots=True)
class FillFact:
    """A fill. `opened` when it opened a NEW position (from flat, or by flipping), `increased` when it added exposure.

    `realized_minor` is the profit of what it closed, costs included; `equity_minor` the equity after it. `by_stop` when
    a stop or a target that was resting made it.
    """

    at: datetime
    symbol: str
    opened: bool
    increased: bool
    realized_minor: int
    balance_minor: int
    equity_minor: int
    by_stop: bool = False
    events: tuple[NewsEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class PayoutFacts:
    """What a payout asks beside marks. `requested_minor` is before the split; None means as much as can be.

    `keeps_floors`: no more than leaves the account above its floors. Evidence from before that was asked has it not.
    """

    open_orders: int = 0
    identity_verified: bool = False
    requested_minor: int | None = None
    fee_paid_minor: int = 0
    keeps_floors: bool = field(default=False, metadata=ADDED)
