"""An account's statement over a period: what it held, did, paid and earned; it adds up or it is not made. Pure.

Amounts are integer minor units of the account's currency. Shown by `trading.adapters`: CSV and PDF.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from core.errors import DomainError
from trading.domain.fees import Charge, total
from trading.domain.performance import Performance
from trading.domain.schedules.words import LABELS, label
from trading.domain.types import Side

MAX_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an account stands: cash, the signed cost of its open positions, and equity at the last prices."""

    cash_minor: int
    cost_minor: int
    equity_minor: int

    @property
    def balance_minor(self) -> int:
        """Equity without what is unrealised: what was paid in, realised P&L and dividends, less charges."""
        return self.cash_minor + self.cost_minor

    @property
    def unrealized_minor(self) -> int:
        """What the open positions would gain at the last prices."""
        return self.equity_minor - self.balance_minor


@dataclass(frozen=True, slots=True)
class StatementFill:
    """A fill with its charges. The price is in the instrument's `currency`."""

    at: datetime
    order_id: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    currency: str
    notional_minor: int
    realized_minor: int = 0
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True, slots=True)
class CashEvent:
    """Cash without a fill: a deposit, a dividend, a split's fraction.

    `minor` is what cash gained. `balance_minor`: what the balance gained, where cost left with it; None: the same.
    """

    at: datetime
    kind: str
    minor: int
    symbol: str = ""
    note: str = ""
    balance_minor: int | None = None


@dataclass(frozen=True, slots=True)
class StatementPosition:
    """A position at the end; quantity, cost and value are signed (a short is negative)."""

    symbol: str
    quantity: Decimal
    last_price: Decimal
    currency: str
    cost_minor: int
    value_minor: int

    @property
    def unrealized_minor(self) -> int:
        """Value less cost."""
        return self.value_minor - self.cost_minor


@dataclass(frozen=True, slots=True)
class Heading:
    """Whose statement, of which account, where, over which period [start, end), and how its times are shown."""

    account_id: int
    account_name: str
    owner: str
    currency: str
    market: str
    simulated: bool
    start: datetime
    end: datetime
    generated_at: datetime
    zone: ZoneInfo

    def local(self, at: datetime) -> datetime:
        """`at` in the statement's zone."""
        return at.astimezone(self.zone)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that adds up. Totals count every fill and event; the lists hold at most `max_rows` of each."""

    heading: Heading
    opening: Standing
    closing: Standing
    realized_minor: int
    charges: tuple[Charge, ...]
    cash: tuple[Charge, ...]
    fills: tuple[StatementFill, ...]
    fills_total: int
    events: tuple[CashEvent, ...]
    events_total: int
    positions: tuple[StatementPosition, ...]
    performance: Performance | None

    @property
    def notes(self) -> list[str]:
        """What the reader must know: simulated prices, and rows that were left out."""
        found = []
        if self.heading.simulated:
            found.append("Simulated trading: no order reached a market and no real money moved.")
        for name, shown, whole in (
            ("fills", len(self.fills), self.fills_total),
            ("cash entries", len(self.events), self.events_total),
        ):
            if shown < whole:
                found.append(
                    f"The first {shown:,} of {whole:,} {name} are listed; all totals count every one. "
                    "Choose a shorter period to see the rest."
                )
        return found


_ORDER = {kind: number for number, kind in enumerate(LABELS)}


def _rank(kind: str) -> tuple[int, str]:
    return _ORDER.get(kind, len(_ORDER)), kind


def _agree(what: str, expected: int, found: int) -> None:
    if expected != found:
        raise DomainError(
            "statement_unbalanced",
            f"The statement does not add up: {what} should be {expected} minor units and is {found}.",
            {"what": what, "expected": expected, "found": found},
        )


@dataclass(slots=True)
class _Sums:
    """What a period's entries come to, and the first `max_rows` of each kind. Minor units."""

    max_rows: int
    cash: int
    balance: int
    realized: int = 0
    fills_count: int = 0
    events_count: int = 0
    fills: list[StatementFill] = field(default_factory=list)
    events: list[CashEvent] = field(default_factory=list)
    paid: dict[str, int] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)

    def fill(self, fill: StatementFill) -> None:
        self.fills_count += 1
        if len(self.fills) < self.max_rows:
            self.fills.append(fill)
        self.realized += fill.realized_minor
        for charge in fill.charges:
            self.paid[charge.kind] = self.paid.get(charge.kind, 0) + charge.minor
        self.cash += (fill.notional_minor if fill.side == "sell" else -fill.notional_minor) - total(fill.charges)
        self.balance += fill.realized_minor - total(fill.charges)

    def event(self, event: CashEvent) -> None:
        self.events_count += 1
        if len(self.events) < self.max_rows:
            self.events.append(event)
        gain = event.minor if event.balance_minor is None else event.balance_minor
        self.moved[event.kind] = self.moved.get(event.kind, 0) + gain
        self.cash += event.minor
        self.balance += gain


def build_statement(
    heading: Heading,
    opening: Standing,
    closing: Standing,
    fills: Iterable[StatementFill],
    events: Iterable[CashEvent] = (),
    positions: Sequence[StatementPosition] = (),
    performance: Performance | None = None,
    max_rows: int = MAX_ROWS,
) -> Statement:
    """A statement from what happened in the period, in order. Fills and events are streamed, `max_rows` of each kept.

    Raises DomainError `statement_unbalanced` when opening, entries and positions do not make the closing figures.
    """
    sums = _Sums(max_rows, opening.cash_minor, opening.balance_minor)
    for fill in fills:
        sums.fill(fill)
    for event in events:
        sums.event(event)
    paid = sums.paid
    _agree("cash", sums.cash, closing.cash_minor)
    _agree("the balance", sums.balance, closing.balance_minor)
    _agree("the positions' cost", sum(position.cost_minor for position in positions), closing.cost_minor)
    value = sum(position.value_minor for position in positions)
    _agree("equity", closing.cash_minor + value, closing.equity_minor)
    return Statement(
        heading,
        opening,
        closing,
        sums.realized,
        tuple(Charge(kind, paid[kind]) for kind in sorted(paid, key=_rank)),
        tuple(Charge(kind, minor) for kind, minor in sums.moved.items()),
        tuple(sums.fills),
        sums.fills_count,
        tuple(sums.events),
        sums.events_count,
        tuple(positions),
        performance,
    )


def bridge(statement: Statement) -> list[tuple[str, int]]:
    """The balance from opening to closing, line by line; the lines between add up to the difference."""
    lines = [("Opening balance", statement.opening.balance_minor), ("Realised P&L", statement.realized_minor)]
    lines += [(label(charge.kind), -charge.minor) for charge in statement.charges]
    lines += [(label(entry.kind), entry.minor) for entry in statement.cash]
    return [*lines, ("Closing balance", statement.closing.balance_minor)]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of performance. "percent" and "change" (signed) hold fractions, "ratio" and "count" numbers."""

    name: str
    value: float | None
    unit: Literal["percent", "change", "ratio", "count"]

    @property
    def text(self) -> str:
        """As people read it: "+1.25%", "0.84", "12"; a dash where it is not defined."""
        if self.value is None:
            return "–"
        shown = {"percent": "{:.2%}", "change": "{:+.2%}", "ratio": "{:.2f}", "count": "{:,.0f}"}[self.unit]
        return shown.format(self.value)


def performance_figures(figures: Performance) -> list[Figure]:
    """The summary of performance that a statement shows."""
    trades = figures.trades
    fall = figures.drawdown
    return [
        Figure("Time-weighted return", figures.twr, "change"),
        Figure("Maximum drawdown", fall.depth if fall else None, "percent"),
        Figure("Volatility, a year", figures.volatility, "percent"),
        Figure("Sharpe ratio", figures.sharpe, "ratio"),
        Figure("Sortino ratio", figures.sortino, "ratio"),
        Figure("Calmar ratio", figures.calmar, "ratio"),
        Figure("Closed trades", trades.closed_trades, "count"),
        Figure("Long trades", trades.longs, "count"),
        Figure("Short trades", trades.shorts, "count"),
        Figure("Win rate", trades.win_rate, "percent"),
        Figure("Profit factor", trades.profit_factor, "ratio"),
        Figure("Time invested", figures.time_invested, "percent"),
        Figure("Turnover", figures.turnover, "ratio"),
    ]
