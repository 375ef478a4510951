"""A decision as data: what trading.sql's trading_apply writes, and the view that the caller gets. Pure.

Each builder returns a `Plan`; nothing here reads anything but its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from core.money import major_text
from trading.domain import states
from trading.domain.checks import Case
from trading.domain.fills import costs
from trading.domain.positions import Holding, apply_fill
from trading.domain.rows import account_row, order_row, position_row, update_row
from trading.domain.snapshot import AccountState, OrderState, QuoteState, Snapshot
from trading.domain.types import Actor, Denial, OrderView, Side, plain

_PRICE_STEP = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Plan:
    """The JSON for trading_apply and the order as it stands afterwards."""

    data: dict[str, Any]
    view: OrderView


def _view(snapshot: Snapshot, order: OrderState, code: str = "", message: str = "", **more: Any) -> OrderView:
    fee = more.get("fee_minor")
    return OrderView(
        id=order.id,
        account_id=snapshot.account.id,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        quantity=plain(order.quantity),
        filled_quantity=plain(order.filled_quantity),
        limit_price=None if order.limit_price is None else plain(order.limit_price),
        average_price=None if order.average_price is None else plain(order.average_price),
        status=order.status,
        code=code,
        message=message,
        details=more.get("details") or {},
        client_order_id=order.client_order_id,
        source=order.source,
        market_at=order.market_at,
        created_at=order.created_at,
        fee=None if fee is None else major_text(fee, snapshot.account.currency),
        currency=snapshot.account.currency,
    )


def _event(kind: str, view: OrderView, **more: Any) -> dict[str, Any]:
    payload = {
        "account_id": view.account_id,
        "order_id": view.id,
        "symbol": view.symbol,
        "side": view.side,
        "quantity": view.quantity,
        "status": view.status,
        **more,
    }
    return {"topic": f"trading.{kind}", "payload": payload}


def _new_order(case: Case, actor: Actor) -> OrderState:
    snapshot, request = case.snapshot, case.request
    if snapshot.order_id is None:
        raise ValueError("the snapshot reserved no order id")
    return OrderState(
        id=snapshot.order_id,
        listing_id=case.terms.listing_id,
        symbol=case.terms.symbol,
        side=request.side,
        type=request.type,
        time_in_force=request.time_in_force,
        quantity=request.quantity,
        filled_quantity=Decimal(0),
        limit_price=request.limit_price,
        average_price=None,
        status=states.INITIALIZED,
        reserved_minor=0,
        reserved_quantity=Decimal(0),
        source=request.source,
        client_order_id=request.client_order_id,
        accepted_tick=case.quote.tick,
        actor_id=actor.user_id,
        market_at=snapshot.market_at,
        created_at=snapshot.now,
    )


def _frame(snapshot: Snapshot, transitions: list[list[Any]]) -> dict[str, Any]:
    for step in transitions:
        states.check(step[0], step[1])
    return {
        "account_id": snapshot.account.id,
        "currency": snapshot.account.currency,
        "market_at": snapshot.market_at,
        "transitions": transitions,
    }


def deny(case: Case, actor: Actor, denial: Denial) -> Plan:
    """Store the order as DENIED with its reason; nothing else changes."""
    order = replace(_new_order(case, actor), status=states.DENIED)
    view = _view(case.snapshot, order, denial.code, denial.message, details=denial.details)
    step = [states.INITIALIZED, states.DENIED, f"{denial.code}: {denial.message}"[:300], actor.user_id]
    data = _frame(case.snapshot, [step])
    data["order"] = order_row(order, denial.code, denial.message[:300], denial.details)
    data["event"] = _event("order_denied", view, code=denial.code)
    return Plan(data, view)


def rest(case: Case, actor: Actor) -> Plan:
    """Accept a limit order that is not marketable: it rests, holding buying power or shares."""
    snapshot, request = case.snapshot, case.request
    buying = request.side == "buy"
    order = replace(
        _new_order(case, actor),
        status=states.ACCEPTED,
        reserved_minor=case.total_minor if buying else 0,
        reserved_quantity=Decimal(0) if buying else request.quantity,
    )
    account = replace(
        snapshot.account,
        reserved_minor=snapshot.account.reserved_minor + order.reserved_minor,
        open_orders_count=snapshot.account.open_orders_count + 1,
    )
    view = _view(snapshot, order)
    data = _frame(snapshot, [[states.INITIALIZED, states.ACCEPTED, "rests in the book", actor.user_id]])
    data["order"] = order_row(order, "", "", None)
    data["account"] = account_row(account)
    if not buying:
        holding = replace(snapshot.holding, reserved_quantity=snapshot.holding.reserved_quantity + request.quantity)
        data["position"] = position_row(order.listing_id, holding)
    data["event"] = _event("order_accepted", view)
    return Plan(data, view)


def _fill_parts(
    snapshot: Snapshot, order: OrderState, price: Decimal, quote: QuoteState
) -> tuple[dict[str, Any], AccountState, Holding]:
    """The fill row with its ledger legs, and the account and holding after it (reservations released)."""
    account, quantity = snapshot.account, order.remaining
    side: Side = "buy" if order.side == "buy" else "sell"
    worth = costs(quantity, price, account.currency, snapshot.commission_bps)
    released = replace(snapshot.holding, reserved_quantity=snapshot.holding.reserved_quantity - order.reserved_quantity)
    holding, realized = apply_fill(released, side, quantity, worth.notional_minor)
    sign = -1 if side == "buy" else 1
    cash_change = sign * worth.notional_minor - worth.fee_minor
    legs = [
        [account.ledger_account_id, cash_change],
        [account.clearing_account_id, -sign * worth.notional_minor],
        [account.fees_account_id, worth.fee_minor],
    ]
    after = replace(
        account,
        cash_minor=account.cash_minor + cash_change,
        reserved_minor=account.reserved_minor - order.reserved_minor,
        realized_minor=account.realized_minor + realized,
        fees_minor=account.fees_minor + worth.fee_minor,
        fills_count=account.fills_count + 1,
        open_orders_count=account.open_orders_count - (1 if order.status in states.OPEN else 0),
    )
    fill = {
        "id": snapshot.fill_id,
        "listing_id": order.listing_id,
        "side": side,
        "quantity": str(quantity),
        "price": str(price),
        "notional_minor": worth.notional_minor,
        "fee_minor": worth.fee_minor,
        "realized_minor": realized,
        "quote": dict(quote.evidence),
        "memo": f"{side} {plain(quantity)} {order.symbol} @ {plain(price)}",
        "legs": [leg for leg in legs if leg[1]],
    }
    return fill, after, holding


def _filled(order: OrderState, price: Decimal) -> OrderState:
    done = order.filled_quantity * (order.average_price or 0) + order.remaining * price
    return replace(
        order,
        status=states.FILLED,
        filled_quantity=order.quantity,
        average_price=(done / order.quantity).quantize(_PRICE_STEP),
        reserved_minor=0,
        reserved_quantity=Decimal(0),
    )


def _fill_plan(
    snapshot: Snapshot, before: OrderState, price: Decimal, quote: QuoteState, steps: list[list[Any]]
) -> Plan:
    fill, account, holding = _fill_parts(snapshot, before, price, quote)
    after = _filled(before, price)
    view = _view(snapshot, after, fee_minor=fill["fee_minor"])
    data = _frame(snapshot, steps)
    data["fill"] = fill
    data["position"] = position_row(after.listing_id, holding)
    data["account"] = account_row(account)
    data["event"] = _event(
        "order_filled", view, fill_id=fill["id"], price=plain(price), realized_minor=fill["realized_minor"]
    )
    if before.status == states.INITIALIZED:
        data["order"] = order_row(after, "", "", None)
    else:
        data["update"] = update_row(before, after, "", "")
    return Plan(data, view)


def fill_now(case: Case, actor: Actor, price: Decimal) -> Plan:
    """Accept a new order and fill all of it at `price`."""
    steps: list[list[Any]] = [
        [states.INITIALIZED, states.ACCEPTED, "", actor.user_id],
        [states.ACCEPTED, states.FILLED, f"filled at {plain(price)}", None],
    ]
    return _fill_plan(case.snapshot, _new_order(case, actor), price, case.quote, steps)


def fill_resting(snapshot: Snapshot, order: OrderState, price: Decimal, quote: QuoteState) -> Plan:
    """Fill what remains of a resting order at `price`."""
    return _fill_plan(snapshot, order, price, quote, [[order.status, states.FILLED, f"filled at {plain(price)}", None]])


def end_order(snapshot: Snapshot, order: OrderState, status: str, code: str, message: str, actor: Actor) -> Plan:
    """Cancel or expire a resting order: its reservations are released."""
    after = replace(order, status=status, reserved_minor=0, reserved_quantity=Decimal(0))
    account = replace(
        snapshot.account,
        reserved_minor=snapshot.account.reserved_minor - order.reserved_minor,
        open_orders_count=snapshot.account.open_orders_count - 1,
    )
    view = _view(snapshot, after, code, message)
    data = _frame(snapshot, [[order.status, status, message, actor.user_id]])
    data["update"] = update_row(order, after, code, message)
    data["account"] = account_row(account)
    if order.reserved_quantity:
        reserved = snapshot.holding.reserved_quantity - order.reserved_quantity
        data["position"] = position_row(order.listing_id, replace(snapshot.holding, reserved_quantity=reserved))
    data["event"] = _event(f"order_{status}", view, code=code)
    return Plan(data, view)
