"""One order with its evidence, changing what rests, and cancelling it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from core.pages import page
from trading import selectors
from trading.domain.schedules.words import label
from trading.domain.types import OrderView
from trading.domain.views import FillView
from trading.forms import revision_of
from trading.pages import actor, market_context, viewer
from trading.pages.blotter import order_row
from trading.selectors import pages as page_reads
from trading.selectors.books import charges_of
from trading.services import changes
from trading.web.answers import answer


@require_GET
@page
def order_page(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order: how it stands, its steps, what hangs on it, and each fill with its charges and quote."""
    who = viewer(request)
    order = selectors.order_get(order_id, who)
    found = selectors.account_get(order.account_id, who)
    fills = page_reads.order_fills(order.id)
    context: dict[str, Any] = {
        **market_context(found.market_id),
        "account": found,
        "row": order_row(order),
        "order": order,
        "mine": selectors.may_trade(found, who),
        "trail": selectors.order_transitions(order.id),
        "linked": [order_row(item) for item in page_reads.linked_orders(order.id)],
        "fills": [{"fill": fill, "charges": _charges([fill])} for fill in fills],
        "charges": _charges(fills) if len(fills) > 1 else [],
        "section": "account",
        "still": True,
    }
    return render(request, "trading/order.html", context)


def _charges(fills: list[FillView]) -> list[tuple[str, int]]:
    """The charges of some fills by kind in words, minor units."""
    found: dict[str, int] = {}
    for fill in fills:
        for charge in charges_of(fill.charges, fill.fee_minor):
            found[charge.kind] = found.get(charge.kind, 0) + charge.minor
    return [(label(kind), minor) for kind, minor in found.items()]


@require_GET
@page
def order_trail(request: HttpRequest, order_id: int) -> HttpResponse:
    """The audit trail of one order, under the same rule as its account."""
    order = selectors.order_get(order_id, viewer(request))
    return render(request, "trading/_trail.html", {"trail": selectors.order_transitions(order.id), "order": order})


def _own(request: HttpRequest, order_id: int, *, operated: bool = False) -> OrderView:
    """An order of the viewer's own account; with `operated` an operator may have anyone's. Raises NotFound."""
    who = actor(request)
    order = selectors.order_get(order_id, who)
    if not (operated and who.is_staff) and not selectors.may_trade(selectors.account_get(order.account_id, who), who):
        raise NotFound("order_not_found", "There is no such order.")
    return order


@login_required
@require_GET
@page
def order_amend(request: HttpRequest, order_id: int) -> HttpResponse:
    """The inline form that changes price and quantity of an order that rests."""
    return render(request, "trading/_amend.html", {"row": order_row(_own(request, order_id))})


@login_required
@require_POST
@page
def order_replace(request: HttpRequest, order_id: int) -> HttpResponse:
    """Put a changed order in the place of one that rests; a refusal leaves the old one as it is."""
    order = _own(request, order_id)
    try:
        revision = revision_of(order, request.POST)
        if all(getattr(revision, item.name) is None for item in fields(revision)):
            raise Conflict("nothing_to_change", "Nothing was changed. Enter another price or quantity.")
        changed = changes.order_replace(actor=actor(request), order_id=order_id, revision=revision)
    except DomainError as error:
        return answer(request, order.account_id, error=error)
    return answer(request, order.account_id, order=changed, extra={"replaced": order})


@login_required
@require_POST
@page
def order_cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    """Cancel one open order."""
    found = _own(request, order_id, operated=True)
    try:
        order = changes.order_cancel(actor=actor(request), order_id=order_id)
    except DomainError as error:
        return answer(request, found.account_id, error=error)
    return answer(request, found.account_id, order=order)


@login_required
@require_POST
@page
def orders_cancel(request: HttpRequest, account_id: int) -> HttpResponse:
    """Cancel every order of an account that rests, or of one symbol in it; asked about first."""
    who = actor(request)
    if not selectors.may_trade(selectors.account_get(account_id, who), who):
        raise NotFound("account_not_found", "There is no such account.")
    symbol = request.POST.get("symbol", "").strip().upper() or None
    try:
        if symbol is not None and not symbol.isprintable():
            raise Invalid("invalid_symbol", "A symbol has 1 to 16 letters, digits, dots or dashes.")
        if request.POST.get("confirm") != "yes":
            raise Forbidden("confirm_first", "Tick the box to confirm, then cancel all.", status=422)
        ended = changes.orders_cancel(actor=who, account_id=account_id, symbol=symbol)
    except DomainError as error:
        return answer(request, account_id, error=error)
    count = len(ended)
    words = "No order was waiting." if not count else f"{count} {'order' if count == 1 else 'orders'} cancelled."
    return answer(request, account_id, done=words)
