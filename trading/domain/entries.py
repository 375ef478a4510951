"""Trades as entry orders with their exits: lots matched from the books of one account in one listing. Pure.

The books keep one position at average cost. Here each entry order keeps the lot that it opened: an exit that belongs to
an entry (its take profit, its stop loss, its own closing order) takes from that lot first, any other exit from the
oldest. Once the position is flat, the P&L of all trades is that of the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Traded:
    """A fill as the lots see it: signed quantity (a sale's is negative), amounts in minor units, not below zero."""

    at: datetime
    order_id: int
    quantity: Decimal
    price: Decimal
    notional_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True)
class Changed:
    """A split or delisting: the position before and after it, and the signed cash that it brought."""

    at: datetime
    before: Decimal
    after: Decimal
    cash_minor: int


@dataclass(slots=True)
class Lot:
    """What an entry has opened and what has become of it. `sign` 1 long, -1 short; quantities are not below zero."""

    entry_id: int
    sign: int
    opened_at: datetime
    opened: Decimal = ZERO
    open: Decimal = ZERO
    entry_value: Decimal = ZERO
    cost: Fraction = Fraction(0)
    closed: Decimal = ZERO
    exit_value: Decimal = ZERO
    gain: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    closed_at: datetime | None = None
    exits: list[int] = field(default_factory=list)

    @property
    def entry_price(self) -> Decimal:
        """Average price of what was opened, in shares of that time."""
        return round(self.entry_value / self.opened, 6)

    @property
    def exit_price(self) -> Decimal | None:
        """Average price of what fills have closed."""
        return round(self.exit_value / self.closed, 6) if self.closed else None

    @property
    def pnl_minor(self) -> int:
        """What its exits have realised, less the fees of both sides."""
        return round(self.gain - self.fees)

    @property
    def fees_minor(self) -> int:
        """Fees of its part of each fill."""
        return round(self.fees)

    @property
    def cost_minor(self) -> int:
        """Signed cost of what is open (a short's is negative)."""
        return round(self.cost)

    def take(self, fill: Traded, quantity: Decimal) -> None:
        """Close a part of the lot with a part of a fill."""
        share = Fraction(quantity) / Fraction(abs(fill.quantity))
        released = self.cost * Fraction(quantity) / Fraction(self.open)
        self.gain += self.sign * share * fill.notional_minor - released
        self.fees += share * fill.fee_minor
        self.cost -= released
        self.open -= quantity
        self.closed += quantity
        self.exit_value += quantity * fill.price
        if fill.order_id not in self.exits:
            self.exits.append(fill.order_id)
        if not self.open:
            self.closed_at = fill.at


def lots_of(
    events: Iterable[Traded | Changed], owners: Mapping[int, int], roots: Mapping[int, int] | None = None
) -> dict[int, Lot]:
    """Lots by entry id, from the books of one account in one listing, in their order.

    `owners`: exit order -> the entry that it belongs to; `roots`: order -> the first of the orders that it replaces.
    """
    found: dict[int, Lot] = {}
    working: list[Lot] = []
    for event in events:
        if isinstance(event, Changed):
            _change(event, working)
            working = [lot for lot in working if lot.open]
            continue
        sign, left = (1 if event.quantity > 0 else -1), abs(event.quantity)
        owner = owners.get(event.order_id)
        for lot in sorted(working, key=lambda item: item.entry_id != owner):
            if not left or lot.sign == sign:
                continue
            part = min(left, lot.open)
            lot.take(event, part)
            left -= part
        working = [lot for lot in working if lot.open]
        if left:
            lot = _open(found, (roots or {}).get(event.order_id, event.order_id), sign, event, left)
            if not any(item is lot for item in working):
                working.append(lot)
    return found


def _open(found: dict[int, Lot], entry_id: int, sign: int, fill: Traded, quantity: Decimal) -> Lot:
    lot = found.setdefault(entry_id, Lot(entry_id, sign, fill.at))
    share = Fraction(quantity) / Fraction(abs(fill.quantity))
    lot.opened += quantity
    lot.open += quantity
    lot.entry_value += quantity * fill.price
    lot.cost += sign * share * fill.notional_minor
    lot.fees += share * fill.fee_minor
    lot.closed_at = None
    return lot


def _change(event: Changed, working: list[Lot]) -> None:
    """A split multiplies each open lot; what is paid out, and a delisting's cash, is shared by quantity."""
    if not event.before or not working:
        return
    total = sum((lot.open for lot in working), ZERO)
    exact = {id(lot): Fraction(event.after) * Fraction(lot.open) / Fraction(total) for lot in working}
    for lot in working:
        lot.gain += Fraction(event.cash_minor) * Fraction(lot.open) / Fraction(total)
        if not event.after:
            lot.gain -= lot.cost
            lot.cost, lot.open, lot.closed_at = Fraction(0), ZERO, event.at
    if not event.after:
        return
    # The books hold whole lots; the last open one takes the rounding.
    left = abs(event.after)
    for number, lot in enumerate(working):
        last = number == len(working) - 1
        share = abs(exact[id(lot)])
        kept = left if last else round(Decimal(share.numerator) / Decimal(share.denominator), 6)
        lot.opened, lot.open = lot.opened * kept / lot.open, kept
        left -= kept
