"""A corporate action as data, and what it does to the orders that rest. Pure and exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

from trading.domain import states
from trading.domain.case import CUSHION
from trading.domain.draft import Draft
from trading.domain.fills import on_grid, trail_stop
from trading.domain.links import entry_ended
from trading.domain.margin import initial_minor
from trading.domain.positions import ZERO
from trading.domain.snapshot import Instrument, OrderState, Snapshot
from trading.domain.types import plain
from trading.domain.worth import Rates, value_minor, worth


@dataclass(frozen=True, slots=True)
class Effect:
    """A corporate action as it meets accounts of one currency.

    `ratio` new shares for one old (1 when it is no split). `unit_minor`: minor units of the account's currency for one
    share: what a fraction of a new share is paid (split), the dividend, or the final value (delisting). `at` and `tick`
    are the open that it takes effect before.
    """

    kind: str
    listing_id: int
    symbol: str
    ex_date: date
    at: datetime
    tick: int
    unit_minor: Fraction
    lot_size: Decimal
    ratio: Decimal = Decimal(1)

    @property
    def reference(self) -> str:
        """What is stored with an adjustment, once for each account."""
        return f"{self.kind}:{self.listing_id}:{self.ex_date.isoformat()}"

    def details(self) -> dict[str, Any]:
        """Enough to apply it again: see `effect_again`."""
        return {
            "symbol": self.symbol,
            "ex_date": self.ex_date.isoformat(),
            "tick": self.tick,
            "ratio": plain(self.ratio),
            "lot_size": plain(self.lot_size),
            "unit_minor": str(self.unit_minor),
        }


def effect_again(kind: str, listing_id: int, at: datetime, details: dict[str, Any]) -> Effect:
    """The effect that an adjustment's details tell of."""
    return Effect(
        kind=kind,
        listing_id=listing_id,
        symbol=details["symbol"],
        ex_date=date.fromisoformat(details["ex_date"]),
        at=at,
        tick=details["tick"],
        unit_minor=Fraction(details["unit_minor"]),
        lot_size=Decimal(details["lot_size"]),
        ratio=Decimal(details["ratio"]),
    )


def adjust_orders(draft: Draft, orders: Sequence[OrderState], effect: Effect, instrument: Instrument) -> None:
    """Adjust or end the resting orders."""
    for found in orders:
        order = draft.orders[found.id]
        if order.status not in states.LIVE:
            continue
        if effect.kind == "delisting":
            _end(draft, order, "delisted")
        elif _has_filled_in_part(draft, order):
            # Its legs protect what has filled of it, counted in old shares: it cannot go on in new ones.
            _end(draft, order, "corporate_action")
        else:
            _split_order(draft, order, effect, instrument)


def _has_filled_in_part(draft: Draft, order: OrderState) -> bool:
    legs = any(leg.link_id == order.id and leg.id != order.id for leg in draft.orders.values())
    return bool(order.filled_quantity) and not order.role and legs


def _end(draft: Draft, order: OrderState, code: str) -> None:
    draft.end(order.id, states.CANCELED, code)
    entry_ended(draft, order.id)
    draft.emit("order_canceled", order.id, code=code)


def _split_order(draft: Draft, order: OrderState, effect: Effect, instrument: Instrument) -> None:
    left = (order.remaining * effect.ratio / instrument.lot_size).to_integral_value(ROUND_FLOOR) * instrument.lot_size
    if not left:
        _end(draft, order, "corporate_action")
        return
    moved = split_prices(order, effect.ratio, instrument.tick_size)
    # What has filled stays as it was filled; what is left is counted in new shares.
    moved = replace(moved, quantity=order.filled_quantity + left)
    draft.move(
        order.id,
        order.status,
        f"split {plain(effect.ratio)} for 1",
        quantity=moved.quantity,
        limit_price=moved.limit_price,
        stop_price=moved.stop_price,
        trail_amount=moved.trail_amount,
        extreme=moved.extreme,
        reserved_minor=min(order.reserved_minor, _hold(draft.snapshot, moved, instrument, effect)),
        reserved_quantity=left if order.reserved_quantity else ZERO,
    )
    draft.emit("order_adjusted", order.id, code="split", ratio=plain(effect.ratio))


def split_prices(order: OrderState, ratio: Decimal, tick_size: Decimal) -> OrderState:
    """An order with its prices in the shares after a split: on the grid, rounded away from the market.

    Away means that nothing fills or triggers sooner than it would have: a buy limit and a sell stop go down, a sell
    limit and a buy stop up.
    """
    buys = order.side == "buy"
    down, up = (ROUND_FLOOR, ROUND_CEILING) if buys else (ROUND_CEILING, ROUND_FLOOR)

    def moved(price: Decimal | None, rounding: str) -> Decimal | None:
        return None if price is None else on_grid(price / ratio, tick_size, rounding)

    after = replace(
        order,
        limit_price=moved(order.limit_price, down),
        stop_price=moved(order.stop_price, up),
        trail_amount=moved(order.trail_amount, ROUND_CEILING),
        extreme=moved(order.extreme, up),
    )
    if order.type == "trailing_stop" and not order.triggered and after.extreme is not None:
        after = replace(after, stop_price=trail_stop(after.working(), tick_size))
    return after


def _hold(snapshot: Snapshot, order: OrderState, instrument: Instrument, effect: Effect) -> int:
    """What an order needs to hold for what is left of it, minor units; all that it held when it has no price."""
    price = order.limit_price
    if price is None and order.stop_price is not None:
        price = order.stop_price * (1 + CUSHION) if order.side == "buy" else order.stop_price
    if price is None:
        return order.reserved_minor
    currency = snapshot.account.currency
    rates = Rates(snapshot.fee_schedule, snapshot.terms.product, effect.at.date(), currency)
    value = worth(
        order.side,
        order.remaining,
        price,
        instrument,
        rates,
        filled_quantity=order.filled_quantity,
        filled_native_minor=order.notional_minor,
    )
    if not snapshot.terms.is_margin:
        return value.notional_minor + value.fee_minor
    exposure = abs(value_minor(order.remaining, price, instrument, currency))
    return initial_minor(exposure, snapshot.terms) + value.fee_minor
