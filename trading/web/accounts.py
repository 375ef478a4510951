"""Accounts: the list, one account, its analytics and its statement; and the partials that follow it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from core.errors import DomainError, NotFound
from core.pages import page, paginated
from marketdata import selectors as market_selectors
from trading import selectors
from trading.adapters.statement_csv import statement_csv
from trading.adapters.statement_pdf import statement_pdf
from trading.domain import states
from trading.domain.schedules.words import label
from trading.domain.statement import bridge
from trading.domain.views import AccountView
from trading.forms import PeriodForm
from trading.pages import (
    actor,
    can_trade,
    curve_points,
    mapped,
    market_context,
    new_key,
    viewer,
)
from trading.pages import analytics as figures_of
from trading.pages.blotter import OPEN_ORDERS, blotter, book_of, nested, order_row
from trading.pages.words import STATES, TYPES
from trading.selectors import pages as page_reads
from trading.selectors.books import fee_words, round_trips
from trading.services.gates import analytics_require, trades_left
from trading.services.statements import PDF_ROWS, statement_of

TABS = ("positions", "orders", "trades")
FILTERS = {
    "open": ("Working", states.LIVE),
    "filled": ("Filled", {states.FILLED, states.PARTIALLY_FILLED}),
    "ended": ("Cancelled or expired", {states.CANCELED, states.EXPIRED, states.REPLACED}),
    "refused": ("Refused", {states.DENIED, states.REJECTED}),
}


@login_required
@require_GET
def account_list(request: HttpRequest) -> HttpResponse:
    """The viewer's own accounts, newest first."""
    rows = selectors.accounts_for_user(actor(request).user_id or 0)
    return render(request, "trading/accounts.html", {"page": paginated(request, rows)})


def _head(request: HttpRequest, account_id: int, view: str) -> dict[str, Any]:
    """What the head of every page of an account shows. Raises NotFound."""
    who = viewer(request)
    found = selectors.account_get(account_id, who)
    mine = selectors.may_trade(found, who)
    return {
        **market_context(found.market_id),
        "account": found,
        "mine": mine,
        "view": view,
        "section": "account",
        "still": view != "overview",
        "channels": f"market:{found.market_id}" + (f",account:{account_id}" if mine else ""),
    }


@require_GET
@page
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """One account: figures, curve, positions, orders, trades, and the ticket of its owner. An agent's is public."""
    context = _head(request, account_id, "overview")
    found: AccountView = context["account"]
    tab = request.GET.get("tab", "positions")
    tab = tab if tab in TABS else "positions"
    context["can_trade"] = can_trade(found, viewer(request), context["market"].status)
    context |= {
        **_tab(request, found, tab),
        "book": book_of(found.id),
        "tab": tab,
        "curve": curve_points(account_id, context["market"].tick),
    }
    if context["mine"]:
        context["trades"] = trades_left(found)
        context["fees"] = fee_words(found.id)
    if context["can_trade"]:
        context |= _ticket(request, found)
    return render(request, "trading/account.html", context)


def _ticket(request: HttpRequest, found: AccountView) -> dict[str, Any]:
    """What the ticket needs: the symbols of the market and their quotes."""
    quotes = market_selectors.quotes_all(found.market_id)
    listings = [item for item in market_selectors.listings(found.market_id) if item.symbol in quotes]
    wanted = request.GET.get("symbol", "")
    return {
        "listings": listings,
        "selected": wanted if wanted in quotes else listings[0].symbol if listings else "",
        "next_key": new_key(),
        "quotes": {
            symbol: {
                "last": float(quote.last),
                "bid": float(quote.bid),
                "ask": float(quote.ask),
                "change": float(quote.change_pct),
            }
            for symbol, quote in quotes.items()
        },
    }


def _tab(request: HttpRequest, found: AccountView, tab: str) -> dict[str, Any]:
    if tab == "orders":
        return _orders_tab(request, found)
    if tab == "trades":
        return {"page": mapped(paginated(request, selectors.fills_query(found.id)), selectors.fill_view)}
    return {}


def _orders_tab(request: HttpRequest, found: AccountView) -> dict[str, Any]:
    """Orders that wait, and the history as it was filtered."""
    symbols = page_reads.symbols_traded(found.id)
    status, symbol = request.GET.get("status", ""), request.GET.get("symbol", "").strip().upper()
    symbol = symbol if symbol in symbols else ""
    side, kind = request.GET.get("side", ""), request.GET.get("type", "")
    rows = selectors.orders_filtered(found.id, symbol=symbol)
    if status in FILTERS:
        rows = rows.filter(status__in=FILTERS[status][1])
    if side in ("buy", "sell"):
        rows = rows.filter(side=side)
    if kind in TYPES:
        rows = rows.filter(type=kind)
    history = paginated(request, rows)
    views = selectors.order_views(list(history.object_list))
    history.object_list = [order_row(view) for view in views]
    return {
        "page": history,
        "orders": nested(selectors.orders(found.id, open_only=True, limit=OPEN_ORDERS)),
        "symbols": symbols,
        "filters": [(code, words) for code, (words, _) in FILTERS.items()],
        "types": TYPES.items(),
        "chosen": {"status": status, "symbol": symbol, "side": side, "type": kind},
        "filtered": any((status, symbol, side, kind)),
        "states": STATES,
    }


@require_GET
@page
def figures(request: HttpRequest, account_id: int) -> HttpResponse:
    """The stat tiles again, after something changed."""
    found = selectors.account_get(account_id, viewer(request))
    return render(request, "trading/_stats.html", {"account": found, "book": book_of(found.id)})


@login_required
@require_GET
@page
def plan_part(request: HttpRequest, account_id: int) -> HttpResponse:
    """What the plan leaves, again after something changed; the owner's only."""
    found = selectors.account_get(account_id, viewer(request))
    if found.owner_id != actor(request).user_id:
        raise NotFound("account_not_found", "There is no such account.")
    left = trades_left(found)
    if left is None:
        return HttpResponse()
    return render(request, "trading/_plan.html", {"account": found, "trades": left})


@require_GET
@page
def blotter_part(request: HttpRequest, account_id: int, part: str) -> HttpResponse:
    """One tab again, after something changed."""
    who = viewer(request)
    found = selectors.account_get(account_id, who)
    clock = market_selectors.market_clock(found.market_id)
    return render(request, f"trading/_{part}.html", blotter(found, who, clock.status))


@require_GET
@page
def analytics(request: HttpRequest, account_id: int) -> HttpResponse:
    """How an account has done: its curve over its drawdowns, figures, returns by day or month, and its round trips."""
    context = _head(request, account_id, "analytics")
    found: AccountView = context["account"]
    try:
        analytics_require(found, viewer(request))
        context |= figures_of.context(found.id, found.currency, has_begun=context["market"].tick >= 0)
        trips = round_trips(found.id)
    except DomainError as error:
        return render(request, "trading/analytics.html", {**context, "error": error}, status=error.status)
    context |= {
        "page": paginated(request, trips),
        "charges": [(label(item.kind), item.minor) for item in page_reads.charges_by_kind(found.id)],
    }
    return render(request, "trading/analytics.html", context)


def _period(request: HttpRequest, found: AccountView, today: date) -> PeriodForm:
    """The period asked for, or all of the account's life so far."""
    asked = {name: request.GET[name] for name in ("start", "end") if name in request.GET}
    if asked:
        return PeriodForm(asked)
    points = selectors.equity_curve(found.id, points=2)
    first = points[0][0].date() if points else today
    return PeriodForm({"start": first.isoformat(), "end": max(first, today).isoformat()})


@login_required
@require_GET
@page
def statement(request: HttpRequest, account_id: int) -> HttpResponse:
    """A period's statement in short, or as a file with `format=csv` or `pdf`. Owners and operators only."""
    context = _head(request, account_id, "statement")
    found: AccountView = context["account"]
    if not (context["mine"] or actor(request).is_staff):
        # An agent's account is public, its papers are its owner's.
        raise NotFound("account_not_found", "There is no such account.")
    try:
        analytics_require(found, viewer(request))
    except DomainError as error:
        context |= {"form": PeriodForm(), "error": error}
        return render(request, "trading/statement.html", context, status=error.status)
    form = _period(request, found, context["market"].at.date())
    wanted = request.GET.get("format", "")
    context["form"] = form
    if not form.is_valid():
        return render(request, "trading/statement.html", context, status=400)
    start, end = form.bounds()
    try:
        made = statement_of(found.id, start, end, **({"max_rows": PDF_ROWS} if wanted == "pdf" else {}))
    except DomainError as error:
        return render(request, "trading/statement.html", {**context, "error": error}, status=error.status)
    name = f"statement-{slugify(found.label) or found.id}-{start:%Y-%m-%d}-{form.cleaned_data['end']:%Y-%m-%d}"
    if wanted == "csv":
        return _file(HttpResponse(statement_csv(made), content_type="text/csv; charset=utf-8"), f"{name}.csv")
    if wanted == "pdf":
        return _file(HttpResponse(statement_pdf(made), content_type="application/pdf"), f"{name}.pdf")
    context |= {"statement": made, "lines": bridge(made)}
    return render(request, "trading/statement.html", context)


def _file(response: HttpResponse, name: str) -> HttpResponse:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response
