"""Orders that hang together: the legs of brackets, OTO and OCO orders. Pure.

A leg only reduces. The legs of an entry wait (HELD) until it fills, and protect what has filled of it. When a leg
fills, its sibling shrinks by as much, and what remains of the entry is cancelled; a position that is gone takes its
reduce-only orders along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from trading.domain import states
from trading.domain.draft import Draft
from trading.domain.positions import ZERO
from trading.domain.snapshot import OrderState
from trading.domain.types import Actor, OrderRequest, Side

TAKE_PROFIT, STOP_LOSS = "take_profit", "stop_loss"


def _leg(entry: OrderState, leg_id: int, side: Side, role: str, link_id: int) -> OrderState:
    return replace(
        entry,
        id=leg_id,
        side=side,
        status=states.INITIALIZED,
        role=role,
        link_id=link_id,
        order_class="simple",
        reduce_only=True,
        limit_price=None,
        stop_price=None,
        trail_amount=None,
        trail_percent=None,
        extreme=None,
        expires_at=None,
        live_at=None,
        client_order_id="",
        reserved_minor=0,
        reserved_quantity=ZERO,
        filled_quantity=ZERO,
    )


def _stop_loss(leg: OrderState, request: OrderRequest) -> OrderState:
    kind = "stop" if request.stop_loss_limit_price is None else "stop_limit"
    return replace(leg, type=kind, stop_price=request.stop_loss_price, limit_price=request.stop_loss_limit_price)


def held_legs(draft: Draft, entry: OrderState, request: OrderRequest, ids: Sequence[int], actor: Actor) -> None:
    """Add the legs of an entry; they wait until it fills."""
    side: Side = "sell" if entry.side == "buy" else "buy"
    free = iter(ids)
    legs: list[OrderState] = []
    if request.take_profit_price is not None:
        leg = _leg(entry, next(free), side, TAKE_PROFIT, entry.id)
        legs.append(replace(leg, type="limit", limit_price=request.take_profit_price))
    if request.stop_loss_price is not None:
        legs.append(_stop_loss(_leg(entry, next(free), side, STOP_LOSS, entry.id), request))
    for leg in legs:
        draft.add(leg)
        draft.move(leg.id, states.HELD, "waits for its entry", actor.user_id)


def oco_leg(draft: Draft, first: OrderState, request: OrderRequest, leg_id: int, actor: Actor) -> None:
    """Add the stop loss of an OCO pair; it works at once."""
    leg = _stop_loss(_leg(first, leg_id, first.side, STOP_LOSS, first.id), request)
    draft.add(leg)
    draft.move(leg.id, states.ACCEPTED, "rests in the book", actor.user_id)


def _legs_of(draft: Draft, entry_id: int) -> list[OrderState]:
    return [
        order
        for order in draft.orders.values()
        if order.link_id == entry_id and order.id != entry_id and order.status in states.LIVE
    ]


def after_fill(draft: Draft, order_id: int, quantity: Decimal, tick: int) -> None:
    """What the fill of one order does to the orders linked to it."""
    order = draft.orders[order_id]
    if not order.role:
        for leg in _legs_of(draft, order_id):
            # Each fill adds its own quantity: a replaced entry has filled a part under another id.
            covered = quantity if leg.status == states.HELD else leg.quantity + quantity
            draft.move(
                leg.id,
                states.ACCEPTED if leg.status == states.HELD else leg.status,
                f"protects {covered.normalize():f}",
                quantity=covered,
                accepted_tick=tick if leg.status == states.HELD else leg.accepted_tick,
                seen_tick=tick if leg.status == states.HELD else leg.seen_tick,
            )
    else:
        _shrink(draft, order, quantity)
    _drop_idle(draft, order_id)


def _shrink(draft: Draft, order: OrderState, quantity: Decimal) -> None:
    for other in list(draft.orders.values()):
        linked = order.link_id is not None and order.link_id in (other.link_id, other.id)
        if other.id == order.id or not linked or other.status not in states.LIVE:
            continue
        if not other.role:
            draft.end(other.id, states.CANCELED, "oco_filled")
        elif other.quantity - quantity <= other.filled_quantity:
            draft.end(other.id, states.CANCELED, "oco_filled")
            draft.emit("order_canceled", other.id, code="oco_filled")
        else:
            left = other.quantity - quantity
            draft.move(other.id, other.status, "the other leg filled a part", quantity=left)


def _drop_idle(draft: Draft, order_id: int) -> None:
    """Working reduce-only orders of a position that is gone (or has turned) end with it."""
    held = draft.holding.quantity
    for other in list(draft.orders.values()):
        if other.id == order_id or not other.reduce_only or other.status not in states.OPEN:
            continue
        if held * (1 if other.side == "sell" else -1) <= 0:
            draft.end(other.id, states.CANCELED, "nothing_to_reduce")
            draft.emit("order_canceled", other.id, code="nothing_to_reduce")


def entry_ended(draft: Draft, order_id: int) -> None:
    """The legs that still wait for an entry end with it."""
    for leg in _legs_of(draft, order_id):
        if leg.status == states.HELD:
            draft.end(leg.id, states.CANCELED, "entry_ended")
