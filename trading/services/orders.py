"""The order path. `order_place` is the only function that creates an order, for people, agents and bots alike."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import partial
from time import sleep

from django.db import transaction

from core.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from core.money import major_text
from core.push import publish
from core.services.idempotency import MAX_KEY
from marketdata import selectors as market_selectors
from marketdata.domain.types import ListingView, MarketClock, Quote
from trading import locks
from trading.domain import plan, states
from trading.domain.checks import Case, judge, make_case
from trading.domain.plan import Plan
from trading.domain.ports import account_policy
from trading.domain.requests import validate
from trading.domain.snapshot import Snapshot
from trading.domain.types import SYSTEM, Actor, Denial, OrderRequest, OrderView, plain
from trading.models import Order
from trading.selectors import order_view
from trading.services.context import AccountContext, account_context, quote_state, terms_of
from trading.services.matching import order_match

logger = logging.getLogger(__name__)

# The market may step on between reading a quote and holding the lock; then the order is judged on the new quote.
_QUOTE_ATTEMPTS = 6
_QUOTE_WAIT_SECONDS = 0.004


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What an order would do now, without placing it. Amounts are major-unit strings of `currency`."""

    symbol: str
    side: str
    quantity: str
    price: str
    would_fill: bool
    notional: str
    fee: str
    total: str
    buying_power: str
    buying_power_after: str
    currency: str
    denial: Denial | None


def _owned(actor: Actor, account_id: int) -> AccountContext:
    context = account_context(account_id)
    if actor.user_id != context.owner_id:
        # The same answer as for an account that does not exist: ids tell nothing to strangers.
        raise NotFound("account_not_found", "There is no such account.")
    return context


def _quote(context: AccountContext, symbol: str) -> tuple[ListingView, Quote, MarketClock]:
    listing = market_selectors.listing_get(context.market_id, symbol)
    if listing is None:
        raise Denied("unknown_symbol", f"{symbol} does not trade in this market.", {"symbol": symbol})
    quote, clock = market_selectors.quote_and_clock(context.market_id, symbol)
    if quote is None:
        if clock is None or clock.status != "running":
            raise Denied("market_closed", "The market is not open. Orders are taken while it runs.")
        raise Unavailable("no_quote", f"There is no price for {symbol} just now. Try again in a moment.")
    return listing, quote, clock


def _body_hash(account_id: int, request: OrderRequest) -> str:
    body = json.dumps({"account_id": account_id, **request.canonical()}, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


def _replay(snapshot: Snapshot, body_hash: str) -> OrderView | None:
    """The first answer to this idempotency key; Conflict when the key came with another body."""
    if snapshot.replay is None:
        return None
    if snapshot.replay["body_hash"] != body_hash:
        raise Conflict(
            "idempotency_key_reused",
            "This idempotency key was used for another order. Send a new key with a new order.",
        )
    return replace(OrderView.from_json(snapshot.replay["response"]), replayed=True)


def _decide(case: Case, actor: Actor) -> Plan:
    denial = judge(case, account_policy(case.snapshot.account.purpose))
    if denial is not None:
        return plan.deny(case, actor, denial)
    if case.fill_price is not None:
        return plan.fill_now(case, actor, case.fill_price)
    return plan.rest(case, actor)


def _attempt(
    *, actor: Actor, context: AccountContext, request: OrderRequest, key: str | None, last_attempt: bool
) -> OrderView | None:
    """One try at the path; None when the market stepped on meanwhile and the quote must be read again."""
    listing, quote, clock = _quote(context, request.symbol)
    scope = f"order:{context.id}"
    body_hash = _body_hash(context.id, request)
    day_start = datetime.combine(clock.session_date, time.min, tzinfo=UTC)
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(
            account_id=context.id, listing_id=listing.id, scope=scope, key=key, day_start=day_start
        )
        if snapshot is None:
            raise NotFound("account_not_found", "There is no such account.")
        first = _replay(snapshot, body_hash)
        if first is not None:
            return first
        if quote.tick != snapshot.market_tick and not last_attempt:
            return None
        decided = _decide(make_case(snapshot, request, terms_of(listing), quote_state(quote)), actor)
        if key is not None:
            decided.data["idempotency"] = {
                "scope": scope,
                "key": key,
                "body_hash": body_hash,
                "status": 422 if decided.view.status == states.DENIED else 201,
                "response": decided.view.to_json(),
            }
        locks.plan_apply(decided.data)
    return decided.view


def order_place(
    *, actor: Actor, account_id: int, request: OrderRequest, idempotency_key: str | None = None
) -> OrderView:
    """Place an order on the actor's own account.

    Returns the order as it stands: filled, resting, or status "denied" with code, message and details. The same key and
    body again return the first answer (`replayed`), the same key with another body raises Conflict. Malformed requests
    raise Invalid; unknown symbols and closed markets without a price raise Denied; nothing is stored for those.
    """
    key = idempotency_key
    if key is not None and not (1 <= len(key) <= MAX_KEY and key.isprintable()):
        raise Invalid("invalid_idempotency_key", f"An idempotency key has 1 to {MAX_KEY} printable characters.")
    validate(request)
    context = _owned(actor, account_id)
    view = None
    for attempt in range(_QUOTE_ATTEMPTS):
        view = _attempt(
            actor=actor,
            context=context,
            request=request,
            key=key,
            last_attempt=attempt == _QUOTE_ATTEMPTS - 1,
        )
        if view is not None:
            break
        sleep(_QUOTE_WAIT_SECONDS * (attempt + 1))
    assert view is not None
    if view.replayed:
        return view
    publish(f"account:{account_id}", "fill" if view.status == states.FILLED else "order", view.to_json())
    if view.status == states.ACCEPTED:
        _look_again(context, view.id)
    return view


def _look_again(context: AccountContext, order_id: int) -> None:
    """The passes of a tick that came while a resting order was being written have not seen it: do their work on it.

    The order is accepted whatever becomes of this: a failure is logged, and the next tick's passes see the order.
    """
    try:
        order_match(account_id=context.id, order_id=order_id, market_id=context.market_id)
    except Exception:
        logger.exception("order %s was accepted and not matched against the tick in force", order_id)


def order_preview(*, actor: Actor, account_id: int, request: OrderRequest) -> PreviewView:
    """Price an order and run every check on it without placing it."""
    validate(request)
    context = _owned(actor, account_id)
    listing, quote, _ = _quote(context, request.symbol)
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=account_id, listing_id=listing.id)
        if snapshot is None:
            raise NotFound("account_not_found", "There is no such account.")
    # A preview is about the price that the person saw; only placing insists on the tick in force.
    state = replace(quote_state(quote), tick=snapshot.market_tick)
    case = make_case(snapshot, request, terms_of(listing), state)
    return _preview(case, judge(case, account_policy(snapshot.account.purpose)))


def _preview(case: Case, denial: Denial | None) -> PreviewView:
    account = case.snapshot.account
    power = account.buying_power_minor
    buying = case.request.side == "buy"
    proceeds = case.costs.notional_minor - case.costs.fee_minor
    after = power - case.total_minor if buying else power + proceeds
    text = partial(major_text, currency=account.currency)
    return PreviewView(
        symbol=case.request.symbol,
        side=case.request.side,
        quantity=plain(case.request.quantity),
        price=plain(case.price),
        would_fill=case.fill_price is not None,
        notional=text(case.costs.notional_minor),
        fee=text(case.costs.fee_minor),
        total=text(case.total_minor if buying else proceeds),
        buying_power=text(power),
        buying_power_after=text(after),
        currency=account.currency,
        denial=denial,
    )


def order_cancel(*, actor: Actor, order_id: int) -> OrderView:
    """Cancel a resting order of the actor's own account (an operator may cancel anyone's).

    Cancelling a cancelled order answers the same again; an order that ended otherwise raises Conflict.
    """
    row = Order.objects.filter(pk=order_id).values_list("account_id", flat=True).first()
    if row is None or not (actor.is_staff or account_context(row).owner_id == actor.user_id):
        raise NotFound("order_not_found", "There is no such order.")
    view = order_end(account_id=row, order_id=order_id, status=states.CANCELED, code="canceled", actor=actor)
    if view is None:
        order = Order.objects.get(pk=order_id)
        if order.status != states.CANCELED:
            raise Conflict("order_not_open", f"This order is {order.status} and cannot be cancelled.")
        return order_view(order)
    return view


def order_end(*, account_id: int, order_id: int, status: str, code: str, actor: Actor) -> OrderView | None:
    """Cancel or expire one resting order under the account's lock; None when it no longer rests."""
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=account_id, order_id=order_id)
        if snapshot is None or snapshot.order is None or snapshot.order.status not in states.OPEN:
            return None
        decided = plan.end_order(snapshot, snapshot.order, status, code, states.ENDINGS.get(code, code), actor)
        locks.plan_apply(decided.data)
    publish(f"account:{account_id}", "order", decided.view.to_json())
    return decided.view


def orders_cancel_for_group(*, group_id: int, reason: str = "trading_ended") -> int:
    """Cancel every resting order of a group's accounts, in id order; returns how many."""
    rows = Order.objects.filter(account__group_id=group_id, status__in=states.OPEN).order_by("id")
    return sum(
        order_end(account_id=account_id, order_id=order_id, status=states.CANCELED, code=reason, actor=SYSTEM)
        is not None
        for order_id, account_id in rows.values_list("id", "account_id")
    )
