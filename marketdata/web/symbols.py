"""A symbol's page, and its news."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from core.pages import page
from marketdata.domain.symbol_panels import PanelRequest
from marketdata.pages.exchanges import exchange_states
from marketdata.pages.lists import list_choices
from marketdata.pages.news import news_of
from marketdata.pages.sources import ribbons
from marketdata.pages.symbols import panels, symbol_facts, symbol_row
from marketdata.web.common import channels

RESOLUTIONS = (("1", "1m"), ("5", "5m"), ("15", "15m"), ("60", "1h"), ("1D", "1D"), ("1W", "1W"))
RANGES = (("5", "5D"), ("31", "1M"), ("92", "3M"), ("366", "1Y"), ("1827", "5Y"), ("0", "All"))
INDICATORS = (("sma", "SMA 20"), ("ema", "EMA 50"), ("bollinger", "Bollinger"), ("rsi", "RSI 14"), ("macd", "MACD"))


@require_safe
@never_cache
@page
def symbol(request: HttpRequest, symbol: str) -> HttpResponse:
    """Everything about one symbol. Public."""
    row, is_active = symbol_row(symbol)
    if row.symbol != symbol:
        return redirect("symbol", symbol=row.symbol)
    facts = symbol_facts(row, is_active=is_active)
    now = datetime.now(tz=UTC)
    user_id = request.user.pk if request.user.is_authenticated else None
    states = exchange_states([row.exchange], now)
    context = {
        "facts": facts,
        "row": row,
        "now": now,
        "is_stale": row.is_stale(now),
        "session": row if row.is_live else facts.day,
        "exchange": states[0] if states else None,
        "ribbons": ribbons([(row.source, row.is_simulated)]) if row.last is not None else [],
        "is_still": not row.is_live,
        "metrics": facts.figures,
        "panels": panels(PanelRequest(row.id, row.symbol, user_id)),
        "lists": list_choices(user_id, row.id),
        "channels": channels([row]),
        "resolutions": RESOLUTIONS,
        "ranges": RANGES,
        "indicators": INDICATORS,
    }
    return render(request, "marketdata/symbol.html", context)


@require_safe
@page
def symbol_news(request: HttpRequest, symbol: str) -> HttpResponse:
    """Headlines about a symbol, where a provider has any; fetched by the page once it is shown."""
    row, _ = symbol_row(symbol)
    answer = render(request, "marketdata/_news.html", {"items": news_of(row.symbol, simulated=row.is_simulated)})
    answer["Cache-Control"] = "public, max-age=120"
    return answer
