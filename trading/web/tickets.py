"""The ticket: its estimate, its quantity helpers, sending it; and closing and protecting a position."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError, Invalid, NotFound
from core.pages import page
from core.templatetags.arena import qty
from trading import selectors
from trading.domain.schedules.words import label
from trading.domain.types import OrderRequest
from trading.domain.views import AccountView, PositionView
from trading.forms import key_of, number, protect_request, ticket_request
from trading.pages import actor, market_context
from trading.pages.sizing import SHARES, confirm_word, held_in, large_words, quantity_for
from trading.services import changes, flatten, orders
from trading.web.answers import answer, is_partial

_SHARES = frozenset(map(str, SHARES))
_WAITS = {
    "limit": "It would wait for its limit.",
    "stop": "It would wait until the price reaches its stop.",
    "stop_limit": "It would wait until the price reaches its stop, then for its limit.",
    "trailing_stop": "It would follow the price at its distance.",
}


def _own(request: HttpRequest, account_id: int) -> AccountView:
    """The viewer's own account; nobody acts on another's, operators neither. Raises NotFound."""
    who = actor(request)
    found = selectors.account_get(account_id, who)
    if not selectors.may_trade(found, who):
        raise NotFound("account_not_found", "There is no such account.")
    return found


def _wait(asked: OrderRequest) -> str:
    if asked.time_in_force in ("opg", "cls"):
        return f"It would take part in the next {'open' if asked.time_in_force == 'opg' else 'close'}."
    if asked.time_in_force in ("ioc", "fok"):
        return "Nothing would fill at this price: it would be cancelled at once."
    return _WAITS.get(asked.type, "It would wait for the next price.")


@login_required
@require_POST
@page
def order_preview(request: HttpRequest, account_id: int) -> HttpResponse:
    """The ticket's estimate: price, value, charges by kind, buying power after, and why it would be refused."""
    who = actor(request)
    found = _own(request, account_id)
    context: dict[str, Any] = {
        "account": found,
        "side": request.POST.get("side"),
        "order_type": request.POST.get("type"),
    }
    try:
        asked = ticket_request(request.POST)
        preview = changes.order_preview(actor=who, account_id=account_id, request=asked)
        context |= {
            "preview": preview,
            "denial": preview.denial,
            "charges": [{"name": label(kind), "amount": amount} for kind, amount in preview.fees.items()],
            "wait": "" if preview.would_fill else _wait(asked),
        }
    except DomainError as error:
        context["denial"] = error
    return render(request, "trading/_estimate.html", context)


@login_required
@require_POST
@page
def order_size(request: HttpRequest, account_id: int) -> HttpResponse:
    """The quantity that a share of the position or of buying power is: an event that the ticket listens to."""
    who = actor(request)
    found = _own(request, account_id)
    data = request.POST.copy()
    # The size is what is asked for; what stands in the field does not matter.
    data["quantity"] = "1"
    try:
        share = request.POST.get("share", "")
        if share not in _SHARES:
            raise Invalid("invalid_share", "Choose 25, 50, 75 or 100 percent.", {"field": "share"})
        quantity = quantity_for(who, found, ticket_request(data), int(share))
        detail = {"quantity": f"{quantity.normalize():f}", "words": _size_words(quantity)}
    except DomainError as error:
        detail = {"quantity": "", "words": error.message}
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps({"ticket-size": detail})
    return response


def _size_words(quantity: Decimal) -> str:
    return f"Quantity {qty(quantity)}" if quantity else "Nothing can be traded at this price and side."


@login_required
@require_POST
@page
def order_place(request: HttpRequest, account_id: int) -> HttpResponse:
    """Send the ticket. 422 with the reason when it is refused; a large order is asked about first."""
    who = actor(request)
    found = _own(request, account_id)
    try:
        asked = ticket_request(request.POST)
    except DomainError as error:
        return answer(request, account_id, error=error)
    word = confirm_word(asked)
    if request.POST.get("confirm") != word and (words := large_words(who, found, asked)):
        return _confirm(request, found, words, word)
    return _send(request, account_id, asked)


def _confirm(request: HttpRequest, found: AccountView, words: str, word: str) -> HttpResponse:
    """Ask before a large order goes out; nothing is stored yet."""
    context = {"account": found, "words": words, "confirm": word}
    if is_partial(request):
        return render(request, "trading/_confirm.html", context)
    skipped = ("csrfmiddlewaretoken", "confirm")
    context["fields"] = [(name, value) for name, value in request.POST.items() if name not in skipped]
    return render(request, "trading/confirm.html", {**context, "section": "account"})


def _send(request: HttpRequest, account_id: int, asked: OrderRequest) -> HttpResponse:
    """Place the order and show what became of it."""
    try:
        key = key_of(request.POST)
        order = orders.order_place(actor=actor(request), account_id=account_id, request=asked, idempotency_key=key)
    except DomainError as error:
        return answer(request, account_id, error=error)
    return answer(request, account_id, order=order)


def _position(account_id: int, symbol: str) -> PositionView:
    held = held_in(account_id, symbol)
    if held is None:
        message = f"Nothing of {symbol} is held any more. Look at your trades for what closed it."
        raise Invalid("nothing_to_close", message)
    return held


@login_required
@require_GET
@page
def position_manage(request: HttpRequest, account_id: int, symbol: str) -> HttpResponse:
    """Close a part of a position, or protect it: inline under its row, or a page of its own."""
    found = _own(request, account_id)
    context: dict[str, Any] = {"account": found, "position": held_in(account_id, symbol), "symbol": symbol}
    if is_partial(request):
        return render(request, "trading/_manage.html", context)
    context |= {**market_context(found.market_id), "section": "account", "still": True}
    return render(request, "trading/manage.html", context)


@login_required
@require_POST
@page
def position_close(request: HttpRequest, account_id: int, symbol: str) -> HttpResponse:
    """Close a position at the market: `quantity` of it, or all that no open order holds."""
    _own(request, account_id)
    raw = request.POST.get("quantity", "").strip()
    try:
        order = flatten.position_close(
            actor=actor(request),
            account_id=account_id,
            symbol=symbol,
            quantity=number(raw, "quantity") if raw else None,
            idempotency_key=key_of(request.POST),
            source="web",
        )
    except DomainError as error:
        return answer(request, account_id, error=error)
    return answer(request, account_id, order=order)


@login_required
@require_POST
@page
def position_protect(request: HttpRequest, account_id: int, symbol: str) -> HttpResponse:
    """Put a take profit, a stop loss, or both as a pair, on a position."""
    _own(request, account_id)
    try:
        asked = protect_request(symbol, _position(account_id, symbol).quantity, request.POST)
    except DomainError as error:
        return answer(request, account_id, error=error)
    return _send(request, account_id, asked)
