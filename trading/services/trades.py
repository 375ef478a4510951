"""Trades as entry orders with their exits (docs/api.md): opened, closed and cancelled through the one order path."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.errors import Conflict, Denied, DomainError, Invalid
from core.models import IdempotencyRecord
from trading.domain import states
from trading.domain.revision import Revision
from trading.domain.types import Actor, OrderRequest, OrderView
from trading.domain.views import TradeView
from trading.selectors.entries import close_id, trade_get, trade_orders
from trading.selectors.positions import holdings
from trading.services.changes import order_cancel, order_replace
from trading.services.orders import order_place


def trade_open(*, actor: Actor, account_id: int, request: OrderRequest, idempotency_key: str | None) -> OrderView:
    """Place the entry of a trade; what denies an order denies the trade. The trade's id is the order's.

    Raises Denied `trade_would_close` for an order that would only close what is held: it is no trade of its own.
    """
    if not _is_known(account_id, idempotency_key):
        _check_opens(account_id, request)
    return order_place(actor=actor, account_id=account_id, request=request, idempotency_key=idempotency_key)


def _is_known(account_id: int, key: str | None) -> bool:
    """Whether this key has been answered before: the first answer stands."""
    return key is not None and IdempotencyRecord.objects.filter(scope=f"order:{account_id}", key=key).exists()


def _check_opens(account_id: int, request: OrderRequest) -> None:
    held = holdings([account_id])[account_id].get(request.symbol)
    if held is None or (held[0] > 0) == (request.side == "buy") or abs(held[0]) < request.quantity:
        return
    way = "long" if held[0] > 0 else "short"
    words = f"You are {way} {abs(held[0]).normalize():f} {request.symbol}: this would only close it. Close that trade."
    raise Denied("trade_would_close", words, {"position": f"{held[0].normalize():f}"})


def trade_close(
    *, actor: Actor, user_id: int, trade_id: int, quantity: Decimal | None = None, idempotency_key: str | None = None
) -> OrderView:
    """Close an open trade at the market, whole or `quantity` of it; returns the closing order (it may be denied).

    What still waits of its entry is cancelled first. Afterwards its stop loss and take profit cover what is left.
    Raises NotFound; Conflict `trade_not_open`; Invalid `invalid_quantity` above what is open.
    """
    orders = trade_orders(user_id, trade_id)
    first = _replayed(orders.account_id, trade_id, idempotency_key)
    if first is not None:
        return first
    trade = trade_get(user_id, trade_id)
    _check(trade, quantity)
    if orders.is_live:
        _quietly(actor, orders.entry_id)
    request = OrderRequest(
        symbol=trade.symbol,
        side="sell" if trade.direction == "long" else "buy",
        quantity=trade.open_quantity if quantity is None else quantity,
        reduce_only=True,
        client_order_id=close_id(trade.id),
    )
    view = order_place(actor=actor, account_id=orders.account_id, request=request, idempotency_key=idempotency_key)
    if view.status != states.DENIED:
        _fit_legs(actor, user_id, trade_id)
    return view


def _replayed(account_id: int, trade_id: int, key: str | None) -> OrderView | None:
    """The first answer to a close with this key: a trade that it closed has nothing left to close."""
    if key is None:
        return None
    record = IdempotencyRecord.objects.filter(scope=f"order:{account_id}", key=key).first()
    if record is None:
        return None
    view = OrderView.from_json(record.response)
    if view.client_order_id != close_id(trade_id):
        raise Conflict("idempotency_key_reused", "This idempotency key was used for another order. Send a new key.")
    return replace(view, replayed=True)


def _check(trade: TradeView, quantity: Decimal | None) -> None:
    if not trade.open_quantity:
        advice = " Cancel it instead." if trade.status == "pending" else ""
        raise Conflict("trade_not_open", f"This trade is {trade.status}.{advice}", {"status": trade.status})
    if quantity is not None and quantity > trade.open_quantity:
        words = f"Only {trade.open_quantity.normalize():f} of this trade are open."
        raise Invalid("invalid_quantity", words, {"field": "quantity"})


def _quietly(actor: Actor, order_id: int) -> None:
    """Cancel an order that may have ended meanwhile."""
    try:
        order_cancel(actor=actor, order_id=order_id)
    except Conflict:
        return


def _fit_legs(actor: Actor, user_id: int, trade_id: int) -> None:
    """Let the legs cover what is open of the trade: a leg that covers more would reduce another trade's position."""
    left = trade_get(user_id, trade_id).open_quantity
    for leg_id in trade_orders(user_id, trade_id).leg_ids:
        if not left:
            _quietly(actor, leg_id)
            continue
        try:
            order_replace(actor=actor, order_id=leg_id, revision=Revision(quantity=left))
        except DomainError:
            # It stays as it is: too large, it still only reduces.
            continue


def trade_cancel(*, actor: Actor, user_id: int, trade_id: int) -> TradeView:
    """Cancel what waits of a trade's entry; what has filled of it stays open.

    Cancelling a cancelled trade changes nothing. Raises NotFound; Conflict `trade_not_pending` when nothing waits.
    """
    orders = trade_orders(user_id, trade_id)
    trade = trade_get(user_id, trade_id)
    if not orders.is_live:
        if trade.status == "cancelled":
            return trade
        advice = " Close it instead." if trade.status == "open" else ""
        raise Conflict("trade_not_pending", f"This trade is {trade.status}.{advice}", {"status": trade.status})
    order_cancel(actor=actor, order_id=orders.entry_id)
    return trade_get(user_id, trade_id)
