"""Which resting orders a print touches, and which are over: the conditions of the live passes. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from trading.domain import rows
from trading.domain.snapshot import OrderState, QuoteState
from trading.domain.venue import Venue


def woken(order: OrderState, quote: QuoteState, tick_size: Decimal, venue: Venue) -> bool:
    """Whether the matching pass looks at the order at this print (`rows.wake` is what the database's index holds)."""
    kind, price = rows.wake(order)
    prices = quote.prices
    if price is None:
        return kind == rows.NEXT or (kind == rows.OPENING and prices.gap) or (kind == rows.CLOSING and prices.is_close)
    up, down = (prices.ask, prices.bid) if venue.trigger == "quote" else (prices.last, prices.last)
    if kind == rows.BUY_LIMIT:
        return price >= min(prices.ask, prices.last + tick_size)
    if kind == rows.SELL_LIMIT:
        return price <= max(prices.bid, prices.last - tick_size)
    if kind in (rows.UP, rows.TRAIL_UP):
        trails = kind == rows.TRAIL_UP and order.extreme is not None and order.extreme > prices.last
        return price <= up or trails
    trails = kind == rows.TRAIL_DOWN and order.extreme is not None and order.extreme < prices.last
    return price >= down or trails


def in_turn(orders: Iterable[OrderState], *, sizes: bool) -> list[OrderState]:
    """Orders as a pass takes them: oldest first; where quotes have sizes, one side of one listing after another."""
    oldest = sorted(orders, key=lambda order: order.id)
    if not sizes:
        return oldest
    sides: dict[tuple[int, str], list[OrderState]] = {}
    for order in oldest:
        sides.setdefault((order.listing_id, order.side), []).append(order)
    return [order for side in sides.values() for order in side]


def only_touched(order: OrderState, quote: QuoteState, tick_size: Decimal) -> bool:
    """Whether a print without a spread reaches a resting limit and does not trade through it by a tick.

    The last in the queue is not filled then. (With a spread it is the other side of the quote that reaches the limit.)
    """
    rests = order.type == "limit" or (order.type == "stop_limit" and order.triggered)
    if not rests or order.limit_price is None or order.time_in_force in ("opg", "cls"):
        return False
    through = order.limit_price - quote.prices.last if order.side == "buy" else quote.prices.last - order.limit_price
    return through < tick_size and not (quote.prices.gap and through > 0)


def over(order: OrderState, at: datetime, day_tick: int) -> str:
    """The code of the ending that time has brought to an order, if any. `day_tick`: the session's first tick."""
    if order.time_in_force == "day" and (order.accepted_tick or 0) < day_tick:
        return "day_over"
    if order.expires_at is not None and at >= datetime.fromisoformat(order.expires_at):
        return "date_passed"
    return ""
