"""Where an account stood between two of its fills: the present, taken back step by step. Exact and pure.

A fill's row tells what it changed: quantity by its own, cash by notional and charges, and cost by what follows from
balance = cash + cost, which a fill moves by realised profit less charges alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from trading.domain.positions import ZERO

Held = tuple[Decimal, int]


@dataclass(frozen=True, slots=True)
class FillRow:
    """A stored fill. Amounts are minor units of the account's currency; `tick` that of the quote that it used."""

    id: int
    at: datetime
    listing_id: int
    symbol: str
    side: str
    quantity: Decimal
    notional_minor: int
    fee_minor: int
    realized_minor: int
    tick: int
    by_stop: bool = False

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """A stored adjustment: a change of position and cash that no order made. It comes before the fills of its time."""

    id: int
    at: datetime
    listing_id: int | None
    quantity_before: Decimal
    cost_before_minor: int
    cash_minor: int


Event = FillRow | AdjustmentRow


@dataclass(frozen=True, slots=True)
class Standing:
    """Cash and open positions (signed quantity and cost by listing)."""

    cash_minor: int
    held: Mapping[int, Held] = field(default_factory=dict)

    @property
    def balance_minor(self) -> int:
        """Closed balance: cash and the open cost."""
        return self.cash_minor + sum(cost for _, cost in self.held.values())

    def quantity(self, listing_id: int) -> Decimal:
        """The position in a listing."""
        return self.held.get(listing_id, (ZERO, 0))[0]

    def before(self, event: Event) -> Standing:
        """Where the account stood before the event that led here."""
        held = dict(self.held)
        if isinstance(event, AdjustmentRow):
            if event.listing_id is not None:
                held[event.listing_id] = (event.quantity_before, event.cost_before_minor)
            return Standing(self.cash_minor - event.cash_minor, _open(held))
        quantity, cost = held.get(event.listing_id, (ZERO, 0))
        spent = event.sign * event.notional_minor
        held[event.listing_id] = (quantity - event.sign * event.quantity, cost - event.realized_minor - spent)
        return Standing(self.cash_minor + spent + event.fee_minor, _open(held))


def _open(held: Mapping[int, Held]) -> dict[int, Held]:
    return {listing_id: item for listing_id, item in held.items() if item[0]}


@dataclass(frozen=True, slots=True)
class Trace:
    """Events in the order in which they count, and where the account stood after each; `start` is before the first."""

    start: Standing
    events: tuple[Event, ...]
    after: tuple[Standing, ...]

    def at(self, moment: datetime) -> Standing:
        """Where it stood just before a moment: what happens at that moment itself comes after."""
        found = self.start
        for event, standing in zip(self.events, self.after, strict=True):
            if event.at >= moment:
                break
            found = standing
        return found

    def around(self, event: Event) -> tuple[Standing, Standing]:
        """Where it stood before and after an event. Raises ValueError for one that is not of the trace."""
        index = self.events.index(event)
        return (self.after[index - 1] if index else self.start), self.after[index]


def retrace(now: Standing, events: Sequence[Event]) -> Trace:
    """The way back from `now` over the events since."""
    order = sorted(events, key=lambda item: (item.at, isinstance(item, FillRow), item.id))
    after: list[Standing] = []
    standing = now
    for event in reversed(order):
        after.append(standing)
        standing = standing.before(event)
    return Trace(standing, tuple(order), tuple(reversed(after)))
