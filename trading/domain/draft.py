"""A decision in the making: moves of orders and at most one fill, each checked against the state table. Pure.

The draft keeps the account, the holding and every touched order as they stand after each step, so that reservations
always add up: moving an order gives back what it held before and takes what it holds now.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from core.money import major_text
from trading.domain import states
from trading.domain.case import rates_of
from trading.domain.positions import ZERO, Holding, apply_fill
from trading.domain.rows import account_row, order_row, position_row, update_row
from trading.domain.snapshot import AccountState, Instrument, OrderState, QuoteState, Snapshot
from trading.domain.types import OrderView, Side, maybe_plain, plain
from trading.domain.worth import Worth, worth

_PRICE_STEP = Decimal("0.000001")


class Draft:
    """Collects what one decision does to one account. Nothing leaves it but `data()` and views."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.account: AccountState = snapshot.account
        self.holding: Holding = snapshot.holding
        self.listing_id: int | None = None
        self.orders: dict[int, OrderState] = {}
        self.fill: dict[str, Any] | None = None
        self.liquidity: dict[str, Any] | None = None
        self.events: list[dict[str, Any]] = []
        self._before: dict[int, OrderState | None] = {}
        self._notes: dict[int, tuple[str, str, dict[str, Any] | None]] = {}
        self._steps: list[list[Any]] = []
        for order in (snapshot.order, *snapshot.companions):
            if order is not None:
                self.orders[order.id] = order
                self._before[order.id] = order
                self.listing_id = order.listing_id

    def add(self, order: OrderState) -> None:
        """A new order, not yet decided on."""
        self.orders[order.id] = order
        self._before[order.id] = None
        self.listing_id = order.listing_id

    def move(
        self, order_id: int, status: str, reason: str = "", actor_id: int | None = None, **changes: Any
    ) -> OrderState:
        """Move an order in the state table, with what changes on it; an order that ends lets go of all it holds."""
        before = self.orders[order_id]
        states.check(before.status, status)
        if status in states.TERMINAL:
            changes |= {"reserved_minor": 0, "reserved_quantity": ZERO}
        after = replace(before, status=status, **changes)
        self._steps.append([order_id, before.status, status, reason[:300], actor_id])
        self._put(before, after)
        return after

    def change(self, order_id: int, **changes: Any) -> OrderState:
        """Change an order without moving it."""
        before = self.orders[order_id]
        after = replace(before, **changes)
        self._put(before, after)
        return after

    def _put(self, before: OrderState, after: OrderState) -> None:
        living = (after.status in states.LIVE) - (before.status in states.LIVE)
        self.orders[after.id] = after
        self.account = replace(
            self.account,
            reserved_minor=self.account.reserved_minor + after.reserved_minor - before.reserved_minor,
            open_orders_count=self.account.open_orders_count + living,
        )
        promised = after.reserved_quantity - before.reserved_quantity
        if promised:
            self.holding = replace(self.holding, reserved_quantity=self.holding.reserved_quantity + promised)

    def end(self, order_id: int, status: str, code: str, actor_id: int | None = None, message: str = "") -> OrderState:
        """End an order for the reason named by `code`."""
        words = message or states.ENDINGS.get(code, code)
        self.note(order_id, code, words)
        return self.move(order_id, status, words, actor_id)

    def note(self, order_id: int, code: str, message: str, details: dict[str, Any] | None = None) -> None:
        """What is stored as the order's code and message."""
        self._notes[order_id] = (code, message[:300], details)

    def take(
        self,
        order_id: int,
        quantity: Decimal,
        price: Decimal,
        instrument: Instrument,
        quote: QuoteState,
    ) -> Worth:
        """Fill `quantity` of an order at `price`: cash, position, reservations, state and ledger legs."""
        order = self.orders[order_id]
        side: Side = order.side
        rates = rates_of(self.snapshot, quote)
        value = worth(
            side,
            quantity,
            price,
            instrument,
            rates,
            filled_quantity=order.filled_quantity,
            filled_native_minor=order.notional_minor,
        )
        held = self.holding
        after, realized = apply_fill(held, side, quantity, value.notional_minor)
        self.holding = after.draw(side, quantity, quote.tick)
        sign = -1 if side == "buy" else 1
        cash_change = sign * value.notional_minor - value.fee_minor
        self.account = replace(
            self.account,
            cash_minor=self.account.cash_minor + cash_change,
            realized_minor=self.account.realized_minor + realized,
            fees_minor=self.account.fees_minor + value.fee_minor,
            fills_count=self.account.fills_count + 1,
        )
        if order.code:
            self.note(order.id, "", "")
        self._settle(order, quantity, price, value, quote.tick)
        self.fill = self._fill_row(order, quantity, price, instrument, quote, value, realized, cash_change)
        return value

    def _settle(self, order: OrderState, quantity: Decimal, price: Decimal, value: Worth, tick: int) -> None:
        """The order after a fill: it keeps its reservation for what remains."""
        left = order.remaining - quantity
        done = order.filled_quantity * (order.average_price or 0) + quantity * price
        filled = order.filled_quantity + quantity
        kept = round(Fraction(order.reserved_minor) * Fraction(left) / Fraction(order.remaining))
        if not self.snapshot.terms.is_margin:
            # A part that gapped beyond what the order holds leaves less for the rest, never more than there is.
            others = self.account.reserved_minor - order.reserved_minor
            kept = min(kept, max(self.account.cash_minor - others, 0))
        self.move(
            order.id,
            states.PARTIALLY_FILLED if left else states.FILLED,
            f"{plain(quantity)} filled at {plain(price)}"
            if left or order.filled_quantity
            else f"filled at {plain(price)}",
            filled_quantity=filled,
            average_price=(done / filled).quantize(_PRICE_STEP),
            notional_minor=order.notional_minor + value.native_minor,
            fees_minor=order.fees_minor + value.fee_minor,
            seen_tick=tick,
            reserved_minor=kept,
            reserved_quantity=min(order.reserved_quantity, left),
        )

    def _fill_row(
        self,
        order: OrderState,
        quantity: Decimal,
        price: Decimal,
        instrument: Instrument,
        quote: QuoteState,
        value: Worth,
        realized: int,
        cash_change: int,
    ) -> dict[str, Any]:
        account = self.account
        drawn = self.snapshot.holding.drawn(order.side, quote.tick)
        legs: list[list[Any]] = [
            [account.ledger_account_id, cash_change, ""],
            [account.clearing_account_id, -cash_change - value.fee_minor, ""],
        ]
        for charge in value.charges:
            own = account.fees_account_id if charge.kind == "commission" else None
            legs.append([own, charge.minor, charge.kind])
        return {
            "id": self.snapshot.fill_id,
            "order_id": order.id,
            "listing_id": order.listing_id,
            "side": order.side,
            "quantity": str(quantity),
            "price": str(price),
            "notional_minor": value.notional_minor,
            "fee_minor": value.fee_minor,
            "charges": {charge.kind: charge.minor for charge in value.charges},
            "fx": str(instrument.fx),
            "realized_minor": realized,
            "quote": {**quote.evidence, "drawn": plain(drawn)} if drawn else dict(quote.evidence),
            "memo": f"{order.side} {plain(quantity)} {order.symbol} @ {plain(price)}",
            "legs": [leg for leg in legs if leg[1]],
        }

    def emit(self, kind: str, order_id: int, **more: Any) -> None:
        """An event about an order as it now stands."""
        order = self.orders[order_id]
        payload = {
            "account_id": self.account.id,
            "order_id": order.id,
            "symbol": order.symbol,
            "side": order.side,
            "quantity": plain(order.quantity),
            "status": order.status,
            **more,
        }
        self.events.append({"topic": f"trading.{kind}", "payload": payload})

    def touched(self) -> list[int]:
        """Ids of the orders that the decision changes, in the order of their ids."""
        return sorted(key for key, order in self.orders.items() if self._before[key] != order)

    def data(self) -> dict[str, Any]:
        """The JSON for trading_apply."""
        data: dict[str, Any] = {
            "account_id": self.account.id,
            "market_id": self.account.market_id,
            "currency": self.account.currency,
            "market_at": self.snapshot.market_at,
            "steps": self._steps,
            "events": self.events,
        }
        inserts, updates = [], []
        for key in self.touched():
            before, after = self._before[key], self.orders[key]
            code, message, details = self._notes.get(key, (after.code, "", None))
            if before is None:
                inserts.append(order_row(after, code, message, details))
            else:
                updates.append(update_row(before, after, code, message))
        if inserts:
            data["orders"] = inserts
        if updates:
            data["updates"] = updates
        if self.fill is not None:
            data["fill"] = {**self.fill, "cash_after_minor": self.account.cash_minor}
        if self.holding != self.snapshot.holding and self.listing_id is not None:
            data["position"] = position_row(self.listing_id, self.holding)
        if self.account != self.snapshot.account:
            data["account"] = account_row(self.account)
        if self.liquidity is not None:
            data["liquidity"] = self.liquidity
        return data

    def view(self, order_id: int) -> OrderView:
        """An order as it stands, as others see it."""
        order = self.orders[order_id]
        code, message, details = self._notes.get(order_id, (order.code, "", None))
        legs = sorted(key for key, leg in self.orders.items() if leg.link_id == order_id and key != order_id)
        return order_view(order, self.account, code, message, details, tuple(legs))


def order_view(
    order: OrderState,
    account: AccountState,
    code: str,
    message: str,
    details: dict[str, Any] | None,
    legs: tuple[int, ...],
) -> OrderView:
    """An order as others see it."""
    return OrderView(
        id=order.id,
        account_id=account.id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        quantity=plain(order.quantity),
        filled_quantity=plain(order.filled_quantity),
        limit_price=maybe_plain(order.limit_price),
        average_price=maybe_plain(order.average_price),
        status=order.status,
        code=code,
        message=message,
        details=details or {},
        client_order_id=order.client_order_id,
        source=order.source,
        market_at=order.market_at,
        created_at=order.created_at,
        fee=major_text(order.fees_minor, account.currency) if order.filled_quantity else None,
        currency=account.currency,
        stop_price=maybe_plain(order.stop_price),
        trail_amount=maybe_plain(order.trail_amount),
        trail_percent=maybe_plain(order.trail_percent),
        expires_at=order.expires_at,
        reduce_only=order.reduce_only,
        order_class=order.order_class,
        role=order.role,
        parent_id=order.link_id if order.link_id != order.id and order.role else None,
        legs=legs,
        replaces_id=order.replaces_id,
        replaced_by_id=order.replaced_by_id,
    )
