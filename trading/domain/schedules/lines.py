"""What one dated line of a fee schedule says, and which lines are in force on a day. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from core.errors import DomainError
from trading.domain.types import Side

# half_even: to the minor unit. up: up to the next minor unit. unit: to the nearest major unit, halves up (rupees).
Rounding = Literal["half_even", "up", "unit"]
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One rate from `since` on, until the next line of the same kind, side, exchange and product.

    An order owes: rate x notional + per_unit x quantity + per_order, then at least `least`, then at most `most` and at
    most `most_rate` x notional, then rounded once. Money is in major units of the market's currency, rates are
    fractions. With `taxes`, `rate` is a tax on the order's rounded charges of those kinds instead.
    `each_fill`: owed by each fill alone, on its exact quantity x price.
    """

    kind: str
    since: date
    source: str
    rate: Decimal = ZERO
    per_unit: Decimal = ZERO
    per_order: Decimal = ZERO
    least: Decimal = ZERO
    most: Decimal | None = None
    most_rate: Decimal | None = None
    rounding: Rounding = "half_even"
    side: Side | None = None
    exchange: str | None = None
    product: str | None = None
    taxes: tuple[str, ...] = ()
    each_fill: bool = False
    note: str = ""

    @property
    def is_free(self) -> bool:
        """The line says that nothing is charged: a holiday, or the time before a charge existed."""
        return not (self.rate or self.per_unit or self.per_order or self.least)

    def applies(self, side: Side | None, exchange: str, product: str) -> bool:
        """Whether it concerns such an order; `side` None asks for either side."""
        return (
            (side is None or self.side in (None, side))
            and self.exchange in (None, exchange)
            and self.product in (None, product)
        )


@dataclass(frozen=True, slots=True)
class Market:
    """A market's lines. `exchanges` maps accepted exchange codes to the name used in lines; empty: any exchange."""

    title: str
    currency: str
    lines: tuple[Line, ...]
    checked: date
    exchanges: Mapping[str, str] = field(default_factory=dict)
    products: tuple[str, ...] = ()


# The first day of a line that says "before this there was no such charge".
BEGINNING = date.min


def pick(
    lines: Iterable[Line], side: Side | None, exchange: str, product: str, on: date, *, live: bool
) -> tuple[Line, ...]:
    """The lines in force on `on`, in the schedule's order.

    Before the first dated line: an old replay uses that first line, the earliest known rate; `live` raises
    `fee_schedule_not_dated`, for real trading must not guess a charge.
    """
    series: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        if line.applies(side, exchange, product):
            key = (line.kind, line.side or "", line.exchange or "", line.product or "")
            series.setdefault(key, []).append(line)
    found = []
    for (kind, *_), dated in series.items():
        ordered = sorted(dated, key=lambda line: line.since)
        current = [line for line in ordered if line.since <= on]
        if not current and live:
            raise DomainError(
                "fee_schedule_not_dated",
                f"The charge {kind} has no rate for {on}: the first is of {ordered[0].since}. Add a dated line.",
                {"kind": kind, "on": on.isoformat(), "first": ordered[0].since.isoformat()},
            )
        found.append(current[-1] if current else ordered[0])
    return tuple(found)
