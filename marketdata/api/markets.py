"""Markets: clocks, and what is listed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import errors
from core.pagination import PagePagination
from marketdata import selectors
from marketdata.api.common import PublicView
from marketdata.domain.types import MarketView, plain
from marketdata.serializers import MarketDetailOut, MarketOut


def _view(market: MarketView) -> dict[str, Any]:
    return {**asdict(market), "seconds_per_tick": plain(market.seconds_per_tick)}


class MarketsView(PublicView):
    """All markets."""

    pagination_class = PagePagination

    @extend_schema(
        operation_id="markets_list",
        auth=[],
        responses={200: MarketOut(many=True), **errors(404, 429)},
    )
    def get(self, request: Request) -> Response:
        """Markets, the newest first."""
        pages = self.pagination_class()
        page = pages.paginate_queryset(selectors.markets_query(), request, view=self) or []
        found = [_view(selectors.view_of(row)) for row in page]
        return pages.get_paginated_response(MarketOut(found, many=True).data)


class MarketDetailView(PublicView):
    """One market."""

    @extend_schema(operation_id="markets_retrieve", auth=[], responses={200: MarketDetailOut, **errors(404, 429)})
    def get(self, _request: Request, slug: str) -> Response:
        """A market, its clock and its symbols."""
        market = selectors.market_by_slug(slug)
        clock = selectors.market_clock(market.id)
        symbols = [listing.symbol for listing in selectors.listings(market.id)]
        body = {**_view(market), "status": clock.status, "tick": clock.tick, "clock": clock, "symbols": symbols}
        return Response(MarketDetailOut(body).data)
