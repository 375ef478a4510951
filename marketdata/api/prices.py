"""Prices and history. Public; nothing later than the tick in force can be asked for."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import errors
from core.errors import Invalid, NotFound
from marketdata import selectors
from marketdata.api.candles import candle_rows
from marketdata.api.common import PublicView, asked, document, kept, market_asked
from marketdata.domain.types import BarView, ListingView, MarketView, Quote, plain
from marketdata.selectors.candles import candles
from marketdata.selectors.figures import market_metrics
from marketdata.selectors.instruments import InstrumentView, instrument_find, instrument_get
from marketdata.selectors.prices import InstrumentPrice, prices_of
from marketdata.serializers import (
    HistoryIn,
    HistoryOut,
    MetricsIn,
    MetricsOut,
    PricesIn,
    PricesOut,
    QuoteOut,
)


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
        market = market_asked(asked(PricesIn, request).get("market"))
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
        query = asked(MetricsIn, request)
        market = market_asked(query.get("market"))
        days = query.get("days") or settings.HISTORY_DAYS
        rows = [asdict(row) for row in market_metrics(market.id, days)]
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

        A symbol that the listing had before finds it too. With a `resolution` other than a day's: candles of a live
        market's instrument, or of any instrument that no market of that name lists.
        """
        query = asked(HistoryIn, request)
        resolution = query.get("resolution") or "1D"
        market, listing = _listed(query.get("market"), ticker, needed="resolution" not in query)
        if market is None or listing is None:
            return Response(HistoryOut(_instrument_history(instrument_get(ticker), resolution, query)).data)
        body = {
            "market": market.slug,
            "symbol": listing.symbol,
            "name": listing.name,
            "currency": listing.currency,
            "source_label": market.source_label,
            "is_simulated": market.is_simulated,
            "adjusted": query["adjusted"],
            "resolution": resolution,
        }
        if resolution == "1D":
            found = selectors.bars(market.id, listing.symbol, query["limit"], adjusted=query["adjusted"])
            bars = [_bar(bar) for bar in found]
        elif market.kind == "replay":
            raise Invalid("unsupported_resolution", "A replay has days only.", {"supported": ["1D"]})
        else:
            bars = _candle_bars(listing.instrument_id, resolution, query)
        return Response(HistoryOut({**body, "bars": bars}).data)


def _listed(slug: str | None, ticker: str, *, needed: bool) -> tuple[MarketView | None, ListingView | None]:
    """The market and what it lists; nothing where neither is needed."""
    try:
        market = market_asked(slug)
    except NotFound:
        if needed or slug:
            raise
        return None, None
    listing = selectors.listing_get(market.id, ticker.upper())
    if listing is None and (needed or slug):
        raise selectors.symbol_unknown(ticker)
    return market, listing


def _instrument_history(view: InstrumentView, resolution: str, query: dict[str, Any]) -> dict[str, Any]:
    return {
        "market": "",
        "symbol": view.symbol,
        "name": view.name,
        "currency": view.currency,
        "source_label": "SIMULATED" if view.is_simulated else view.exchange,
        "is_simulated": view.is_simulated,
        "adjusted": query["adjusted"],
        "resolution": resolution,
        "bars": _candle_bars(view.id, resolution, query),
    }


def _candle_bars(instrument_id: int, resolution: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """Candles in the words of a market's history."""
    found = candles(instrument_id, resolution, countback=query["limit"], adjusted=query["adjusted"])
    rows = candle_rows(found)
    return [{**row, "date": row["at"].date(), "is_complete": not row.pop("is_forming")} for row in rows]


class QuoteView(PublicView):
    """One symbol's last price."""

    @extend_schema(
        operation_id="stocks_quote",
        auth=[],
        parameters=[PricesIn],
        responses={200: QuoteOut, **errors(400, 404, 429)},
    )
    def get(self, request: Request, ticker: str) -> HttpResponse:
        """The last price of a symbol, who says so, and how old it is.

        In the named market; without one the feed's price where there is one, else that of the featured market, else
        the last close that may be seen.
        """
        slug = asked(PricesIn, request).get("market")
        body, _ = kept(f"quote:{slug or ''}:{ticker.upper()}", lambda: (document(_quote(slug, ticker)), 1, 1))
        quote = orjson.loads(body)
        since = datetime.fromisoformat(quote.pop("since"))
        quote["age_seconds"] = max(0.0, round((datetime.now(tz=UTC) - since).total_seconds(), 3))
        response = HttpResponse(document(quote), content_type="application/json")
        response["Cache-Control"] = "no-cache"
        return response


def _quote(slug: str | None, ticker: str) -> dict[str, Any]:
    """The quote but for its age, which counts from `since`. Raises NotFound."""
    if slug:
        found = _market_quote(slug, ticker)
    else:
        view = instrument_find(ticker)
        price = None if view is None else prices_of([view.id]).get(view.id)
        found = None if price is not None and price.is_live else _market_quote(None, ticker)
        if found is None and view is not None and price is not None:
            found = _instrument_quote(view, price)
        elif found is None and view is None:
            raise NotFound("unknown_symbol", "There is no such symbol.", {"symbol": ticker[:33]})
    if found is None:
        raise NotFound("no_price", "There is no price of this symbol.", {"symbol": ticker[:33]})
    since = found.pop("since")
    return {**QuoteOut({**found, "age_seconds": 0}).data, "since": since.isoformat()}


def _market_quote(slug: str | None, ticker: str) -> dict[str, Any] | None:
    market, listing = _listed(slug, ticker, needed=bool(slug))
    if market is None or listing is None:
        return None
    quote, clock = selectors.quote_and_clock(market.id, listing.symbol)
    if quote is None:
        return None
    fields = ("symbol", "name", "currency", "last", "bid", "ask", "previous_close", "change_pct", "volume", "halted")
    price = _price(listing, quote)
    more = {"market": market.slug, "source": quote.source, "at": quote.at, "received": clock.wall, "since": clock.wall}
    return {**{name: price[name] for name in fields}, **more, "is_live": market.kind != "replay"}


def _instrument_quote(view: InstrumentView, price: InstrumentPrice) -> dict[str, Any]:
    return {
        "market": "",
        "symbol": view.symbol,
        "name": view.name,
        "currency": view.currency,
        "last": plain(price.last),
        "bid": _maybe(price.bid),
        "ask": _maybe(price.ask),
        "previous_close": _maybe(price.previous_close),
        "change_pct": _maybe(price.change_pct),
        "volume": price.volume,
        "halted": price.halted,
        "source": price.source,
        "at": price.at,
        "received": price.received,
        "since": price.at,
        "is_live": price.is_live,
    }
