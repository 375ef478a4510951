"""The candles behind the charts, as compact JSON."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.errors import NotFound
from marketdata.charts import chart_bars


@require_GET
@never_cache
def candles(request: HttpRequest, market_id: int, symbol: str) -> JsonResponse:  # noqa: ARG001
    """Daily candles of one symbol up to the print in force. Public, as prices are."""
    try:
        body: dict[str, Any] = {"symbol": symbol, "bars": chart_bars(market_id, symbol)}
    except NotFound as error:
        raise Http404(error.message) from error
    return JsonResponse(body)
