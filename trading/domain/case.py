"""One new order before its judges: priced against the quote in force. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading.domain import states
from trading.domain.fills import Execution, live_at, meet, touch
from trading.domain.limits import Limits
from trading.domain.margin import Exposure, Margin, initial_minor, margin_of
from trading.domain.positions import ZERO, Holding, opening
from trading.domain.snapshot import Instrument, OrderState, QuoteState, Snapshot
from trading.domain.types import Actor, OrderRequest
from trading.domain.worth import Rates, Worth, value_minor, worth

# What a stop or a waiting market order holds above its price: it may fill at a worse one.
CUSHION = Decimal("0.02")
# The mark of a position: its listing's last price and the instrument.
Marks = Mapping[int, tuple[Decimal, Instrument]]


@dataclass(frozen=True, slots=True)
class Case:
    """A new order with all that its judges look at.

    `execution` is what the quote does to it at once; `price` its fill price, or the price that it is held at while it
    rests; `worth` what the whole order is worth there. `need_minor` is the buying power it takes, `hold_minor` what it
    holds while it rests. `margin` is None for cash accounts. `forced`: the system reduces a position.
    """

    snapshot: Snapshot
    request: OrderRequest
    instrument: Instrument
    quote: QuoteState
    limits: Limits
    execution: Execution
    price: Decimal
    worth: Worth
    opens: Decimal
    need_minor: int
    hold_minor: int
    margin: Margin | None
    forced: bool

    @property
    def fills_at_once(self) -> bool:
        """Whether the quote in force fills any of it."""
        return self.execution.quantity > 0

    @property
    def total_minor(self) -> int:
        """Notional and charges."""
        return self.worth.notional_minor + self.worth.fee_minor

    @property
    def free_minor(self) -> int:
        """Buying power in money: free cash, or the equity that carries nothing yet, times leverage."""
        if self.margin is None:
            return self.snapshot.account.buying_power_minor
        excess = self.margin.excess_minor - self.snapshot.account.reserved_minor
        return int(excess * self.snapshot.terms.leverage)


def reducible(holding: Holding, side: str, *, is_margin: bool) -> Decimal:
    """How much a reduce-only order on `side` may still trade. Shares promised to another sell are not sold twice."""
    if side == "sell":
        return max(holding.quantity, ZERO) if is_margin else holding.available
    return max(-holding.quantity, ZERO)


def ended(execution: Execution, time_in_force: str, remaining: Decimal) -> Execution:
    """An order that fills no more than the position it reduces: its time in force ends the rest of it as well."""
    if execution.end or not 0 < execution.quantity < remaining:
        return execution
    ends = {"ioc": "ioc_remainder", "fok": "ioc_remainder", "opg": "auction_over", "cls": "auction_over"}
    return replace(execution, end=ends.get(time_in_force, ""))


def rates_of(snapshot: Snapshot, quote: QuoteState) -> Rates:
    """What charges depend on in this account on this day."""
    return Rates(snapshot.fee_schedule, snapshot.terms.product, quote.at.date(), snapshot.account.currency)


def exposures(snapshot: Snapshot, marks: Marks) -> list[Exposure]:
    """A margin account's positions at their marks; one without a mark counts at its cost."""
    found = []
    for item in snapshot.positions:
        mark = marks.get(item.listing_id)
        value = (
            item.holding.cost_minor
            if mark is None
            else value_minor(item.holding.quantity, mark[0], mark[1], snapshot.account.currency)
        )
        found.append(Exposure(item.listing_id, item.holding.quantity, value))
    return found


def margin_at(snapshot: Snapshot, marks: Marks | None) -> Margin | None:
    """Where a margin account stands; None for a cash account."""
    if not snapshot.terms.is_margin:
        return None
    return margin_of(snapshot.account.cash_minor, exposures(snapshot, marks or {}), snapshot.terms)


def draft_order(
    snapshot: Snapshot, request: OrderRequest, instrument: Instrument, tick: int, actor: Actor
) -> OrderState:
    """The order of a request before any decision, under the first id that the snapshot took."""
    accepted = None
    if snapshot.venue.latency_ms and snapshot.market_at is not None:
        due = live_at(datetime.fromisoformat(snapshot.market_at), snapshot.venue)
        accepted = None if due is None else due.isoformat()
    return OrderState(
        id=snapshot.order_ids[0],
        listing_id=instrument.listing_id,
        symbol=instrument.symbol,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force,
        quantity=request.quantity,
        filled_quantity=ZERO,
        limit_price=request.limit_price,
        average_price=None,
        status=states.INITIALIZED,
        reserved_minor=0,
        reserved_quantity=ZERO,
        source=request.source,
        client_order_id=request.client_order_id,
        accepted_tick=tick,
        actor_id=actor.user_id,
        market_at=snapshot.market_at,
        created_at=snapshot.now,
        stop_price=request.stop_price,
        trail_amount=request.trail_amount,
        trail_percent=request.trail_percent,
        expires_at=None if request.expires_at is None else request.expires_at.isoformat(),
        live_at=accepted,
        reduce_only=request.reduce_only or request.order_class == "oco",
        order_class=request.order_class,
        seen_tick=tick,
    )


def hold_price(order: OrderState, quote: QuoteState, execution: Execution) -> Decimal:
    """The price that a resting order holds buying power at."""
    if order.limit_price is not None:
        return order.limit_price
    base = execution.stop_price or order.stop_price or touch(order.side, quote.prices)
    return base * (1 + CUSHION) if order.side == "buy" else base


def make_case(
    snapshot: Snapshot,
    request: OrderRequest,
    instrument: Instrument,
    quote: QuoteState,
    *,
    actor: Actor,
    limits: Limits,
    marks: Marks | None = None,
) -> Case:
    """Price an order against the quote in force."""
    order = draft_order(snapshot, request, instrument, quote.tick, actor)
    margin = margin_at(snapshot, marks)
    remaining = request.quantity
    if order.reduce_only:
        remaining = min(remaining, reducible(snapshot.holding, request.side, is_margin=margin is not None))
    execution = meet(
        order.working(remaining),
        quote.prices,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        venue=snapshot.venue,
        new=True,
        taken=snapshot.taken,
        drawn=snapshot.holding.drawn(request.side, quote.tick),
    )
    execution = ended(execution, request.time_in_force, request.quantity)
    rests = execution.quantity < request.quantity and not execution.end
    price = execution.price or hold_price(order, quote, execution)
    if rests and execution.price is not None:
        price = max(execution.price, hold_price(order, quote, execution)) if request.side == "buy" else execution.price
    value = worth(request.side, request.quantity, price, instrument, rates_of(snapshot, quote))
    opens = ZERO if order.reduce_only else opening(snapshot.holding, request.side, request.quantity)
    need = _need(snapshot, request, instrument, quote, price, value, opens, margin)
    return Case(
        snapshot=snapshot,
        request=request,
        instrument=instrument,
        quote=quote,
        limits=limits,
        execution=execution,
        price=price,
        worth=value,
        opens=opens,
        need_minor=need,
        hold_minor=need if opens else 0,
        margin=margin,
        forced=actor.user_id is None and request.reduce_only,
    )


def _need(
    snapshot: Snapshot,
    request: OrderRequest,
    instrument: Instrument,
    quote: QuoteState,
    price: Decimal,
    value: Worth,
    opens: Decimal,
    margin: Margin | None,
) -> int:
    """Buying power (cash account) or equity (margin account) that the order takes, minor units; 0 when it reduces."""
    if margin is None:
        return value.notional_minor + value.fee_minor if request.side == "buy" and opens else 0
    if not opens:
        return 0
    slip = slip_minor(request.side, request.quantity, price, instrument, quote, snapshot.account.currency)
    more = opening_minor(snapshot, margin, opens, request.quantity - opens, price, instrument, quote)
    return more + value.fee_minor + slip


def opening_minor(
    snapshot: Snapshot,
    margin: Margin,
    opens: Decimal,
    closes: Decimal,
    price: Decimal,
    instrument: Instrument,
    quote: QuoteState,
) -> int:
    """Initial margin that a fill takes beyond what it sets free by closing first. Minor units, never below 0."""
    currency = snapshot.account.currency
    opened = abs(value_minor(opens, price, instrument, currency))
    closed = abs(value_minor(closes, quote.prices.last, instrument, currency))
    return max(initial_minor(margin.exposure_minor + opened - closed, snapshot.terms) - margin.initial_minor, 0)


def slip_minor(
    side: str, quantity: Decimal, price: Decimal, instrument: Instrument, quote: QuoteState, currency: str
) -> int:
    """What equity loses at once by a fill at `price`: bought above the mark, or sold below it. Minor units."""
    adverse = price - quote.prices.last if side == "buy" else quote.prices.last - price
    return max(value_minor(quantity, adverse, instrument, currency), 0)
