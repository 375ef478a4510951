"""Instruments and their candles."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import errors
from core.errors import Invalid
from core.pagination import PagePagination
from marketdata.api.common import CLOSED_SECONDS, LONG, SHORT, PublicView, answer, asked, document, kept
from marketdata.domain.candles_query import CLOSE, DAY, HIGH, LOW, OPEN, VOLUME, Candles, Resolution, resolution_of
from marketdata.domain.feed import price_of
from marketdata.domain.types import iso, plain
from marketdata.selectors.candles import candle_before, candles, has_intraday
from marketdata.selectors.horizon import horizon
from marketdata.selectors.instruments import InstrumentView, instrument_get, instrument_view, instruments_query
from marketdata.serializers_assets import AssetDetailOut, AssetOut, AssetsIn, CandlesIn, CandlesOut

_PRICES = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE}


def candle_rows(found: Candles) -> list[dict[str, Any]]:
    """Candles as rows: prices as strings; only the last can be forming."""
    columns = {name: [plain(price_of(value)) for value in found.column(index)] for name, index in _PRICES.items()}
    volumes, last = found.column(VOLUME), len(found) - 1
    return [
        {
            "time": second,
            "at": datetime.fromtimestamp(second, tz=UTC),
            **{name: values[row] for name, values in columns.items()},
            "volume": volumes[row],
            "is_forming": found.is_forming and row == last,
        }
        for row, second in enumerate(found.times)
    ]


def is_closed(instrument_id: int, end: int | None, seconds: int, now: float) -> bool:
    """Whether nothing that begins before `end` can change any more, short of a correction of history."""
    if end is None or end + max(seconds, 3600) + (3 * DAY if seconds >= DAY else 0) > now:
        return False
    limit = horizon(instrument_id)
    return limit is None or datetime.fromtimestamp(end, tz=UTC).date() < limit


def asset_row(view: InstrumentView) -> dict[str, Any]:
    """An instrument on the wire."""
    return {
        "id": view.id,
        "symbol": view.symbol,
        "ticker": view.ticker,
        "name": view.name,
        "exchange": view.exchange,
        "currency": view.currency,
        "sector": view.sector,
        "kind": view.kind,
        "tick_size": plain(view.tick_size.normalize()),
        "lot_size": plain(view.lot_size.normalize()),
        "is_simulated": view.is_simulated,
        "is_active": view.is_active,
    }


class AssetsView(PublicView):
    """Search for instruments."""

    pagination_class = PagePagination

    @extend_schema(
        operation_id="assets_list",
        auth=[],
        parameters=[AssetsIn],
        responses={200: AssetOut(many=True), **errors(400, 404, 429)},
    )
    def get(self, request: Request) -> Response:
        """Instruments that fit, best first: the symbol, then symbols and names that begin so, then parts of names."""
        query = asked(AssetsIn, request)
        pages = self.pagination_class()
        page = pages.paginate_queryset(instruments_query(**query), request, view=self) or []
        rows = [asset_row(instrument_view(row)) for row in page]
        return pages.get_paginated_response(AssetOut(rows, many=True).data)


class AssetView(PublicView):
    """One instrument."""

    @extend_schema(operation_id="assets_retrieve", auth=[], responses={200: AssetDetailOut, **errors(404, 429)})
    def get(self, _request: Request, asset: str) -> Response:
        """An instrument by its id, its symbol or EXCHANGE:SYMBOL."""
        view = instrument_get(asset)
        return Response(AssetDetailOut({**asset_row(view), "has_intraday": has_intraday(view.id)}).data)


class CandlesView(PublicView):
    """Candles of an instrument."""

    @extend_schema(
        operation_id="assets_candles",
        auth=[],
        parameters=[CandlesIn],
        responses={200: CandlesOut, **errors(400, 404, 429)},
    )
    def get(self, request: Request, asset: str) -> HttpResponse:
        """Candles with from <= time < to, oldest first; without `from` the last `limit` before `to`.

        `earlier` is the time of the closest candle before the first one given (null: there is none): ask with it as
        `to`, plus one, to go on to the left. Answers have an ETag; a range that is over may be kept for an hour.
        """
        query = asked(CandlesIn, request)
        start, end = query.get("from"), query.get("to")
        unit = resolution_of(query["resolution"])
        if start is not None and end is not None and start > end:
            raise Invalid("bad_range", "The range ends before it begins.", {"field": "from"})
        key = f"candles:{asset.upper()}:{unit.name}:{start}:{end}:{query['limit']}:{query['adjusted']}"
        body, age = kept(key, lambda: _candles_made(asset, unit, start, end, query))
        return answer(request, body, max_age=age)


def _candles_made(
    asset: str, unit: Resolution, start: int | None, end: int | None, query: dict[str, Any]
) -> tuple[bytes, int, int]:
    """The document, and for how many seconds we and others may keep it."""
    view, now, limit, adjusted = instrument_get(asset), datetime.now(tz=UTC), query["limit"], query["adjusted"]
    count = limit if start is None else None
    found = candles(view.id, unit.name, start=start, end=end, countback=count, adjusted=adjusted, now=now)
    rows = candle_rows(found)[-limit:]
    first = rows[0]["time"] if rows else (start if start is not None else end)
    for row in rows:
        row["at"] = iso(row["at"])
    body = {
        "asset": asset_row(view),
        "resolution": unit.name,
        "adjusted": adjusted,
        "earlier": None if first is None else candle_before(view.id, unit.name, first),
        "candles": rows,
    }
    settled = bool(rows) and is_closed(view.id, end, unit.seconds, now.timestamp())
    return document(body), CLOSED_SECONDS if settled else SHORT, LONG if settled else SHORT
