"""Changing what rests: cancel, expire, replace; and previewing what does not exist yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from time import sleep

from django.db import transaction

from core.errors import Conflict, Denied, NotFound
from core.money import major_text
from trading import locks
from trading.domain import plan, states
from trading.domain.case import Case
from trading.domain.checks import PRICE_CHECKS, legs_crossed
from trading.domain.judge import judge
from trading.domain.plan import Plan
from trading.domain.ports import account_policy
from trading.domain.requests import validate
from trading.domain.revision import Revision, revised
from trading.domain.types import SYSTEM, Actor, Denial, OrderRequest, OrderView, plain
from trading.models import Order
from trading.selectors import order_view
from trading.services.context import account_context
from trading.services.orders import QUOTE_ATTEMPTS, announce, case_of, look_again, may_act, owned, scene


@dataclass(frozen=True, slots=True)
class PreviewView:
    """What an order would do now, without placing it. Amounts are major-unit strings of `currency`.

    `fees` are the charges by kind. `margin` is the initial margin that it takes in a margin account.
    """

    symbol: str
    side: str
    quantity: str
    price: str
    would_fill: bool
    fill_quantity: str
    notional: str
    fee: str
    fees: dict[str, str]
    total: str
    margin: str | None
    buying_power: str
    buying_power_after: str
    currency: str
    denial: Denial | None


def order_preview(*, actor: Actor, account_id: int, request: OrderRequest) -> PreviewView:
    """Price an order and run every check on it without placing it."""
    validate(request)
    context = owned(actor, account_id)
    found = scene(context, request.symbol)
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(
            account_id=account_id, listing_id=found.listing.id, day_start=found.day_start, ids=3, side=request.side
        )
        if snapshot is None:
            raise NotFound("account_not_found", "There is no such account.")
    # A preview is about the price that the person saw; only placing insists on the tick in force.
    found = replace(found, quote=replace(found.quote, tick=snapshot.market_tick))
    case = case_of(snapshot, request, found, actor)
    return _preview(case, judge(case, account_policy(snapshot.account.purpose)))


def _preview(case: Case, denial: Denial | None) -> PreviewView:
    account = case.snapshot.account
    power = case.free_minor
    buying = case.request.side == "buy"
    proceeds = case.worth.notional_minor - case.worth.fee_minor
    if case.margin is None:
        after = power - case.total_minor if buying else power + proceeds
    else:
        after = power - int(case.need_minor * case.snapshot.terms.leverage)
    text = partial(major_text, currency=account.currency)
    return PreviewView(
        symbol=case.request.symbol,
        side=case.request.side,
        quantity=plain(case.request.quantity),
        price=plain(case.price),
        would_fill=case.fills_at_once,
        fill_quantity=plain(case.execution.quantity),
        notional=text(case.worth.notional_minor),
        fee=text(case.worth.fee_minor),
        fees={charge.kind: text(charge.minor) for charge in case.worth.charges},
        total=text(case.total_minor if buying else proceeds),
        margin=None if case.margin is None else text(case.need_minor),
        buying_power=text(power),
        buying_power_after=text(after),
        currency=account.currency,
        denial=denial,
    )


def _account_of(actor: Actor, order_id: int) -> int:
    row = Order.objects.filter(pk=order_id).values_list("account_id", flat=True).first()
    if row is None or not (actor.is_staff or may_act(actor, account_context(row))):
        raise NotFound("order_not_found", "There is no such order.")
    return row


def order_cancel(*, actor: Actor, order_id: int) -> OrderView:
    """Cancel an order of the actor's own account (an operator may cancel anyone's).

    Cancelling a cancelled order answers the same again; an order that ended otherwise raises Conflict.
    """
    account_id = _account_of(actor, order_id)
    view = order_end(account_id=account_id, order_id=order_id, status=states.CANCELED, code="canceled", actor=actor)
    if view is None:
        order = Order.objects.select_related("account").get(pk=order_id)
        if order.status != states.CANCELED:
            raise Conflict("order_not_open", f"This order is {order.status} and cannot be cancelled.")
        return order_view(order)
    return view


def order_end(*, account_id: int, order_id: int, status: str, code: str, actor: Actor) -> OrderView | None:
    """Cancel or expire one order under the account's lock; None when it has ended already."""
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=account_id, order_id=order_id)
        if snapshot is None or snapshot.order is None or snapshot.order.status not in states.LIVE:
            return None
        decided = plan.end_order(snapshot, snapshot.order, status, code, actor)
        locks.plan_apply(decided.data, last=True)
    announce(decided)
    return decided.view


def orders_cancel(
    *, actor: Actor, account_id: int, symbol: str | None = None, code: str = "canceled"
) -> list[OrderView]:
    """Cancel every live order of an account, or of one symbol in it, in id order; returns those that it ended."""
    owned(actor, account_id)
    rows = Order.objects.filter(account_id=account_id, status__in=states.LIVE).order_by("id")
    if symbol is not None:
        rows = rows.filter(symbol=symbol)
    ended = (
        order_end(account_id=account_id, order_id=order_id, status=states.CANCELED, code=code, actor=actor)
        for order_id in rows.values_list("id", flat=True)
    )
    return [view for view in ended if view is not None]


def orders_cancel_for_group(*, group_id: int, reason: str = "trading_ended") -> int:
    """Cancel every live order of a group's accounts, in id order; returns how many."""
    rows = Order.objects.filter(account__group_id=group_id, status__in=states.LIVE).order_by("id")
    return sum(
        order_end(account_id=account_id, order_id=order_id, status=states.CANCELED, code=reason, actor=SYSTEM)
        is not None
        for order_id, account_id in rows.values_list("id", "account_id")
    )


def order_replace(*, actor: Actor, order_id: int, revision: Revision) -> OrderView:
    """Put a changed order in the place of one that lives; returns the new order (`replaces_id` is the old one's).

    The new order is judged like any other. When it is denied the old one stays as it is, and Denied is raised; an order
    that has ended raises Conflict.
    """
    context = account_context(_account_of(actor, order_id))
    if not may_act(actor, context):
        raise NotFound("order_not_found", "There is no such order.")
    for attempt in range(QUOTE_ATTEMPTS):
        decided = _replace(actor, context.id, order_id, revision, last_attempt=attempt == QUOTE_ATTEMPTS - 1)
        if decided is not None:
            announce(decided)
            look_again(context, decided)
            return decided.view
        sleep(0.004 * (attempt + 1))
    raise AssertionError("the last attempt decides")


def _replace(actor: Actor, account_id: int, order_id: int, revision: Revision, *, last_attempt: bool) -> Plan | None:
    context = account_context(account_id)
    found = scene(context, Order.objects.values_list("symbol", flat=True).get(pk=order_id))
    with transaction.atomic(durable=True):
        snapshot = locks.account_snapshot(account_id=account_id, order_id=order_id, ids=1, day_start=found.day_start)
        if snapshot is None or snapshot.order is None:
            raise NotFound("order_not_found", "There is no such order.")
        old = snapshot.order
        if old.status not in states.LIVE:
            raise Conflict("order_not_open", f"This order is {old.status} and cannot be replaced.")
        if found.quote.tick != snapshot.market_tick and not last_attempt:
            return None
        request = revised(old, revision)
        validate(request)
        draft = plan.release(snapshot, old, actor)
        freed = replace(snapshot, account=draft.account, holding=draft.holding)
        case = case_of(freed, request, found, actor, default_legs=False)
        denial = _held_denial(case) if old.status == states.HELD else judge(case, account_policy(context.purpose))
        denial = denial or legs_crossed(case, [leg for leg in snapshot.companions if leg.link_id == old.id != leg.id])
        if denial is not None:
            raise Denied(denial.code, denial.message, denial.details)
        decided = plan.substitute(draft, old, case, actor)
        locks.plan_apply(decided.data, last=True)
    return decided


def _held_denial(case: Case) -> Denial | None:
    """A leg that waits is checked for its prices alone: it has no position to reduce yet."""
    skipped = ("stop_side", "legs_side")
    for check in PRICE_CHECKS:
        denial = check(case) if check.__name__ not in skipped else None
        if denial is not None:
            return denial
    return None
