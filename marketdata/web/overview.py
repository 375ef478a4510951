"""The overview of all markets, the parts of it that renew themselves, and live quotes as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.errors import Invalid
from core.pages import paginated
from marketdata.domain.quote_event import quote_event
from marketdata.pages import overview
from marketdata.pages.board import Row, base_rows, board_rows, closes_of, public_quotes
from marketdata.pages.exchanges import strip
from marketdata.pages.sources import banner, ribbons
from marketdata.web.common import MAX_LIVE, channels, conditional, live_ids

ROWS = 40
DEFAULT_SORT = "symbol"


def _pulse(rows: list[Row]) -> dict[str, Any]:
    """What renews itself: exchanges, the feed's state, movers and the heat map."""
    at = datetime.now(tz=UTC)
    states, live = strip({row.exchange for row in rows}, at), {row.exchange for row in rows if row.is_live}
    trades_now = any(state.is_open and state.code in live for state in states)
    return {
        "exchanges": states,
        "is_still": not live,
        "ribbons": ribbons([(row.source, row.is_simulated) for row in rows if row.last is not None]),
        "banner": banner(shows_live=bool(live), trades_now=trades_now),
        "movers": overview.movers_of(rows),
        "sectors": overview.heat_map(rows),
        "now": at,
    }


@require_safe
@never_cache
def markets(request: HttpRequest) -> HttpResponse:
    """Every market at a glance. Public."""
    rows = board_rows()
    exchange, sector = request.GET.get("exchange", ""), request.GET.get("sector", "")
    sort = request.GET.get("sort", DEFAULT_SORT)
    sort = sort if sort.removeprefix("-") in overview.SORTS else DEFAULT_SORT
    chosen = overview.ordered(overview.filtered(rows, exchange=exchange, sector=sector), sort)
    shown = paginated(request, chosen, ROWS)
    pulse = _pulse(rows)
    table = list(shown.object_list)
    context = {
        **pulse,
        "page": shown,
        "closes": closes_of(live_ids(table)),
        "total": len(rows),
        "found": len(chosen),
        "sort": sort,
        "exchange": exchange,
        "sector": sector,
        "exchange_choices": overview.choices(rows, "exchange"),
        "sector_choices": overview.choices(rows, "sector"),
        "channels": channels([*table, *pulse["movers"].rows]),
    }
    return render(request, "marketdata/markets.html", context)


@require_safe
@never_cache
def markets_pulse(request: HttpRequest) -> HttpResponse:
    """Exchanges, movers and the heat map anew, for a page that is open."""
    return render(request, "marketdata/_pulse.html", _pulse(board_rows()))


@require_safe
@conditional
def quotes(request: HttpRequest) -> HttpResponse:
    """The feed's latest of up to sixty instruments, as the `quote` event says them."""
    raw = [part for part in request.GET.get("ids", "")[:2_000].split(",") if part]
    if not raw or len(raw) > MAX_LIVE or not all(part.isascii() and part.isdigit() and len(part) < 18 for part in raw):
        error = Invalid("ids_invalid", f"Name between one and {MAX_LIVE} instruments by their numbers.")
        return JsonResponse(error.as_dict(), status=error.status)
    known = {row.id: row for row in base_rows()}
    found = public_quotes([known[int(part)] for part in raw if int(part) in known])
    answer = JsonResponse({"quotes": [quote_event(quote) for quote in found.values()]})
    answer["Cache-Control"] = "no-cache"
    return answer
