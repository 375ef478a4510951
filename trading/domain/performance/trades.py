"""Round trips from fills, exact in minor units, and what they add up to. Pure.

A round trip begins when a position leaves zero and ends when it returns to zero; a fill that turns a long into a short
ends one and begins the next. Cost is the average cost of `trading.domain.positions`, so the P&L of all round trips,
closed and open, is the realised P&L of the books.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Literal

from trading.domain.positions import Holding, apply_fill, closing
from trading.domain.types import Side

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class TradeFill:
    """A fill. Price in the instrument's currency; `notional_minor` and `fee_minor` in the account's minor units."""

    at: datetime
    listing_id: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    notional_minor: int
    fee_minor: int = 0


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A change of a position without a fill (a split): what is added to its quantity and cost, and what it realised."""

    at: datetime
    listing_id: int
    symbol: str
    quantity: Decimal
    cost_minor: int = 0
    realized_minor: int = 0


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A position from zero to zero. `closed_at` None: still open, with what it has realised so far.

    `quantity` is what was closed, `realized_minor` the P&L before fees, `fees_minor` the fees of its part of each fill.
    Entry and exit price are averages as traded (None when nothing was closed), for display.
    """

    listing_id: int
    symbol: str
    direction: Literal["long", "short"]
    opened_at: datetime
    closed_at: datetime | None
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal | None
    realized_minor: int
    fees_minor: int
    fills: int

    @property
    def net_minor(self) -> int:
        """P&L after fees, minor units."""
        return self.realized_minor - self.fees_minor

    @property
    def held(self) -> timedelta | None:
        """Time from opening to closing."""
        return None if self.closed_at is None else self.closed_at - self.opened_at


@dataclass(slots=True)
class _Trip:
    symbol: str
    is_long: bool
    opened_at: datetime
    opened: Decimal = ZERO
    opened_value: Decimal = ZERO
    closed: Decimal = ZERO
    closed_value: Decimal = ZERO
    realized_minor: int = 0
    fees_minor: int = 0
    fills: int = 0

    def done(self, listing_id: int, closed_at: datetime | None) -> RoundTrip:
        return RoundTrip(
            listing_id=listing_id,
            symbol=self.symbol,
            direction="long" if self.is_long else "short",
            opened_at=self.opened_at,
            closed_at=closed_at,
            quantity=self.closed,
            entry_price=_average(self.opened_value, self.opened) or ZERO,
            exit_price=_average(self.closed_value, self.closed),
            realized_minor=self.realized_minor,
            fees_minor=self.fees_minor,
            fills=self.fills,
        )


def _average(value: Decimal, quantity: Decimal) -> Decimal | None:
    return round(value / quantity, 6) if quantity else None


class _Book:
    """The positions and round trips while events pass."""

    def __init__(self) -> None:
        self.holdings: dict[int, Holding] = {}
        self.trips: dict[int, _Trip] = {}
        self.closed: list[RoundTrip] = []

    def _end(self, listing_id: int, at: datetime) -> None:
        self.closed.append(self.trips.pop(listing_id).done(listing_id, at))

    def fill(self, fill: TradeFill) -> None:
        before = self.holdings.get(fill.listing_id, Holding())
        after, realized = apply_fill(before, fill.side, fill.quantity, fill.notional_minor)
        self.holdings[fill.listing_id] = after
        shut = closing(before, fill.side, fill.quantity)
        fresh = fill.quantity - shut
        # The fee of a fill that flips is shared by quantity; the remainder of rounding stays with the new trip.
        shut_fee = round(fill.fee_minor * Fraction(shut) / Fraction(fill.quantity))
        if shut:
            trip = self.trips[fill.listing_id]
            trip.closed += shut
            trip.closed_value += shut * fill.price
            trip.realized_minor += realized
            trip.fees_minor += shut_fee
            trip.fills += 1
            trip.symbol = fill.symbol
            if fresh or not after.quantity:
                self._end(fill.listing_id, fill.at)
        if fresh:
            trip = self.trips.setdefault(fill.listing_id, _Trip(fill.symbol, fill.side == "buy", fill.at))
            trip.opened += fresh
            trip.opened_value += fresh * fill.price
            trip.fees_minor += fill.fee_minor - shut_fee
            trip.fills += 1

    def adjust(self, change: Adjustment) -> None:
        before = self.holdings.get(change.listing_id, Holding())
        if not before.quantity:
            raise ValueError("an adjustment changes a position that is held")
        after = replace(
            before, quantity=before.quantity + change.quantity, cost_minor=before.cost_minor + change.cost_minor
        )
        if after.quantity * before.quantity < 0 or (not after.quantity and after.cost_minor):
            raise ValueError("an adjustment neither turns a position nor leaves a cost without a quantity")
        self.holdings[change.listing_id] = after
        trip = self.trips[change.listing_id]
        trip.realized_minor += change.realized_minor
        trip.symbol = change.symbol
        if not after.quantity:
            self._end(change.listing_id, change.at)


def trades_and_open(events: Iterable[TradeFill | Adjustment]) -> tuple[list[RoundTrip], list[RoundTrip]]:
    """Closed round trips in the order in which they closed, and the open ones. `events` in the order of the books."""
    book = _Book()
    for event in events:
        if isinstance(event, TradeFill):
            book.fill(event)
        else:
            book.adjust(event)
    return book.closed, [trip.done(listing_id, None) for listing_id, trip in sorted(book.trips.items())]


def trades_of(fills: Iterable[TradeFill | Adjustment]) -> list[RoundTrip]:
    """The closed round trips of fills in the order of the books; longs, shorts and flips. Exact."""
    return trades_and_open(fills)[0]


@dataclass(frozen=True, slots=True)
class TradeStats:
    """Closed round trips in figures; P&L is after fees, in minor units. Ratios are None where nothing divides.

    win_rate = wins / closed. profit_factor = gross profit / gross loss. expectancy = net P&L / closed (half-even).
    payoff = average win / average loss (R. Pardo, The Evaluation and Optimization of Trading Strategies, 2008, ch. 14).
    A trade of exactly zero is neither won nor lost, and ends a streak. `average_loss_minor` and `gross_loss_minor` are
    not negative.
    """

    closed_trades: int
    wins: int
    losses: int
    longs: int
    shorts: int
    net_minor: int
    gross_profit_minor: int
    gross_loss_minor: int
    win_rate: float | None
    profit_factor: float | None
    expectancy_minor: int | None
    average_win_minor: int | None
    average_loss_minor: int | None
    payoff: float | None
    best: RoundTrip | None
    worst: RoundTrip | None
    longest_wins: int
    longest_losses: int
    average_held: timedelta | None


def _mean(total: int, count: int) -> int | None:
    return round(Fraction(total, count)) if count else None


def _longest(nets: list[int], sign: int) -> int:
    runs = (sum(1 for _ in run) for hit, run in groupby(nets, key=lambda net: net * sign > 0) if hit)
    return max(runs, default=0)


def trade_stats(trades: list[RoundTrip]) -> TradeStats:
    """Figures of closed round trips, in the order in which they closed."""
    nets = [trade.net_minor for trade in trades]
    won, lost = [net for net in nets if net > 0], [-net for net in nets if net < 0]
    profit, loss = sum(won), sum(lost)
    held = [trade.held for trade in trades if trade.held is not None]
    return TradeStats(
        closed_trades=len(trades),
        wins=len(won),
        losses=len(lost),
        longs=sum(trade.direction == "long" for trade in trades),
        shorts=sum(trade.direction == "short" for trade in trades),
        net_minor=sum(nets),
        gross_profit_minor=profit,
        gross_loss_minor=loss,
        win_rate=len(won) / len(trades) if trades else None,
        profit_factor=profit / loss if loss else None,
        expectancy_minor=_mean(sum(nets), len(nets)),
        average_win_minor=_mean(profit, len(won)),
        average_loss_minor=_mean(loss, len(lost)),
        payoff=(profit / len(won)) / (loss / len(lost)) if won and lost else None,
        best=max(trades, key=lambda trade: trade.net_minor, default=None),
        worst=min(trades, key=lambda trade: trade.net_minor, default=None),
        longest_wins=_longest(nets, 1),
        longest_losses=_longest(nets, -1),
        average_held=sum(held, timedelta()) / len(held) if held else None,
    )
