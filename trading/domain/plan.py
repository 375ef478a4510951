"""A decision as data: what trading.sql's trading_apply writes, and the views that callers get. Pure.

Each builder returns a `Plan`; nothing here reads anything but its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.money import to_minor
from trading.domain import states
from trading.domain.case import (
    Case,
    Marks,
    draft_order,
    ended,
    margin_at,
    opening_minor,
    rates_of,
    reducible,
    slip_minor,
)
from trading.domain.draft import Draft
from trading.domain.fills import Execution, meet
from trading.domain.links import after_fill, entry_ended, held_legs, oco_leg
from trading.domain.positions import ZERO, opening
from trading.domain.snapshot import Instrument, OrderState, QuoteState, Snapshot
from trading.domain.types import Actor, Denial, OrderView, plain
from trading.domain.worth import worth

# How an order ends that its time in force ends.
_ENDS = {"auction_over": states.EXPIRED}


@dataclass(frozen=True, slots=True)
class Plan:
    """The JSON for trading_apply, the order as it stands afterwards, and the other orders that changed with it."""

    data: dict[str, Any]
    view: OrderView
    others: tuple[OrderView, ...] = ()


def _plan(draft: Draft, order_id: int) -> Plan:
    others = tuple(draft.view(key) for key in draft.touched() if key != order_id)
    return Plan(draft.data(), draft.view(order_id), others)


def deny(case: Case, actor: Actor, denial: Denial) -> Plan:
    """Store the order as DENIED with its reason; nothing else changes."""
    draft = Draft(replace(case.snapshot, order=None, companions=()))
    order = draft_order(case.snapshot, case.request, case.instrument, case.quote.tick, actor)
    draft.add(order)
    draft.note(order.id, denial.code, denial.message, denial.details)
    draft.move(order.id, states.DENIED, f"{denial.code}: {denial.message}", actor.user_id)
    draft.emit("order_denied", order.id, code=denial.code)
    return _plan(draft, order.id)


def accept(case: Case, actor: Actor) -> Plan:
    """Take a new order: it fills, in part or whole, rests with what it holds, or ends as its time in force says."""
    draft = Draft(case.snapshot)
    order = draft_order(case.snapshot, case.request, case.instrument, case.quote.tick, actor)
    if case.request.order_class == "oco":
        order = replace(order, role="take_profit", link_id=order.id)
    _enter(draft, order, case, actor)
    return _plan(draft, order.id)


def _enter(draft: Draft, order: OrderState, case: Case, actor: Actor) -> None:
    """Accept an order within a draft, and let the quote in force do to it what it does."""
    execution = case.execution
    rests = execution.quantity < order.quantity and not execution.end
    promises = rests and order.side == "sell" and case.margin is None and not order.reduce_only
    draft.add(order)
    draft.move(
        order.id,
        states.ACCEPTED,
        "rests in the book" if rests and not execution.quantity else "",
        actor.user_id,
        reserved_minor=case.hold_minor if rests else 0,
        reserved_quantity=order.quantity if promises else ZERO,
        stop_price=execution.stop_price,
        extreme=execution.extreme,
    )
    if case.request.order_class in ("bracket", "oto"):
        held_legs(draft, order, case.request, case.snapshot.order_ids[1:], actor)
    elif case.request.order_class == "oco":
        oco_leg(draft, order, case.request, case.snapshot.order_ids[1], actor)
    _execute(draft, order.id, execution, case.instrument, case.quote)
    if draft.orders[order.id].status == states.ACCEPTED:
        draft.emit("order_accepted", order.id)


def _execute(draft: Draft, order_id: int, execution: Execution, instrument: Instrument, quote: QuoteState) -> None:
    """Trigger, fill and end an order as the execution says, and let the orders linked to it follow."""
    before = draft.orders[order_id]
    if execution.triggered and not before.triggered:
        reason = f"stop {plain(before.stop_price or ZERO)} reached at {plain(quote.prices.last)}"
        draft.move(order_id, states.TRIGGERED, reason, triggered=True, seen_tick=quote.tick)
        draft.emit("order_triggered", order_id)
    if execution.quantity and execution.price is not None:
        draft.take(order_id, execution.quantity, execution.price, instrument, quote)
        _liquidity(draft, order_id, execution.quantity, quote)
        after_fill(draft, order_id, execution.quantity, quote.tick)
        fill = draft.fill or {}
        draft.emit(
            "order_filled",
            order_id,
            fill_id=fill.get("id"),
            price=plain(execution.price),
            filled=plain(execution.quantity),
            realized_minor=fill.get("realized_minor"),
        )
    order = draft.orders[order_id]
    if order.status in states.OPEN and order.reduce_only and execution.quantity and not draft.holding.quantity:
        draft.end(order_id, states.CANCELED, "nothing_to_reduce")
    elif execution.end and order.status in states.OPEN:
        status = _ENDS.get(execution.end, states.CANCELED)
        draft.end(order_id, status, execution.end)
        entry_ended(draft, order_id)
        draft.emit(f"order_{status}", order_id, code=execution.end)


def _liquidity(draft: Draft, order_id: int, quantity: Decimal, quote: QuoteState) -> None:
    if draft.snapshot.venue.sizes:
        draft.liquidity = {
            "listing_id": draft.orders[order_id].listing_id,
            "tick": quote.tick,
            "side": draft.orders[order_id].side,
            "taken": str(draft.snapshot.taken + quantity),
        }


def _uncovered(
    snapshot: Snapshot, execution: Execution, instrument: Instrument, quote: QuoteState, marks: Marks | None
) -> str:
    """Why a resting order's fill is not covered now, empty when it is.

    It may have gapped beyond what the order holds, or the shares that it was to sell are gone.
    """
    order, account = snapshot.order, snapshot.account
    assert order is not None
    assert execution.price is not None
    value = worth(
        order.side,
        execution.quantity,
        execution.price,
        instrument,
        rates_of(snapshot, quote),
        filled_quantity=order.filled_quantity,
        filled_native_minor=order.notional_minor,
    )
    others = account.reserved_minor - order.reserved_minor
    margin = margin_at(snapshot, marks)
    if margin is None:
        change = value.notional_minor if order.side == "sell" else -value.notional_minor
        covered = account.cash_minor + change - value.fee_minor >= others
        return "" if covered else "not_enough_buying_power"
    opens = opening(snapshot.holding, order.side, execution.quantity)
    if not opens:
        return ""
    closes = execution.quantity - opens
    more = opening_minor(snapshot, margin, opens, closes, execution.price, instrument, quote)
    slip = slip_minor(order.side, execution.quantity, execution.price, instrument, quote, account.currency)
    covered = margin.excess_minor - more - value.fee_minor - slip >= others
    return "" if covered else "not_enough_buying_power"


def act(snapshot: Snapshot, quote: QuoteState, instrument: Instrument, marks: Marks | None = None) -> Plan | None:
    """What a quote does to the snapshot's resting order; None when nothing changes."""
    order = snapshot.order
    if order is None:
        raise ValueError("the snapshot holds no order")
    remaining = order.remaining
    # Where shorting is off, a second sell of the same shares may find them gone: margin accounts promise none.
    covers = order.side == "sell" and snapshot.terms.is_margin and not snapshot.terms.short
    if order.reduce_only or covers:
        remaining = min(remaining, reducible(snapshot.holding, order.side, is_margin=snapshot.terms.is_margin))
        if not remaining:
            reduces = snapshot.holding.quantity * (1 if order.side == "sell" else -1) > 0
            return None if reduces else end_order(snapshot, order, states.CANCELED, "nothing_to_reduce")
    # Nothing but its auction wakes an order of an auction: it keeps its latency until then.
    on_its_way = order.live_at is not None and order.time_in_force not in ("opg", "cls")
    arrived = on_its_way and quote.at >= datetime.fromisoformat(order.live_at or "")
    execution = meet(
        order.working(remaining),
        quote.prices,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        venue=snapshot.venue,
        # The first quote after its latency meets it as a new order: what is marketable fills at the touch.
        new=arrived,
        taken=snapshot.taken,
        drawn=snapshot.holding.drawn(order.side, quote.tick),
    )
    execution = ended(execution, order.time_in_force, order.remaining)
    if execution.note:
        return _defer(snapshot, order, execution.note)
    draft = Draft(snapshot)
    changes: dict[str, Any] = {"stop_price": execution.stop_price, "extreme": execution.extreme}
    draft.change(order.id, **changes, **({"live_at": None} if arrived else {}))
    if execution.quantity and execution.price is not None:
        if not to_minor(execution.quantity * execution.price * instrument.fx, snapshot.account.currency):
            return None
        refused = _uncovered(snapshot, execution, instrument, quote, marks)
        if refused:
            return end_order(snapshot, order, states.CANCELED, refused)
    _execute(draft, order.id, execution, instrument, quote)
    if not draft.touched():
        return None
    if draft.orders[order.id].seen_tick != quote.tick:
        draft.change(order.id, seen_tick=quote.tick)
    return _plan(draft, order.id)


def _defer(snapshot: Snapshot, order: OrderState, note: str) -> Plan | None:
    """Flag an order whose fill must wait, once."""
    if order.code == note:
        return None
    words = {
        "halted": "Deferred: trading in the instrument is halted.",
        "outside_band": "Deferred: the price lies outside the session's band.",
    }[note]
    draft = Draft(snapshot)
    draft.note(order.id, note, words)
    draft.move(order.id, order.status, words, code=note)
    draft.emit("order_deferred", order.id, code=note)
    return _plan(draft, order.id)


def end_order(
    snapshot: Snapshot,
    order: OrderState,
    status: str,
    code: str,
    actor: Actor | None = None,
    message: str = "",
) -> Plan:
    """Cancel or expire an order: what it holds is released, and the legs that waited for it end with it."""
    draft = Draft(snapshot)
    draft.end(order.id, status, code, None if actor is None else actor.user_id, message)
    entry_ended(draft, order.id)
    draft.emit(f"order_{status}", order.id, code=code)
    return _plan(draft, order.id)


def release(snapshot: Snapshot, order: OrderState, actor: Actor) -> Draft:
    """The first half of a replacement: the old order lets go of what it holds."""
    draft = Draft(snapshot)
    draft.end(order.id, states.REPLACED, "replaced", actor.user_id)
    return draft


def substitute(draft: Draft, old: OrderState, case: Case, actor: Actor) -> Plan:
    """The second half: the new order takes the old one's place, its role and its legs."""
    order = draft_order(case.snapshot, case.request, case.instrument, case.quote.tick, actor)
    order = replace(
        order, order_class=old.order_class, role=old.role, link_id=old.link_id, replaces_id=old.id,
        reduce_only=old.reduce_only,
    )  # fmt: skip
    draft.change(old.id, replaced_by_id=order.id)
    for key, leg in list(draft.orders.items()):
        if leg.link_id == old.id and key != old.id and leg.status in states.LIVE and not old.role:
            draft.change(key, link_id=order.id)
    if old.status == states.HELD:
        draft.add(order)
        draft.move(order.id, states.HELD, "waits for its entry", actor.user_id)
    else:
        _enter(draft, order, case, actor)
    draft.emit("order_replaced", old.id, replaced_by_id=order.id)
    return _plan(draft, order.id)
