"""Pages of trading: accounts with their positions, orders and trail, and the partials behind the order ticket."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from core.errors import DomainError, Invalid
from marketdata import selectors as market_selectors
from trading import selectors
from trading.domain.types import Actor, OrderRequest, OrderView
from trading.domain.views import AccountView
from trading.pages import actor, can_trade, curve_points, mapped, market_context, new_key, page, paginated, viewer
from trading.services import changes, orders

LATEST_TRADES = 30
TABS = ("positions", "orders", "trades")
DENIED = ("denied", "rejected")


@login_required
@require_GET
def account_list(request: HttpRequest) -> HttpResponse:
    """The viewer's own accounts, newest first."""
    rows = selectors.accounts_for_user(actor(request).user_id or 0)
    return render(request, "trading/accounts.html", {"page": paginated(request, rows)})


@require_GET
@page
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """One account: figures, equity curve, positions, orders and trades. An agent's is public, read-only."""
    who = viewer(request)
    found = selectors.account_get(account_id, who)
    tab = request.GET.get("tab", "positions")
    tab = tab if tab in TABS else "positions"
    mine = who is not None and who.user_id == found.owner_id
    market = market_context(found.market_id)
    context = {
        **market,
        **_tab(request, found, tab),
        "account": found,
        "positions": selectors.positions(found.id),
        "tab": tab,
        "mine": mine,
        "can_trade": False,
        "curve": curve_points(account_id, market["market"].tick),
        "channels": f"market:{found.market_id}" + (f",account:{account_id}" if mine else ""),
    }
    return render(request, "trading/account.html", context)


def _tab(request: HttpRequest, found: AccountView, tab: str) -> dict[str, Any]:
    if tab == "orders":
        return {"page": mapped(paginated(request, selectors.orders_query(found.id)), selectors.order_view)}
    if tab == "trades":
        return {"page": mapped(paginated(request, selectors.fills_query(found.id)), selectors.fill_view)}
    return {}


def blotter(found: AccountView, who: Actor | None, market_status: str) -> dict[str, Any]:
    """What the tabs under the chart show of an account."""
    trades = selectors.fills(found.id, limit=LATEST_TRADES)
    return {
        "account": found,
        "can_trade": can_trade(found, who, market_status),
        "mine": who is not None and who.user_id == found.owner_id,
        "positions": selectors.positions(found.id),
        "orders": selectors.orders(found.id, open_only=True),
        "trades": trades,
        "more_trades": found.fills_count > len(trades),
    }


@require_GET
@page
def figures(request: HttpRequest, account_id: int) -> HttpResponse:
    """The stat tiles again, after something changed."""
    found = selectors.account_get(account_id, viewer(request))
    return render(request, "trading/_stats.html", {"account": found, "positions": selectors.positions(found.id)})


@require_GET
@page
def blotter_part(request: HttpRequest, account_id: int, part: str) -> HttpResponse:
    """One tab again, after something changed."""
    who = viewer(request)
    found = selectors.account_get(account_id, who)
    clock = market_selectors.market_clock(found.market_id)
    return render(request, f"trading/_{part}.html", blotter(found, who, clock.status))


def _decimal(raw: str, field: str) -> Decimal:
    try:
        return Decimal(raw.replace(",", "").strip())
    except InvalidOperation as error:
        raise Invalid(
            f"invalid_{field}", f"Enter the {field.replace('_', ' ')} as a number.", {"field": field}
        ) from error


def _request(request: HttpRequest) -> OrderRequest:
    """The ticket's fields as an order request. Raises Invalid; the service checks the rest."""
    data = request.POST
    order_type = data.get("type", "")
    limit = data.get("limit_price", "")
    if order_type == "limit" and not limit.strip():
        raise Invalid("limit_price_required", "A limit order needs a limit price.", {"field": "limit_price"})
    return OrderRequest(
        symbol=data.get("symbol", "").strip().upper(),
        side=data.get("side", ""),  # type: ignore[arg-type]
        type=order_type,  # type: ignore[arg-type]
        quantity=_decimal(data.get("quantity", ""), "quantity"),
        limit_price=_decimal(limit, "limit_price") if order_type == "limit" else None,
        time_in_force=data.get("time_in_force", "day"),  # type: ignore[arg-type]
        source="web",
    )


@login_required
@require_POST
@page
def order_preview(request: HttpRequest, account_id: int) -> HttpResponse:
    """The ticket's estimate: price, value, fee, buying power after, and why it would be refused."""
    who = actor(request)
    found = selectors.account_get(account_id, who)
    context: dict[str, Any] = {
        "account": found,
        "side": request.POST.get("side"),
        "order_type": request.POST.get("type"),
    }
    try:
        preview = changes.order_preview(actor=who, account_id=account_id, request=_request(request))
        context |= {"preview": preview, "denial": preview.denial}
    except DomainError as error:
        context["denial"] = error
    return render(request, "trading/_estimate.html", context)


def _send(request: HttpRequest, account_id: int, asked: OrderRequest) -> HttpResponse:
    """Place the order and show what became of it."""
    key = request.POST.get("idempotency_key") or new_key()
    try:
        order = orders.order_place(actor=actor(request), account_id=account_id, request=asked, idempotency_key=key)
    except DomainError as error:
        return _result(request, error=error)
    return _result(request, order=order)


@login_required
@require_POST
@page
def order_place(request: HttpRequest, account_id: int) -> HttpResponse:
    """Send the ticket. 422 with the reason when it is refused; the next ticket's key either way."""
    try:
        asked = _request(request)
    except DomainError as error:
        return _result(request, error=error)
    return _send(request, account_id, asked)


@login_required
@require_POST
@page
def position_close(request: HttpRequest, account_id: int, symbol: str) -> HttpResponse:
    """Sell all of a position that no open order holds, at the market."""
    who = actor(request)
    selectors.account_get(account_id, who)
    held = next((row for row in selectors.positions(account_id) if row.symbol == symbol), None)
    free = held.quantity - held.reserved_quantity if held else Decimal(0)
    if free <= 0:
        message = f"Nothing of {symbol} is free to sell. Cancel its open sell orders first."
        return _result(request, error=Invalid("nothing_to_close", message))
    return _send(request, account_id, OrderRequest(symbol=symbol, side="sell", quantity=free, source="web"))


@login_required
@require_POST
@page
def order_cancel(request: HttpRequest, order_id: int) -> HttpResponse:
    """Cancel one open order."""
    try:
        order = changes.order_cancel(actor=actor(request), order_id=order_id)
    except DomainError as error:
        return _result(request, error=error)
    return _result(request, order=order)


@require_GET
@page
def order_trail(request: HttpRequest, order_id: int) -> HttpResponse:
    """The audit trail of one order, under the same rule as its account."""
    order = selectors.order_get(order_id, viewer(request))
    return render(request, "trading/_trail.html", {"trail": selectors.order_transitions(order.id)})


def _result(request: HttpRequest, *, order: OrderView | None = None, error: DomainError | None = None) -> HttpResponse:
    """What became of it, with the next ticket's key; the page then reloads what changed."""
    refused = error is not None or (order is not None and order.status in DENIED)
    status = error.status if error is not None else 422 if refused else 200
    context = {"order": order, "error": error, "next_key": new_key()}
    response = render(request, "trading/_result.html", context, status=status)
    if not refused:
        response["HX-Trigger"] = "account-changed"
    return response
