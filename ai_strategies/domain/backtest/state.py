"""What an account in memory is: snapshots are taken of it and decisions written to it, as the database would. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from ai_strategies.domain.backtest.types import Mark, Moment, PaperFill, Setup
from trading.domain import states
from trading.domain.case import Marks
from trading.domain.positions import ZERO, Holding
from trading.domain.snapshot import (
    AccountState,
    Instrument,
    OrderState,
    PositionState,
    QuoteState,
    Snapshot,
    holding_of,
    order_state,
)
from trading.domain.worth import value_minor

_DECIMALS = (*("quantity", "filled_quantity", "limit_price", "stop_price", "trail_amount", "extreme", "average_price"),)
_PLAIN = (
    *("status", "triggered", "reserved_minor", "notional_minor", "fees_minor", "accepted_tick", "seen_tick"),
    *("replaced_by_id", "live_at", "link_id", "code"),
)


class PaperState:
    """One account in one market: its orders, holdings, fills and marks, and the market around it."""

    def __init__(self, setup: Setup) -> None:
        cash = setup.cash_minor
        self.setup = setup
        self.account = AccountState(
            id=1, owner_id=0, market_id=1, group_id=None, purpose="backtest", currency=setup.currency, status="active",
            initial_minor=cash, cash_minor=cash, reserved_minor=0, realized_minor=0, fees_minor=0, other_minor=0,
            fills_count=0, open_orders_count=0, ledger_account_id=1, clearing_account_id=2, fees_account_id=3,
        )  # fmt: skip
        self.orders: dict[int, OrderState] = {}
        self.holdings: dict[int, Holding] = {}
        self.fills: list[PaperFill] = []
        self.marks: list[Mark] = []
        # Corporate actions as they were booked: (time, how many fills came before, row).
        self.adjustments: list[tuple[datetime, int, Mapping[str, Any]]] = []
        # How orders came out: "filled", or the code of a denial, of an ending or of a refusal.
        self.endings: Counter[str] = Counter()
        self.moment = Moment(-1, datetime.min.replace(tzinfo=UTC), 0, -1, date.min)
        self.quotes: Mapping[int, QuoteState] = {}
        self.instruments: Mapping[int, Instrument] = {}
        self.symbols: dict[str, int] = {}
        self._ids = 0
        self._fill_ids = 0
        self._taken: dict[tuple[int, str], Decimal] = {}
        self._equity_minor = cash
        self._day = -1
        self._day_equity_minor: int | None = None
        self._carried: Marks | None = None
        # The tick of the margin call that is open, and how many orders of its reduction have filled.
        self.called_tick: int | None = None
        self.called_orders = 0

    def stand(self, moment: Moment, quotes: Mapping[int, QuoteState], instruments: Mapping[int, Instrument]) -> None:
        """Put the market at a tick: its quotes, and its instruments with the day's symbols and exchange rates."""
        self.moment, self.quotes = moment, quotes
        self._taken.clear()
        self._carried = None
        if instruments is not self.instruments:
            self.instruments = instruments
            # A symbol that an instrument had before is taken too, as long as no other one has it.
            self.symbols |= {item.symbol: key for key, item in instruments.items()}

    def carried(self) -> Marks | None:
        """Last prices of everything, for a margin account."""
        if self.setup.terms.is_margin and self._carried is None:
            self._carried = {key: (quote.prices.last, self.instruments[key]) for key, quote in self.quotes.items()}
        return self._carried

    def snapshot(
        self, *, listing_id: int, order: OrderState | None = None, side: str | None = None, everything: bool = False
    ) -> Snapshot:
        """What `trading_snapshot` would load; `everything` counts all live orders of the listing as companions."""
        side = side if order is None else order.side
        known = self.setup.terms.is_margin or "max_position_pct" in self.setup.policy
        shares = "max_position_pct" in self.setup.policy or self.setup.limits.max_position_pct is not None
        counts = "max_trades_per_day" in self.setup.policy or self.setup.limits.max_trades_per_day is not None
        self._ids += 3
        self._fill_ids += 1
        at = self.moment.at.isoformat()
        return Snapshot(
            account=self.account,
            terms=self.setup.terms,
            venue=self.setup.venue,
            owner_active=True,
            group_status="open",
            policy=self.setup.policy,
            risk=None,
            market_status="running",
            market_tick=self.moment.tick,
            market_at=at,
            holding=self.holdings.get(listing_id, Holding()),
            order=order,
            companions=self._companions(listing_id, order, everything=everything) if self.orders else (),
            positions=self._positions() if self.setup.terms.is_margin else (),
            replay=None,
            trades_today=self._trades_today(order) if counts else None,
            orders_minute=None,
            orders_today=None,
            equity_minor=self._equity_minor if known else None,
            day_equity_minor=self._day_equity_minor if known else None,
            taken=self._taken.get((listing_id, side or ""), ZERO),
            order_ids=(self._ids - 2, self._ids - 1, self._ids),
            fill_id=self._fill_ids,
            now=at,
            working=self._working(listing_id, order, side) if shares else ZERO,
        )

    def _entries(self, order: OrderState | None) -> list[OrderState]:
        """Entries that rest, but for `order`."""
        return [
            other
            for other in self.orders.values()
            if other.status in states.OPEN and not other.reduce_only and not other.role and other is not order
        ]

    def _working(self, listing_id: int, order: OrderState | None, side: str | None) -> Decimal:
        found = (item for item in self._entries(order) if item.listing_id == listing_id and item.side == side)
        return sum((item.remaining for item in found), ZERO)

    def _companions(self, listing_id: int, order: OrderState | None, *, everything: bool) -> tuple[OrderState, ...]:
        def is_linked(other: OrderState) -> bool:
            if order is None:
                return False
            pair = order.link_id is not None and order.link_id in (other.link_id, other.id)
            return pair or other.link_id == order.id

        return tuple(
            other
            for key, other in sorted(self.orders.items())
            if other.listing_id == listing_id
            and (order is None or key != order.id)
            and (everything or other.reduce_only or is_linked(other))
        )

    def _positions(self) -> tuple[PositionState, ...]:
        return tuple(
            PositionState(key, self.instruments[key].symbol, held)
            for key, held in self.holdings.items()
            if held.quantity
        )

    def _trades_today(self, order: OrderState | None) -> int:
        since = datetime.combine(self.moment.session, time.min, tzinfo=UTC)
        return sum(1 for fill in self.fills if fill.at >= since) + len(self._entries(order))

    def apply(self, data: Mapping[str, Any]) -> None:
        """Write a decision down, row by row, as `trading_apply` does."""
        at = self.moment.at.isoformat()
        for row in data.get("orders", ()):
            self._keep(order_state({**row, "market_at": at, "created_at": at}))
        for row in data.get("updates", ()):
            self._keep(self._updated(row))
        fill, position, account = data.get("fill"), data.get("position"), data.get("account")
        if fill is not None:
            self._book(fill)
        if position is not None:
            self.holdings[position["listing_id"]] = holding_of(position)
        if account is not None:
            self.account = replace(self.account, **account)
        if "adjustment" in data:
            self.adjustments.append((self.moment.at, len(self.fills), data["adjustment"]))
        if "liquidity" in data:
            used = data["liquidity"]
            self._taken[used["listing_id"], used["side"]] = Decimal(used["taken"])

    def _updated(self, row: Mapping[str, Any]) -> OrderState:
        before = self.orders[row["id"]]
        if before.status != row["from_status"]:
            raise ValueError(f"order {before.id} is {before.status}, not {row['from_status']}")
        changes = {name: row[name] for name in _PLAIN}
        for name in (*_DECIMALS, "reserved_quantity"):
            changes[name] = None if row[name] is None else Decimal(row[name])
        return replace(before, **changes)

    def _keep(self, order: OrderState) -> None:
        if order.status in states.LIVE:
            self.orders[order.id] = order
            return
        self.orders.pop(order.id, None)
        self.endings["filled" if order.status == states.FILLED else order.code or order.status] += 1

    def _book(self, row: Mapping[str, Any]) -> None:
        self.fills.append(
            PaperFill(
                tick=self.moment.tick,
                at=self.moment.at,
                order_id=row["order_id"],
                listing_id=row["listing_id"],
                symbol=self.instruments[row["listing_id"]].symbol,
                side=row["side"],
                quantity=Decimal(row["quantity"]),
                price=Decimal(row["price"]),
                notional_minor=row["notional_minor"],
                fee_minor=row["fee_minor"],
                charges=row["charges"],
                realized_minor=row["realized_minor"],
                cash_after_minor=row["cash_after_minor"],
            )
        )

    def mark(self) -> Mark:
        """Value the account at the last prices, as marking does; a session's first mark keeps what it began with."""
        values = [
            value_minor(held.quantity, self.quotes[key].prices.last, self.instruments[key], self.account.currency)
            for key, held in self.holdings.items()
            if held.quantity and key in self.quotes
        ]
        cash = self.account.cash_minor
        if self._day != self.moment.day_index:
            self._day, self._day_equity_minor = self.moment.day_index, self._equity_minor
        self._equity_minor = cash + sum(values)
        moment = self.moment
        gross = sum(abs(value) for value in values)
        self.marks.append(Mark(moment.tick, moment.at, moment.day_index, self._equity_minor, cash, gross))
        return self.marks[-1]

    def held(self) -> Sequence[tuple[int, Holding]]:
        """The positions by listing, in the order of their ids."""
        return [(key, held) for key, held in sorted(self.holdings.items()) if held.quantity]
