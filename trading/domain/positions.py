"""Average-cost position accounting in integer minor units. Pure.

A sale releases cost in proportion to the quantity sold, rounded half-even once; selling everything releases all of it.
So, for any sequence of fills: cash - initial = realised - open cost - fees, to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from trading.domain.types import Side

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """Quantity held, quantity promised to resting sells, open cost and realised P&L (minor units, before fees)."""

    quantity: Decimal = ZERO
    reserved_quantity: Decimal = ZERO
    cost_minor: int = 0
    realized_minor: int = 0

    @property
    def available(self) -> Decimal:
        """What can still be sold."""
        return self.quantity - self.reserved_quantity


def apply_fill(holding: Holding, side: Side, quantity: Decimal, notional_minor: int) -> tuple[Holding, int]:
    """The holding after a fill, and the P&L that the fill realised. Raises ValueError when it would oversell."""
    if quantity <= 0:
        raise ValueError("a fill has a positive quantity")
    if side == "buy":
        after = Holding(
            holding.quantity + quantity,
            holding.reserved_quantity,
            holding.cost_minor + notional_minor,
            holding.realized_minor,
        )
        return after, 0
    if quantity > holding.quantity:
        raise ValueError("a sale cannot exceed the holding")
    left = holding.quantity - quantity
    # round() of a Fraction is exact and half-even.
    released = (
        holding.cost_minor if left == 0 else round(holding.cost_minor * Fraction(quantity) / Fraction(holding.quantity))
    )
    realized = notional_minor - released
    after = Holding(left, holding.reserved_quantity, holding.cost_minor - released, holding.realized_minor + realized)
    return after, realized
