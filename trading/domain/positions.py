"""Average-cost position accounting in integer minor units, long and short. Pure.

A position's quantity and cost carry the same sign: a long holds what was paid, a short minus what was received. A fill
against the position releases cost in proportion to the quantity closed, rounded half-even once; closing everything
releases all of it. So, for any sequence of fills: cash - initial = realised - open cost - fees, to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction

from trading.domain.types import Side

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """Signed quantity, quantity promised to resting sells, signed cost and realised P&L (minor units, before fees).

    `drawn_bought` and `drawn_sold` are what has filled on the quote of `drawn_tick`: of one quote an account has its
    share of the volume once, in however many orders it asks.
    """

    quantity: Decimal = ZERO
    reserved_quantity: Decimal = ZERO
    cost_minor: int = 0
    realized_minor: int = 0
    drawn_tick: int = field(default=-1, compare=False)
    drawn_bought: Decimal = field(default=ZERO, compare=False)
    drawn_sold: Decimal = field(default=ZERO, compare=False)

    @property
    def available(self) -> Decimal:
        """What a long still has to sell; 0 for a short."""
        return max(self.quantity - self.reserved_quantity, ZERO)

    def drawn(self, side: Side, tick: int) -> Decimal:
        """What has filled on one side of the quote of `tick` already."""
        if tick != self.drawn_tick:
            return ZERO
        return self.drawn_bought if side == "buy" else self.drawn_sold

    def draw(self, side: Side, quantity: Decimal, tick: int) -> Holding:
        """The holding with one more fill counted against the quote of `tick`."""
        bought, sold = self.drawn("buy", tick), self.drawn("sell", tick)
        if side == "buy":
            bought += quantity
        else:
            sold += quantity
        return replace(self, drawn_tick=tick, drawn_bought=bought, drawn_sold=sold)


def signed(side: Side, quantity: Decimal) -> Decimal:
    """A fill's quantity with the sign that it adds to a position."""
    return quantity if side == "buy" else -quantity


def opening(holding: Holding, side: Side, quantity: Decimal) -> Decimal:
    """The part of a fill that opens or enlarges a position; the rest closes one."""
    change = signed(side, quantity)
    if holding.quantity * change >= 0:
        return quantity
    return max(quantity - abs(holding.quantity), ZERO)


def closing(holding: Holding, side: Side, quantity: Decimal) -> Decimal:
    """The part of a fill that reduces the position it meets."""
    return quantity - opening(holding, side, quantity)


def _share(total: int, part: Decimal, whole: Decimal) -> int:
    """total * part / whole, exact and half-even."""
    return total if part == whole else round(total * Fraction(part) / Fraction(whole))


def apply_fill(holding: Holding, side: Side, quantity: Decimal, notional_minor: int) -> tuple[Holding, int]:
    """The holding after a fill, and the P&L that the fill realised.

    A fill larger than an opposite position closes it and opens the rest on the other side. Raises ValueError for a
    quantity that is not positive.
    """
    if quantity <= 0:
        raise ValueError("a fill has a positive quantity")
    closed = closing(holding, side, quantity)
    sign = 1 if side == "buy" else -1
    closed_notional = _share(notional_minor, closed, quantity) if closed else 0
    released = _share(holding.cost_minor, closed, abs(holding.quantity)) if closed else 0
    # Selling a long brings its notional and gives up its cost; covering a short pays and gives up what came in.
    realized = -sign * closed_notional - released if closed else 0
    after = replace(
        holding,
        quantity=holding.quantity + signed(side, quantity),
        cost_minor=holding.cost_minor - released + sign * (notional_minor - closed_notional),
        realized_minor=holding.realized_minor + realized,
    )
    return after, realized


@dataclass(frozen=True, slots=True)
class Split:
    """A holding after a split: whole lots, and the fraction that is paid out in cash (signed minor units)."""

    holding: Holding
    fraction: Decimal
    cash_minor: int
    realized_minor: int


def apply_split(holding: Holding, ratio: Decimal, lot_size: Decimal, fraction_minor_per_unit: Fraction) -> Split:
    """Multiply a holding by `ratio` new for one old; what is no whole lot is paid out in cash.

    Cost is carried over; the fraction takes its share of it along, so that equity stands still but for rounding.
    """
    quantity = holding.quantity * ratio
    whole = (abs(quantity) / lot_size).to_integral_value(ROUND_FLOOR) * lot_size
    kept = whole if quantity >= 0 else -whole
    fraction = quantity - kept
    if not fraction:
        return Split(replace(holding, quantity=kept), ZERO, 0, 0)
    cash = round(Fraction(fraction) * fraction_minor_per_unit)
    released = _share(holding.cost_minor, abs(fraction), abs(quantity))
    realized = cash - released
    after = replace(
        holding,
        quantity=kept,
        cost_minor=holding.cost_minor - released,
        realized_minor=holding.realized_minor + realized,
    )
    return Split(after, fraction, cash, realized)
