"""Alpha Vantage through the `alpha_vantage` library: few requests a day, delayed prices, no stream.

It says everything with status 200: errors, and that a limit is reached, are told by keys of the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from threading import Event
from typing import Any, NoReturn
from urllib.parse import quote
from zoneinfo import ZoneInfo

from alpha_vantage.timeseries import TimeSeries  # type: ignore[import-untyped]
from requests import Session

from marketdata.adapters.vendors import common
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.adapters.vendors.transport import Gate, bound
from marketdata.domain.feed import FeedBar, LiveQuote, Print, micro_of
from marketdata.domain.providers import (
    DAY_MINUTES,
    Capabilities,
    InstrumentInfo,
    NewsItem,
    ProviderError,
    StreamSink,
    VendorStatus,
)
from marketdata.domain.types import Action

NAME = "alpha_vantage"
INTERVALS = {1: "1min", 5: "5min", 15: "15min", 30: "30min", 60: "60min"}
# The last hundred sessions come in a small answer that every plan includes.
COMPACT = timedelta(days=130)
REGIONS = {"United States": "US", "India/Bombay": "BSE", "India": "NSE"}
STATUS_REGIONS = {**dict.fromkeys(common.US_EXCHANGES, "United States"), "NSE": "India", "BSE": "India"}
KINDS = {"Equity": "stock", "ETF": "etf", "Mutual Fund": "etf"}
ZONES = {"US/Eastern": "America/New_York"}
CAPABILITIES = Capabilities(status=True, exchanges=common.US_EXCHANGES | common.INDIAN_EXCHANGES, delay_minutes=15)
_CLOSE = time(16)


class _Client(TimeSeries):
    """The library's client with our transport and our reading of errors; symbols are escaped in addresses."""

    def __init__(self, gate: Gate, *, key: str, base: str) -> None:
        super().__init__(key=key, output_format="json")
        self._gate, self._base = gate, base
        self._session = bound(Session(), gate)

    def ask(self, method: str, *arguments: str, **options: str) -> tuple[Any, Any]:
        """The data and its description as JSON: the library's own wrapping makes tables of lists."""
        wrapped = getattr(TimeSeries, method).__wrapped__
        answer, data, meta = wrapped(self, *(quote(argument, safe="") for argument in arguments), **options)
        return answer[data], answer[meta] if meta is not None else None

    def _handle_api_call(self, url: str) -> Any:
        answer = self._session.get(url.replace(TimeSeries._ALPHA_VANTAGE_API_URL, f"{self._base}/query?", 1)).json()
        if not isinstance(answer, dict):
            raise ProviderError(NAME, ProviderError.MALFORMED, "the answer is not an object")
        for key in ("Error Message", "Information", "Note"):
            if key in answer:
                _refused(key, common.hidden(common.text(answer[key]), self._gate.secrets))
        return answer


def _refused(key: str, words: str) -> NoReturn:
    """What the vendor means by it."""
    lower = words.lower()
    if "premium" in lower and "rate limit" not in lower and "per day" not in lower:
        raise ProviderError(NAME, ProviderError.NOT_ENTITLED, words)
    if key == "Error Message":
        is_key = "apikey" in lower and "invalid or missing" in lower
        raise ProviderError(NAME, ProviderError.UNAUTHORIZED if is_key else ProviderError.NOT_FOUND, words)
    raise ProviderError(NAME, ProviderError.RATE_LIMITED, words, 3_600.0 if "per day" in lower else 60.0)


class AlphaVantage:
    """See marketdata.domain.providers.Provider."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(self, *, key: str, url: str, timeout: float, symbols: Symbols) -> None:
        self.gate = Gate(NAME, timeout=timeout, secrets=(key,))
        self._symbols = symbols
        self._client = _Client(self.gate, key=quote(key, safe=""), base=url.rstrip("/"))

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Best matches."""
        with common.reading(NAME, "search"):
            rows, _ = self._client.ask("get_symbol_search", query)
            found = [self._info(row) for row in common.rows(rows, "bestMatches")]
        return [info for info in found if info is not None][: max(1, min(limit, 100))]

    def _info(self, row: Any, ours: str = "") -> InstrumentInfo | None:
        """A match; None when it is on an exchange that we do not know."""
        row = common.document(row, "a match")
        theirs, exchange = common.text(row.get("1. symbol"), 32), REGIONS.get(common.text(row.get("4. region")))
        if not theirs or exchange is None:
            return None
        return InstrumentInfo(
            symbol=ours or self._symbols.ours(theirs),
            name=common.text(row.get("2. name"), 120) or theirs,
            exchange=exchange,
            currency=common.text(row.get("8. currency"), 3) or "USD",
            kind=KINDS.get(common.text(row.get("3. type")), "stock"),
            vendor_symbol=theirs,
        )

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """Searched one by one."""
        found = []
        for theirs, ours in self._symbols.map(symbols).items():
            with common.reading(NAME, "instruments"):
                rows, _ = self._client.ask("get_symbol_search", theirs)
                same = [row for row in common.rows(rows, "bestMatches") if row.get("1. symbol") == theirs]
                info = self._info(same[0], ours) if same else None
            found += [info] if info is not None else []
        return found

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """One request a symbol; the vendor says the day only, so a quote is of the day's close in New York."""
        found = []
        for theirs, ours in self._symbols.map(symbols).items():
            with common.reading(NAME, "quotes"):
                row, _ = self._client.ask("get_quote_endpoint", theirs)
                found_one = _global_quote(ours, common.document(row, "a quote"))
            found += [found_one] if found_one is not None else []
        return found

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """Days in one answer, minutes a month at a time, both as traded."""
        theirs = self._symbols.theirs(symbol)
        if minutes != DAY_MINUTES and minutes not in INTERVALS:
            raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no bars of {minutes} minutes")
        for method, options in _questions(minutes, start, end):
            with common.reading(NAME, f"bars of {symbol}"):
                series, meta = self._client.ask(method, theirs, **options)
                page = _series(symbol, minutes, common.document(series, "a series"), common.document(meta, "meta"))
            if wanted := [bar for bar in page if micro_of(start) <= bar.at < micro_of(end)]:
                yield wanted

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:
        """Not offered by the library."""
        raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no corporate actions ({symbol}, {start} to {end})")

    def status(self, exchange: str) -> VendorStatus:
        """Whether a country's exchanges are open."""
        region = STATUS_REGIONS.get(exchange)
        if region is None:
            raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no status of {exchange}")
        with common.reading(NAME, "status"):
            rows, _ = self._client.ask("get_market_status")
            for row in common.rows(rows, "markets"):
                if row.get("market_type") == "Equity" and row.get("region") == region:
                    word = common.text(row.get("current_status"))
                    return VendorStatus(exchange, word == "open", datetime.now(tz=UTC), common.text(row.get("notes")))
            raise common.Odd("malformed", f"{region} is missing")

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """Not offered by the library."""
        raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no news ({symbol}, {limit})")

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:  # noqa: ARG002
        """There is none."""
        raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no stream ({len(symbols)} symbols)")


def _questions(minutes: int, start: datetime, end: datetime) -> Iterator[tuple[str, dict[str, str]]]:
    """What is asked for a stretch of bars: the library's method and its options."""
    if minutes == DAY_MINUTES:
        is_recent = datetime.now(tz=UTC) - start < COMPACT
        yield "get_daily", {"outputsize": "compact" if is_recent else "full"}
        return
    for month in _months(start, end):
        options = {"interval": INTERVALS[minutes], "outputsize": "full", "month": month, "adjusted": "false"}
        yield "get_intraday", options


def _months(start: datetime, end: datetime) -> Iterator[str]:
    """The months from `start` to just before `end`, in New York."""
    first, last = start.astimezone(common.NEW_YORK), (end - timedelta(microseconds=1)).astimezone(common.NEW_YORK)
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield f"{number // 12}-{number % 12 + 1:02}"


def _global_quote(symbol: str, row: Mapping[str, Any]) -> LiveQuote | None:
    """None when the symbol is not known: the document is empty then."""
    if not row.get("05. price"):
        return None
    on = common.day(row.get("07. latest trading day"), "latest trading day")
    closes = micro_of(datetime.combine(on, _CLOSE, tzinfo=common.NEW_YORK))
    opened, high, low = (common.price_or_none(row.get(name), name) for name in ("02. open", "03. high", "04. low"))
    return common.latest(
        NAME,
        Print(symbol, min(closes, common.now_micros()), last=common.price(row["05. price"], "price")),
        session=on,
        ohlv=(opened, high, low, common.count(row.get("06. volume"), "volume")),
        previous_close=common.price_or_none(row.get("08. previous close"), "previous close"),
    )


def _series(symbol: str, minutes: int, series: Mapping[str, Any], meta: Mapping[str, Any]) -> list[FeedBar]:
    """A series as bars, ascending (the vendor's newest is first)."""
    said = next((common.text(value) for key, value in meta.items() if "Time Zone" in key), "US/Eastern")
    zone = ZoneInfo(ZONES.get(said, said))
    names = ("1. open", "2. high", "3. low", "4. close")
    bars = []
    for text, value in series.items():
        row = common.document(value, "a bar")
        # Noon is on the trade date in New York whatever the season.
        at = datetime.fromisoformat(f"{text} 12:00:00" if minutes == DAY_MINUTES else text).replace(
            tzinfo=common.NEW_YORK if minutes == DAY_MINUTES else zone
        )
        ohlc = tuple(row.get(name) for name in names)
        bars.append(common.bar(symbol, minutes, micro_of(at), ohlc, row.get("5. volume")))  # type: ignore[arg-type]
    return sorted(bars, key=lambda bar: bar.at)
