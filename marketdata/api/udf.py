"""TradingView's datafeed protocol. Refusals are in the body: its client does not look at statuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import exception_handler
from core.errors import Invalid, NotFound
from marketdata.api.candles import is_closed
from marketdata.api.common import CLOSED_SECONDS, LONG, SHORT, PublicView, answer, document, kept
from marketdata.domain import udf
from marketdata.domain.candles_query import MAX_CANDLES, resolution_of
from marketdata.domain.marks import Mark, MarksRequest, marks_of, register_marks_source
from marketdata.selectors.candles import LATEST, candle_before, candles
from marketdata.selectors.instruments import (
    InstrumentView,
    instrument_find,
    instrument_view,
    instruments_by_symbols,
    instruments_query,
    instruments_search,
)
from marketdata.selectors.marks import action_marks
from marketdata.selectors.prices import prices_of
from marketdata.selectors.udf import exchange_names, now_seconds, symbols_of

MAX_QUOTES, MAX_SEARCH, MAX_GROUP = 50, 50, 5_000
SYMBOL_LENGTH = 33
CONFIG_SECONDS, SYMBOL_SECONDS, SEARCH_SECONDS = 60, 60, 10

register_marks_source("actions", action_marks)


def _parameter(name: str, kind: type = str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, kind, required=required)


SYMBOL = _parameter("symbol", required=True)
RANGE = [SYMBOL, _parameter("resolution", required=True), _parameter("from", int), _parameter("to", int)]


def udf_schema(operation: str, parameters: list[OpenApiParameter] | None = None) -> Any:
    """How a view of the protocol appears in the API's schema."""
    return extend_schema(
        operation_id=f"udf_{operation}", auth=[], parameters=parameters or [], responses={200: OpenApiTypes.OBJECT}
    )


class UdfView(PublicView):
    """A view of the protocol: what goes wrong is `{"s":"error","errmsg":...}`, with 200 where the asker was wrong."""

    person: Any = None

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """The request; who is signed in (looked up only when somebody asks) is kept for what is a person's own."""
        self.person = getattr(request, "user", None)
        return super().initialize_request(request, *args, **kwargs)

    @property
    def user_id(self) -> int | None:
        """Whose session it is."""
        signed_in = self.person is not None and self.person.is_authenticated
        return int(self.person.pk) if signed_in else None

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: ARG002
        """JSON, whatever the Accept header says."""
        return super().perform_content_negotiation(request, force=True)

    def handle_exception(self, exc: Exception) -> Response:
        """The refusal in the protocol's words; unexpected ones are logged and tell nothing."""
        response = exception_handler(exc, {"view": self})
        code, message = str(response.data.get("code", "")), str(response.data.get("message", ""))
        response.data = udf.error(udf.UNKNOWN_SYMBOL if code == udf.UNKNOWN_SYMBOL else message)
        if response.status_code < 429:
            response.status_code = 200
        response["Cache-Control"] = "no-store"
        response.exception = True
        return response


def _text(request: Request, name: str, longest: int = SYMBOL_LENGTH) -> str:
    """A text of the query, without what cannot be printed. Raises Invalid when it is too long."""
    value = request.query_params.get(name, "").strip()
    if len(value) > longest:
        raise Invalid("bad_request", f"{name} is too long")
    return value if value.isprintable() else ""


def _number(request: Request, name: str) -> int | None:
    """A whole number of the query. Raises Invalid."""
    value = request.query_params.get(name, "").strip()
    if not value:
        return None
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 15):
        raise Invalid("bad_request", f"{name} is not a whole number")
    return int(value)


def _known(request: Request) -> InstrumentView:
    """The instrument that is asked about. Raises NotFound."""
    found = instrument_find(_text(request, "symbol"))
    if found is None:
        raise NotFound(udf.UNKNOWN_SYMBOL, "unknown symbol")
    currency = _text(request, "currencyCode", 8)
    if currency and currency.upper() != found.currency:
        raise Invalid("bad_request", f"prices of {found.ticker} are in {found.currency} only")
    return found


class ConfigView(UdfView):
    """What the datafeed offers."""

    @udf_schema("config")
    def get(self, request: Request) -> HttpResponse:
        """DatafeedConfiguration."""
        body, age = kept("config", lambda: (document(udf.config(exchange_names())), CONFIG_SECONDS, CONFIG_SECONDS))
        return answer(request, body, max_age=age)


class SymbolsView(UdfView):
    """One symbol."""

    @udf_schema("symbols", [SYMBOL, _parameter("currencyCode"), _parameter("unitId")])
    def get(self, request: Request) -> HttpResponse:
        """SymbolInfo, by symbol or EXCHANGE:SYMBOL in any case."""
        found = _known(request)
        return answer(request, document(udf.symbol_info(symbols_of([found])[0])), max_age=SYMBOL_SECONDS)


class SymbolInfoView(UdfView):
    """All symbols of an exchange."""

    @udf_schema("symbol_info", [_parameter("group", required=True)])
    def get(self, request: Request) -> HttpResponse:
        """Columns of all symbols of a group: an exchange's code."""
        group = _text(request, "group", 16)

        def make() -> tuple[bytes, int, int]:
            rows = list(instruments_query(exchange=group)[:MAX_GROUP]) if group else []
            if not rows:
                raise NotFound("unknown_group", "unknown group")
            table = udf.symbol_table(symbols_of([instrument_view(row) for row in rows]))
            return document(table), CONFIG_SECONDS, CONFIG_SECONDS

        body, age = kept(f"group:{group.upper()}", make)
        return answer(request, body, max_age=age)


class SearchView(UdfView):
    """Finding symbols."""

    @udf_schema("search", [_parameter("query"), _parameter("type"), _parameter("exchange"), _parameter("limit", int)])
    def get(self, request: Request) -> HttpResponse:
        """What fits, best first; at most `limit` (30 unless told, never more than 50)."""
        wanted = _number(request, "limit")
        limit = 30 if wanted is None else min(max(wanted, 0), MAX_SEARCH)
        query, kind = _text(request, "query", 60), _text(request, "type", 12)
        found = instruments_search(query, exchange=_text(request, "exchange", 16), kind=kind, limit=limit)
        rows = [udf.search_row(symbol) for symbol in symbols_of(found[:limit])]
        return answer(request, document(rows), max_age=SEARCH_SECONDS)


class UdfHistoryView(UdfView):
    """Candles."""

    @udf_schema("history", [*RANGE, _parameter("countback", int), _parameter("currencyCode"), _parameter("unitId")])
    def get(self, request: Request) -> HttpResponse:
        """Columns of candles with from <= t < to; with `countback` the last so many before `to`, whatever `from` is.

        At most 5,000, the latest. `no_data` has the time of the closest earlier candle, where there is one.
        """
        unit = resolution_of(_text(request, "resolution", 8))
        start, end, count = (_number(request, name) for name in ("from", "to", "countback"))
        if count is not None and count <= 0:
            count = None
        if count is None and start is not None and end is not None and start > end:
            raise Invalid("bad_request", "from is after to")
        now = datetime.now(tz=UTC)
        if end is not None and end > now.timestamp():
            end = None  # asks for the newest, whoever's clock it is by
        end = None if end is None else min(max(end, 0), LATEST)
        count = None if count is None else min(count, MAX_CANDLES)
        start = None if count else start

        def make() -> tuple[bytes, int, int]:
            found = _known(request)
            got = candles(found.id, unit.name, start=start, end=end, countback=count, now=now)
            if not len(got):
                earlier = None if count else candle_before(found.id, unit.name, min(start or 0, end or LATEST))
                return document(udf.no_data(earlier)), SHORT, SHORT
            is_over = is_closed(found.id, end, unit.seconds, now.timestamp())
            return document(udf.history(got)), CLOSED_SECONDS if is_over else SHORT, LONG if is_over else SHORT

        asked = (_text(request, "symbol").upper(), _text(request, "currencyCode", 8).upper(), unit.name)
        body, age = kept(f"history:{asked}:{start}:{end}:{count}", make)
        return answer(request, body, max_age=age)


def _marks_asked(request: Request, user_id: int | None) -> list[Mark]:
    """The marks of the chart that is shown to a person."""
    found, unit = _known(request), resolution_of(_text(request, "resolution", 8) or "1D")
    start, end = _number(request, "from") or 0, _number(request, "to")
    wanted = MarksRequest(found.id, unit.name, start, LATEST if end is None else end, user_id)
    return marks_of(wanted)


class MarksView(UdfView):
    """Marks over candles."""

    @udf_schema("marks", RANGE)
    def get(self, request: Request) -> HttpResponse:
        """Columns of marks: corporate actions, and what others have registered."""
        body = document(udf.bar_marks(_marks_asked(request, self.user_id)))
        return answer(request, body, max_age=SYMBOL_SECONDS, private=self.user_id is not None)


class TimescaleMarksView(UdfView):
    """Marks on the axis of time."""

    @udf_schema("timescale_marks", RANGE)
    def get(self, request: Request) -> HttpResponse:
        """Splits, dividends and other corporate actions, and what others have registered."""
        body = document(udf.timescale_marks(_marks_asked(request, self.user_id)))
        return answer(request, body, max_age=SYMBOL_SECONDS, private=self.user_id is not None)


class TimeView(UdfView):
    """The server's clock."""

    @extend_schema(operation_id="udf_time", auth=[], responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, _request: Request) -> HttpResponse:
        """Whole seconds since the epoch, as text."""
        response = HttpResponse(str(now_seconds()), content_type="text/plain")
        response["Cache-Control"] = "no-store"
        return response


class QuotesView(UdfView):
    """Last prices."""

    @udf_schema("quotes", [_parameter("symbols", required=True)])
    def get(self, request: Request) -> HttpResponse:
        """The last prices of up to 50 symbols, in the order asked for; an unknown one is an error of its own."""
        raw = request.query_params.get("symbols", "")
        tickers = [part.strip() for part in raw.split(",") if part.strip()]
        if not tickers or len(tickers) > MAX_QUOTES or max(map(len, tickers)) > SYMBOL_LENGTH:
            raise Invalid("bad_request", f"name 1 to {MAX_QUOTES} symbols")

        def make() -> tuple[bytes, int, int]:
            return document({"s": "ok", "d": _quotes(tickers)}), 1, 1

        body, age = kept(f"quotes:{','.join(tickers)}", make)
        return answer(request, body, max_age=age)


def _quotes(tickers: list[str]) -> list[dict[str, Any]]:
    views = instruments_by_symbols(tickers)
    prices = prices_of([view.id for view in views.values()])
    rows = []
    for ticker in tickers:
        view = views.get(ticker)
        price = None if view is None else prices.get(view.id)
        if view is None or price is None:
            rows.append(udf.quote(ticker, {}, {}))
            continue
        values = {
            "lp": price.last,
            "ch": price.change,
            "chp": price.change_pct,
            "bid": price.bid,
            "ask": price.ask,
            "open_price": price.open,
            "high_price": price.high,
            "low_price": price.low,
            "prev_close_price": price.previous_close,
            "volume": price.volume,
        }
        facts = {"short_name": view.symbol, "exchange": view.exchange, "description": view.name}
        rows.append(udf.quote(ticker, facts, values))
    return rows
