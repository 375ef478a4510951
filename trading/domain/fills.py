"""The one fill model: live simulation, replay and backtest all call it. Pure and exact.

Rules (docs/fills.md): a market buy fills at the ask, a sell at the bid of the quote in force, moved by its share of the
volume. A marketable limit fills at the quote, never worse than its limit. A resting limit is last in the queue: it
fills at its own price only when the market trades through it by a tick, and at the better price when the market gaps
across it at an open. A stop becomes a market or limit order at the print that reaches it; a gap fills it at the gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from trading.domain.types import OrderType, Side, TimeInForce
from trading.domain.venue import DEFAULT_VENUE, Venue

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Prices:
    """The part of a quote that a fill needs.

    `gap`: an opening print, with no trading between it and the last one; `is_close`: a session's last print. `volume`
    is the last completed session's, 0 when unknown. A size of None is unlimited; a print outside its band is deferred.
    """

    bid: Decimal
    ask: Decimal
    last: Decimal
    gap: bool = False
    is_close: bool = False
    volume: int = 0
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    halted: bool = False
    band_low: Decimal | None = None
    band_high: Decimal | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Working:
    """An order as the fill model sees it. `live_at`: market time from which it may fill; `extreme`: a trailing stop's
    best last price since acceptance.
    """

    side: Side
    type: OrderType
    time_in_force: TimeInForce
    remaining: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    extreme: Decimal | None = None
    triggered: bool = False
    live_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """What one quote does to one order.

    `quantity` 0: no fill. `end` names how the order ends when it is not filled (an ending of the state table), empty
    when it rests. `triggered`, `stop_price` and `extreme` are the order's after the quote. `note` says why nothing
    happened where something was due ("halted", "outside_band").
    """

    quantity: Decimal = ZERO
    price: Decimal | None = None
    end: str = ""
    triggered: bool = False
    stop_price: Decimal | None = None
    extreme: Decimal | None = None
    note: str = ""


def touch(side: Side, prices: Prices) -> Decimal:
    """The price at which an order that takes liquidity trades now."""
    return prices.ask if side == "buy" else prices.bid


def immediate(side: Side, limit: Decimal | None, prices: Prices) -> Decimal | None:
    """Price of an immediate fill of a new order, or None when a limit is not marketable."""
    price = touch(side, prices)
    if limit is None:
        return price
    marketable = price <= limit if side == "buy" else price >= limit
    return price if marketable else None


def resting(side: Side, limit: Decimal, prices: Prices, tick_size: Decimal) -> Decimal | None:
    """Price at which a limit order that rested before this print fills on it, or None."""
    price = touch(side, prices)
    better = price < limit if side == "buy" else price > limit
    if prices.gap and better:
        return price
    through = prices.last <= limit - tick_size if side == "buy" else prices.last >= limit + tick_size
    crossed = price <= limit if side == "buy" else price >= limit
    return limit if through or crossed else None


def on_grid(price: Decimal, step: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """`price` on the grid of `step`, at least one step."""
    return max((price / step).to_integral_value(rounding) * step, step)


def trail_stop(order: Working, tick_size: Decimal) -> Decimal:
    """The stop of a trailing stop at its extreme, rounded away from the market."""
    if order.extreme is None:
        raise ValueError("a trailing stop follows an extreme")
    away = order.trail_amount if order.trail_amount is not None else order.extreme * (order.trail_percent or ZERO) / 100
    if order.side == "sell":
        return on_grid(order.extreme - away, tick_size, ROUND_FLOOR)
    return on_grid(order.extreme + away, tick_size, ROUND_CEILING)


def _trigger_price(order: Working, prices: Prices, venue: Venue) -> Decimal:
    return prices.last if venue.trigger == "last" else touch(order.side, prices)


def _reached(order: Working, prices: Prices, venue: Venue) -> bool:
    """Whether this quote triggers the order's stop."""
    if order.stop_price is None:
        return False
    price = _trigger_price(order, prices, venue)
    return price >= order.stop_price if order.side == "buy" else price <= order.stop_price


def _trailed(order: Working, prices: Prices, tick_size: Decimal) -> Working:
    """The trailing stop after a print: a better last price takes the stop along, a worse one leaves it."""
    best = prices.last
    if order.extreme is not None:
        best = max(order.extreme, best) if order.side == "sell" else min(order.extreme, best)
    moved = replace(order, extreme=best)
    return replace(moved, stop_price=trail_stop(moved, tick_size))


def _room(order: Working, prices: Prices, venue: Venue, lot: Decimal, taken: Decimal, drawn: Decimal) -> Decimal:
    """The quantity that this quote can fill: remaining, the share of volume, and what is left of its size."""
    room = order.remaining
    if venue.max_volume_share and prices.volume:
        room = min(room, max(prices.volume * venue.max_volume_share - drawn, ZERO))
    size = prices.ask_size if order.side == "buy" else prices.bid_size
    if venue.sizes and size is not None:
        room = min(room, max(size - taken, ZERO))
    return room if room == order.remaining else (room / lot).to_integral_value(ROUND_FLOOR) * lot


def impacted(
    side: Side, price: Decimal, quantity: Decimal, prices: Prices, venue: Venue, tick_size: Decimal
) -> Decimal:
    """The price after the taker's own impact k * (quantity / volume)^2, on the grid; never better than `price`."""
    if not prices.volume or not venue.impact_k:
        return price
    share = quantity / prices.volume
    move = venue.impact_k * share * share
    # Nothing trades outside the session's band, so impact ends at its edge.
    if side == "buy":
        moved = on_grid(price * (1 + move), tick_size)
        return max(moved if prices.band_high is None else min(moved, prices.band_high), price)
    moved = on_grid(price * (1 - move), tick_size)
    return min(moved if prices.band_low is None else max(moved, prices.band_low), price)


def _deferred(prices: Prices, price: Decimal) -> str:
    """Why a fill at `price` must wait: a halt, or a price outside the session's band."""
    if prices.halted:
        return "halted"
    low, high = prices.band_low, prices.band_high
    if (low is not None and min(price, prices.last) < low) or (high is not None and max(price, prices.last) > high):
        return "outside_band"
    return ""


def _price(
    order: Working, prices: Prices, tick_size: Decimal, *, rested: bool, auction: bool
) -> tuple[Decimal | None, bool]:
    """The fill price before impact, and whether the order takes liquidity (only a taker moves the price)."""
    limit = order.limit_price if order.type in ("limit", "stop_limit") else None
    if auction:
        # An auction has one price for both sides.
        fits = limit is None or (prices.last <= limit if order.side == "buy" else prices.last >= limit)
        return (prices.last if fits else None), False
    if limit is not None and rested:
        return resting(order.side, limit, prices, tick_size), False
    return immediate(order.side, limit, prices), True


def _waits(order: Working, prices: Prices, *, new: bool) -> bool:
    """Whether the order takes no part in this quote: it is still on its way, or waits for its auction."""
    if order.live_at is not None and prices.at is not None and prices.at < order.live_at:
        return True
    if order.time_in_force == "opg":
        return new or not prices.gap
    return order.time_in_force == "cls" and (new or not prices.is_close)


def _ending(order: Working, quantity: Decimal) -> str:
    """How what this quote left unfilled ends, by the order's time in force."""
    if quantity >= order.remaining:
        return ""
    return {"ioc": "ioc_remainder", "opg": "auction_over", "cls": "auction_over"}.get(order.time_in_force, "")


def meet(
    order: Working,
    prices: Prices,
    *,
    tick_size: Decimal,
    lot_size: Decimal,
    venue: Venue = DEFAULT_VENUE,
    new: bool = False,
    taken: Decimal = ZERO,
    drawn: Decimal = ZERO,
) -> Execution:
    """What the quote in force does to an order: a new one (`new`), or one that rested before this quote.

    `taken` is what other orders have had of this quote's size on the order's side; `drawn` what the account's own have
    filled of this quote on that side: its share of the volume and its impact count the account, not each order.
    """
    trailing = order.type == "trailing_stop"
    held = Execution(triggered=order.triggered, stop_price=order.stop_price, extreme=order.extreme)
    if trailing and order.extreme is None:
        order = _trailed(order, prices, tick_size)
        held = replace(held, stop_price=order.stop_price, extreme=order.extreme)
    if _waits(order, prices, new=new):
        return held
    if order.type in ("stop", "stop_limit", "trailing_stop") and not order.triggered:
        if prices.halted:
            return replace(held, note="halted")
        if not _reached(order, prices, venue):
            if trailing:
                order = _trailed(order, prices, tick_size)
            return replace(held, stop_price=order.stop_price, extreme=order.extreme)
        held = replace(held, triggered=True)
        new = True
    return _fill(order, prices, held, tick_size, lot_size, venue, new=new, taken=taken, drawn=drawn)


def _fill(
    order: Working,
    prices: Prices,
    held: Execution,
    tick_size: Decimal,
    lot_size: Decimal,
    venue: Venue,
    *,
    new: bool,
    taken: Decimal,
    drawn: Decimal,
) -> Execution:
    auction = order.time_in_force in ("opg", "cls")
    price, takes = _price(order, prices, tick_size, rested=not new, auction=auction)
    if price is None:
        return replace(held, end="fok_not_filled" if order.time_in_force == "fok" else _ending(order, ZERO))
    note = _deferred(prices, price)
    if note:
        # What is to be filled at once or not at all cannot be put off.
        end = {"ioc": "ioc_remainder", "fok": "fok_not_filled"}.get(order.time_in_force, "")
        return replace(held, end=end) if end else replace(held, note=note)
    quantity = _room(order, prices, venue, lot_size, taken, drawn)
    if order.time_in_force == "fok" and quantity < order.remaining:
        return replace(held, end="fok_not_filled")
    end = _ending(order, quantity)
    if not quantity:
        return replace(held, end=end)
    if takes:
        moved = impacted(order.side, price, quantity + drawn, prices, venue, tick_size)
        limit = order.limit_price if order.type in ("limit", "stop_limit") else None
        price = moved if limit is None else (min(moved, limit) if order.side == "buy" else max(moved, limit))
    return replace(held, quantity=quantity, price=price, end=end)


def live_at(accepted: datetime | None, venue: Venue) -> datetime | None:
    """The market time from which an order accepted at `accepted` may fill; None is at once."""
    return accepted + timedelta(milliseconds=venue.latency_ms) if accepted is not None and venue.latency_ms else None
