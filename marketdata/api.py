"""Prices, history and markets. Public; nothing later than the tick in force can be asked for."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from core.api import errors
from core.errors import NotFound
from core.pagination import PagePagination
from marketdata import selectors
from marketdata.domain.types import BarView, ListingView, MarketView, Quote, plain
from marketdata.serializers import (
    HistoryIn,
    HistoryOut,
    MarketDetailOut,
    MarketOut,
    MetricsIn,
    MetricsOut,
    PricesIn,
    PricesOut,
)


class PublicView(APIView):
    """Open to all; credentials are not looked at, so an expired token hinders no one."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


def _asked(kind: type[Serializer], request: Request) -> dict[str, Any]:
    serializer = kind(data=request.query_params)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _market(slug: str | None) -> MarketView:
    """The named market, or the default one."""
    if slug:
        return selectors.market_by_slug(slug)
    market_id = selectors.default_market()
    if market_id is None:
        raise NotFound("unknown_market", "There is no market yet.")
    return selectors.market_view(market_id)


def _price(listing: ListingView, quote: Quote) -> dict[str, Any]:
    return {
        "symbol": listing.symbol,
        "name": listing.name,
        "sector": listing.sector,
        "currency": listing.currency,
        "last": plain(quote.last),
        "bid": plain(quote.bid),
        "ask": plain(quote.ask),
        "previous_close": plain(quote.previous_close),
        "change_pct": plain(quote.change_pct),
        "volume": quote.volume,
        "tick_size": plain(listing.tick_size),
        "lot_size": plain(listing.lot_size),
        "halted": quote.halted,
        **{name: _maybe(getattr(quote, name)) for name in ("band_low", "band_high", "bid_size", "ask_size")},
    }


def _maybe(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _bar(bar: BarView) -> dict[str, Any]:
    prices = {name: plain(getattr(bar, name)) for name in ("open", "high", "low", "close")}
    return {"date": bar.date, "at": bar.at, **prices, "volume": bar.volume, "is_complete": bar.is_complete}


def _view(market: MarketView) -> dict[str, Any]:
    return {**asdict(market), "seconds_per_tick": plain(market.seconds_per_tick)}


class PricesView(PublicView):
    """Prices of a market."""

    @extend_schema(
        operation_id="stocks_prices",
        auth=[],
        parameters=[PricesIn],
        responses={200: PricesOut, **errors(400, 404, 429)},
    )
    def get(self, request: Request) -> Response:
        """All quotes in force of a market (the featured one by default)."""
        market = _market(_asked(PricesIn, request).get("market"))
        quotes, clock = selectors.quotes_and_clock(market.id)
        listed = selectors.listings(market.id)
        body = {
            "market": market.slug,
            "status": clock.status,
            "tick": clock.tick,
            "at": clock.at,
            "source_label": clock.source_label,
            "is_simulated": clock.is_simulated,
            "stocks": [_price(item, quotes[item.symbol]) for item in listed if item.symbol in quotes],
        }
        return Response(PricesOut(body).data)


class MetricsView(PublicView):
    """What the last sessions say."""

    @extend_schema(
        operation_id="stocks_metrics",
        auth=[],
        parameters=[MetricsIn],
        responses={200: MetricsOut, **errors(400, 404, 429)},
    )
    def get(self, request: Request) -> Response:
        """Change, volatility and trend of every symbol over the last sessions (HISTORY_DAYS by default)."""
        asked = _asked(MetricsIn, request)
        market = _market(asked.get("market"))
        days = asked.get("days") or settings.HISTORY_DAYS
        rows = [asdict(row) for row in selectors.metrics(market.id, days)]
        return Response(MetricsOut({"market": market.slug, "days": days, "stocks": rows}).data)


class HistoryView(PublicView):
    """Candles of a symbol."""

    @extend_schema(
        operation_id="stocks_history",
        auth=[],
        parameters=[HistoryIn],
        responses={200: HistoryOut, **errors(400, 404, 429)},
    )
    def get(self, request: Request, ticker: str) -> Response:
        """The last sessions of a symbol, the forming one included; never beyond the tick in force.

        A symbol that the listing had before finds it too.
        """
        asked = _asked(HistoryIn, request)
        market = _market(asked.get("market"))
        listing = selectors.listing_get(market.id, ticker.upper())
        if listing is None:
            raise NotFound("unknown_symbol", "There is no such symbol in this market.", {"symbol": ticker[:16]})
        bars = selectors.bars(market.id, listing.symbol, asked["limit"], adjusted=asked["adjusted"])
        body = {
            "market": market.slug,
            "symbol": listing.symbol,
            "name": listing.name,
            "currency": listing.currency,
            "source_label": market.source_label,
            "is_simulated": market.is_simulated,
            "adjusted": asked["adjusted"],
            "bars": [_bar(bar) for bar in bars],
        }
        return Response(HistoryOut(body).data)


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
