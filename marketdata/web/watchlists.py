"""A person's watchlists: the lists, one list with live prices, and the forms that change them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import Conflict, DomainError, NotFound
from core.pages import page
from marketdata.forms import SymbolForm, WatchlistForm
from marketdata.pages.board import closes_of
from marketdata.pages.lists import ListOverview, list_rows, lists_of, moved
from marketdata.pages.search import search
from marketdata.pages.sources import ribbons
from marketdata.pages.symbols import symbol_row
from marketdata.services import watchlists as services
from marketdata.web.common import Person, channels, live_ids, person


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def watchlists(request: HttpRequest) -> HttpResponse:
    """The person's first list, or that there is none; a POST makes one."""
    who = person(request)
    if request.method == "POST":
        return _create(request, who)
    lists = lists_of(who.user_id)
    return _show(request, lists, lists[0] if lists else None)


def _create(request: HttpRequest, who: Person) -> HttpResponse:
    form = WatchlistForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A list needs a name of at most 60 characters.")
        return redirect("watchlists")
    try:
        made = services.watchlist_create(actor=who, name=form.cleaned_data["name"])
        if request.POST.get("symbol"):
            row, _ = symbol_row(request.POST["symbol"])
            services.item_add(actor=who, watchlist_id=made.id, instrument_id=row.id)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("watchlists")
    return redirect("watchlist", watchlist_id=made.id)


@login_required
@never_cache
@require_safe
@page
def watchlist(request: HttpRequest, watchlist_id: int) -> HttpResponse:
    """One list with its prices."""
    lists = lists_of(person(request).user_id)
    chosen = next((each for each in lists if each.id == watchlist_id), None)
    if chosen is None:
        raise NotFound("unknown_watchlist", "There is no such list.")
    return _show(request, lists, chosen)


def _show(request: HttpRequest, lists: list[ListOverview], chosen: ListOverview | None) -> HttpResponse:
    rows = list_rows(chosen) if chosen else []
    ids = live_ids(rows)
    context: dict[str, Any] = {
        "lists": lists,
        "list": chosen,
        "rows": rows,
        "closes": closes_of(ids),
        "is_still": not any(row.is_live for row in rows),
        "ribbons": ribbons([(row.source, row.is_simulated) for row in rows if row.last is not None]),
        "channels": channels(rows),
    }
    return render(request, "marketdata/watchlists.html", context)


@login_required
@require_POST
@page
def watchlist_rename(request: HttpRequest, watchlist_id: int) -> HttpResponse:
    """Give a list another name."""
    form = WatchlistForm(request.POST)
    if not form.is_valid():
        messages.error(request, "A list needs a name of at most 60 characters.")
        return redirect("watchlist", watchlist_id=watchlist_id)
    try:
        services.watchlist_rename(actor=person(request), watchlist_id=watchlist_id, name=form.cleaned_data["name"])
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("watchlist", watchlist_id=watchlist_id)


@login_required
@require_POST
@page
def watchlist_delete(request: HttpRequest, watchlist_id: int) -> HttpResponse:
    """Delete a list with all that is on it."""
    services.watchlist_delete(actor=person(request), watchlist_id=watchlist_id)
    messages.success(request, "The list is deleted.")
    return redirect("watchlists")


@login_required
@require_POST
@page
def watchlist_add(request: HttpRequest, watchlist_id: int) -> HttpResponse:
    """Put a symbol on a list; what is typed may be the beginning of a name, if only one instrument fits."""
    form = SymbolForm(request.POST)
    typed = form.cleaned_data["symbol"] if form.is_valid() else ""
    try:
        row, _ = symbol_row(typed)
    except NotFound:
        found = search(typed, 2)
        if len(found) != 1:
            messages.error(request, f"There is no symbol {typed[:32]}. Choose one from the suggestions.")
            return _back(request, watchlist_id)
        row = found[0]
    try:
        services.item_add(actor=person(request), watchlist_id=watchlist_id, instrument_id=row.id)
    except NotFound:
        raise
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{row.symbol} is on the list.")
    return _back(request, watchlist_id)


@login_required
@require_POST
@page
def watchlist_remove(request: HttpRequest, watchlist_id: int) -> HttpResponse:
    """Take a symbol off a list."""
    row, _ = symbol_row(request.POST.get("symbol", ""))
    services.item_remove(actor=person(request), watchlist_id=watchlist_id, instrument_id=row.id)
    messages.success(request, f"{row.symbol} is off the list.")
    return _back(request, watchlist_id)


@login_required
@require_POST
@page
def watchlist_move(request: HttpRequest, watchlist_id: int) -> HttpResponse:
    """Move a symbol one place up or down."""
    who = person(request)
    row, _ = symbol_row(request.POST.get("symbol", ""))
    chosen = next((each for each in lists_of(who.user_id) if each.id == watchlist_id), None)
    if chosen is None:
        raise NotFound("unknown_watchlist", "There is no such list.")
    order = moved(chosen.instrument_ids, row.id, up=request.POST.get("direction") == "up")
    try:
        services.items_reorder(actor=who, watchlist_id=watchlist_id, instrument_ids=order)
    except Conflict:
        messages.error(request, "The list was changed elsewhere just now. This is how it is.")
    return redirect(f"{reverse('watchlist', args=[watchlist_id])}#item-{row.id}")


def _back(request: HttpRequest, watchlist_id: int) -> HttpResponse:
    """Where the form was, if that is on this site; else the list."""
    target = request.POST.get("next", "")
    if target and url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return redirect(target)
    return redirect("watchlist", watchlist_id=watchlist_id)
