"""What the tables of an account show: its positions with their exposure, and its orders with their legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trading import selectors
from trading.domain import states
from trading.domain.types import Actor, OrderView
from trading.domain.views import AccountView, PortfolioView, PositionView
from trading.pages import can_trade
from trading.pages.words import kind_words, state_words, time_words
from trading.selectors.portfolio import portfolio

LATEST_TRADES = 30
OPEN_ORDERS = 200


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order in words. `level` 1: a leg under its entry, which has `legs` of them; `pair`: one cancels the other."""

    order: OrderView
    kind: str
    state: str
    until: str
    level: int = 0
    legs: int = 0
    pair: bool = False

    @property
    def can_change(self) -> bool:
        """Whether it still lives."""
        return self.order.status in states.LIVE


def order_row(order: OrderView, level: int = 0, legs: int = 0, *, pair: bool = False) -> OrderRow:
    """One order in words."""
    return OrderRow(order, kind_words(order), state_words(order), time_words(order), level, legs, pair)


def nested(orders: list[OrderView]) -> list[OrderRow]:
    """Orders in their order, each followed by its legs; legs whose entry is not among them stand together."""
    by_id = {order.id: order for order in orders}
    legs: dict[int, list[OrderView]] = {}
    for order in orders:
        if order.parent_id is not None:
            legs.setdefault(order.parent_id, []).append(order)
    rows: list[OrderRow] = []
    done: set[int] = set()
    for order in orders:
        if order.id in done or order.parent_id in by_id:
            continue
        group = [order] if order.parent_id is None else sorted(legs[order.parent_id], key=lambda leg: leg.id)
        for head in group:
            under = sorted(legs.get(head.id, ()), key=lambda leg: leg.id)
            exits = head.order_class == "oco" or len(group) > 1
            rows.append(order_row(head, legs=len(under), pair=exits and bool(under or len(group) > 1)))
            rows += [order_row(leg, level=1, pair=exits or len(under) > 1) for leg in under]
            done |= {head.id, *(leg.id for leg in under)}
    return rows


@dataclass(frozen=True, slots=True)
class Book:
    """An account's positions and what they add up to."""

    rows: tuple[PositionView, ...]
    whole: PortfolioView

    @property
    def cost_minor(self) -> int:
        """What unrealised P&L is a share of: the cost of longs and the proceeds of shorts."""
        return sum(abs(row.cost_minor) for row in self.rows)

    @property
    def day_minor(self) -> int:
        """What today's change of prices made of what is held now."""
        return sum(row.day_change_minor or 0 for row in self.rows)

    @property
    def used_pct(self) -> int:
        """Equity that carries positions as initial margin, in whole percent, at most 100."""
        return self._share(self.whole.margin.initial_minor if self.whole.margin else 0)

    @property
    def maintenance_pct(self) -> int:
        """Maintenance margin as a share of equity, in whole percent, at most 100: there the call comes."""
        return self._share(self.whole.margin.maintenance_minor if self.whole.margin else 0)

    def _share(self, part: int) -> int:
        equity = self.whole.equity_minor
        if equity <= 0:
            return 100 if part else 0
        return min(100, round(part * 100 / equity))


def blotter(found: AccountView, who: Actor | None, market_status: str) -> dict[str, Any]:
    """What the tabs under the chart show of an account."""
    trades = selectors.fills(found.id, limit=LATEST_TRADES)
    return {
        "account": found,
        "can_trade": can_trade(found, who, market_status),
        "mine": selectors.may_trade(found, who),
        "book": book_of(found.id),
        "orders": nested(selectors.orders(found.id, open_only=True, limit=OPEN_ORDERS)),
        "trades": trades,
        "more_trades": found.fills_count > len(trades),
    }


def book_of(account_id: int) -> Book:
    """The positions of an account at the quotes in force."""
    return Book(tuple(selectors.positions(account_id)), portfolio(account_id))
