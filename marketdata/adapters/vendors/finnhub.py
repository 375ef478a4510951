"""Finnhub through the `finnhub-python` library: last prices and trades, no bid and ask; candles need a paid plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any

import finnhub  # type: ignore[import-untyped]

from marketdata.adapters.vendors import common, finnhub_stream
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.adapters.vendors.transport import Gate, bound
from marketdata.domain.feed import MICRO, FeedBar, LiveQuote, Print, at_of, micro_of
from marketdata.domain.providers import (
    DAY_MINUTES,
    Capabilities,
    InstrumentInfo,
    NewsItem,
    ProviderError,
    StreamSink,
    VendorStatus,
)
from marketdata.domain.splits import split_ratio
from marketdata.domain.types import Action

NAME = "finnhub"
RESOLUTIONS = {1: "1", 5: "5", 15: "15", 30: "30", 60: "60", DAY_MINUTES: "D"}
WINDOW = timedelta(days=28)
DAILY_WINDOW = timedelta(days=3_650)
STATUS_CODES = {**dict.fromkeys(common.US_EXCHANGES, "US"), "NSE": "NS", "BSE": "BO"}
PLACES = (
    *(("NEW YORK STOCK EXCHANGE", "NYSE"), ("NASDAQ", "NASDAQ"), ("NYSE ARCA", "ARCA"), ("NYSE MKT", "AMEX")),
    *(("NYSE AMERICAN", "AMEX"), ("BATS", "BATS"), ("NATIONAL STOCK EXCHANGE OF INDIA", "NSE"), ("BSE", "BSE")),
)
SUFFIXES = {"NS": "NSE", "BO": "BSE"}
KINDS = {"ETP": "etf", "ETF": "etf", "INDEX": "index"}
CAPABILITIES = Capabilities(
    stream=True,
    actions=True,
    news=True,
    status=True,
    exchanges=common.US_EXCHANGES | common.INDIAN_EXCHANGES,
    max_symbols=50,
)


class Finnhub:
    """See marketdata.domain.providers.Provider."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(self, *, key: str, url: str, stream_url: str, timeout: float, symbols: Symbols) -> None:
        self.gate = Gate(NAME, timeout=timeout, secrets=(key,))
        self._key, self._stream_url, self._symbols = key, stream_url, symbols
        self._client = finnhub.Client(api_key=key)
        self._client.API_URL = url.rstrip("/")
        # In a header, which the vendor takes as well, the key is in no address.
        session = bound(self._client._session, self.gate)
        session.params = {}
        session.headers["X-Finnhub-Token"] = key

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Best matches."""
        with common.reading(NAME, "search"):
            answer = common.document(self._client.symbol_lookup(query), "search")
            found = [self._found(row) for row in common.rows(answer.get("result"), "result")]
        return [info for info in found if info is not None][: max(1, min(limit, 100))]

    def _found(self, row: Any, ours: str = "") -> InstrumentInfo | None:
        """A match of a search; None when it is on an exchange that we do not know."""
        row = common.document(row, "a match")
        theirs = common.text(row.get("symbol"), 32)
        head, dot, suffix = theirs.rpartition(".")
        # One letter after a dot is a class of shares, more are an exchange.
        exchange = SUFFIXES.get(suffix, "") if dot and head and len(suffix) > 1 else "US"
        if not theirs or not exchange:
            return None
        return InstrumentInfo(
            symbol=ours or self._symbols.ours(theirs),
            name=common.text(row.get("description"), 120) or theirs,
            exchange=exchange,
            currency="USD" if exchange == "US" else "INR",
            kind=KINDS.get(common.text(row.get("type")).upper(), "stock"),
            vendor_symbol=theirs,
        )

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """Company profiles; what has none (a fund) is searched for."""
        found = []
        with common.reading(NAME, "instruments"):
            for theirs, ours in self._symbols.map(symbols).items():
                info = self._profile(theirs, ours) or self._exact(theirs, ours)
                found += [info] if info is not None else []
        return found

    def _profile(self, theirs: str, ours: str) -> InstrumentInfo | None:
        row = common.document(self._client.company_profile2(symbol=theirs), "a profile")
        if not row.get("ticker"):
            return None
        place = common.text(row.get("exchange")).upper()
        return InstrumentInfo(
            symbol=ours,
            name=common.text(row.get("name"), 120) or theirs,
            exchange=next((code for prefix, code in PLACES if place.startswith(prefix)), "US"),
            currency=common.text(row.get("currency"), 3) or "USD",
            sector=common.text(row.get("finnhubIndustry"), 40),
            vendor_symbol=theirs,
        )

    def _exact(self, theirs: str, ours: str) -> InstrumentInfo | None:
        answer = common.document(self._client.symbol_lookup(theirs), "search")
        rows = [row for row in common.rows(answer.get("result"), "result") if row.get("symbol") == theirs]
        return self._found(rows[0], ours) if rows else None

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """One request a symbol."""
        found = []
        with common.reading(NAME, "quotes"):
            for theirs, ours in self._symbols.map(symbols).items():
                row = common.document(self._client.quote(theirs), "a quote")
                last = common.price_or_none(row.get("c"), "last price")
                # An unknown symbol is answered with zeros.
                if not last or not row.get("t"):
                    continue
                opened, high, low = (common.price_or_none(row.get(name), name) for name in ("o", "h", "l"))
                found.append(
                    common.latest(
                        NAME,
                        Print(ours, common.since_epoch(row["t"], 1, "t"), last=last),
                        ohlv=(opened, high, low, 0),
                        previous_close=common.price_or_none(row.get("pc"), "previous close"),
                    )
                )
        return found

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """Candles. Days come adjusted for splits, which is undone here; without the splits there are no days."""
        resolution = RESOLUTIONS.get(minutes)
        if resolution is None:
            raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no bars of {minutes} minutes")
        theirs, first, last = self._symbols.theirs(symbol), micro_of(start), micro_of(end)
        is_daily = minutes == DAY_MINUTES
        splits = self._splits(theirs, start.date(), datetime.now(tz=UTC).date()) if is_daily else []
        since, window = start, DAILY_WINDOW if is_daily else WINDOW
        while since < end:
            until = min(end, since + window)
            with common.reading(NAME, f"bars of {symbol}"):
                answer = self._client.stock_candles(
                    theirs, resolution, int(since.timestamp()), int(-(-micro_of(until) // MICRO))
                )
                page = [bar for bar in _candles(symbol, minutes, answer) if first <= bar.at < last]
                page = [_as_traded(bar, splits) for bar in page] if splits else page
            if page:
                yield page
            since = until

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:
        """Splits and cash dividends; both need a paid plan."""
        theirs = self._symbols.theirs(symbol)
        found = [Action("split", on, ratio) for on, ratio in self._splits(theirs, start, end)]
        with common.reading(NAME, f"actions of {symbol}"):
            answer = self._client.stock_dividends(theirs, _from=start.isoformat(), to=end.isoformat())
            for row in common.rows(answer, "dividends"):
                amount = common.decimal(common.document(row, "a dividend").get("amount"), "amount")
                found.append(Action("dividend", common.day(row.get("date"), "date"), amount))
        return sorted(found, key=lambda action: (action.ex_date, action.kind))

    def _splits(self, theirs: str, start: date, end: date) -> list[tuple[date, Decimal]]:
        with common.reading(NAME, "splits"):
            answer = self._client.stock_splits(theirs, _from=start.isoformat(), to=end.isoformat())
            return sorted(_split(row) for row in common.rows(answer, "splits"))

    def status(self, exchange: str) -> VendorStatus:
        """Whether an exchange is open."""
        code = STATUS_CODES.get(exchange)
        if code is None:
            raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"no status of {exchange}")
        with common.reading(NAME, "status"):
            row = common.document(self._client.market_status(exchange=code), "status")
            if not isinstance(row.get("isOpen"), bool):
                raise common.Odd("malformed", "isOpen is missing")
            note = common.text(row.get("holiday") or row.get("session"))
            return VendorStatus(exchange, row["isOpen"], at_of(common.since_epoch(row.get("t"), 1, "t")), note)

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """A month of articles, newest first."""
        today = datetime.now(tz=UTC).date()
        with common.reading(NAME, f"news of {symbol}"):
            answer = self._client.company_news(
                self._symbols.theirs(symbol), _from=(today - timedelta(days=30)).isoformat(), to=today.isoformat()
            )
            items = [_article(symbol, row) for row in common.rows(answer, "news")[:500]]
        return sorted(items, key=lambda item: item.at, reverse=True)[: max(1, min(limit, 50))]

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:
        """Trades only."""
        wanted = self._symbols.map(symbols)
        if len(wanted) > CAPABILITIES.max_symbols:
            why = f"the feed takes at most {CAPABILITIES.max_symbols} symbols"
            raise ProviderError(NAME, ProviderError.UNSUPPORTED, why)
        finnhub_stream.run(wanted, sink, stop, key=self._key, url=self._stream_url, timeout=self.gate.timeout)


def _candles(symbol: str, minutes: int, answer: Any) -> list[FeedBar]:
    answer = common.document(answer, "candles")
    if answer.get("s") == "no_data":
        return []
    if answer.get("s") != "ok":
        raise common.Odd("malformed", "candles without a status")
    columns = [common.rows(answer.get(name), name) for name in "tohlcv"]
    if len({len(column) for column in columns}) != 1:
        raise common.Odd("malformed", "candles of different lengths")
    return sorted(
        (
            common.bar(symbol, minutes, _begins(at, minutes), (opened, high, low, close), volume)
            for at, opened, high, low, close, volume in zip(*columns, strict=True)
        ),
        key=lambda bar: bar.at,
    )


def _begins(raw: Any, minutes: int) -> int:
    """When a candle begins. A day's is at midnight in UTC or in New York; noon is on the same date in both."""
    at = common.since_epoch(raw, 1, "t")
    return at + 12 * 3_600 * MICRO if minutes == DAY_MINUTES and at % (86_400 * MICRO) == 0 else at


def _as_traded(bar: FeedBar, splits: list[tuple[date, Decimal]]) -> FeedBar:
    """A day in today's shares as it was traded."""
    ratio = split_ratio(splits, at_of(bar.at).date(), date.max)
    if ratio == 1:
        return bar
    prices = {name: round(getattr(bar, name) / ratio) for name in ("open", "high", "low", "close")}
    return bar._replace(**prices, volume=round(bar.volume * ratio))


def _split(row: Any) -> tuple[date, Decimal]:
    row = common.document(row, "a split")
    ratio = common.decimal(row.get("toFactor"), "toFactor") / common.decimal(row.get("fromFactor"), "fromFactor")
    return common.day(row.get("date"), "date"), ratio.quantize(Decimal("1e-8"))


def _article(symbol: str, row: Any) -> NewsItem:
    row = common.document(row, "an article")
    return NewsItem(
        id=common.text(row.get("id"), 80),
        at=at_of(common.since_epoch(row.get("datetime"), 1, "datetime")),
        title=common.text(row.get("headline")),
        url=common.text(row.get("url"), 500),
        publisher=common.text(row.get("source"), 80),
        symbols=(symbol,),
        summary=common.text(row.get("summary"), 500),
    )
