"""Polygon (now Massive): US stocks through the `polygon-api-client` library."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from threading import Event
from typing import Any
from urllib.parse import urlparse

import certifi
import orjson
from polygon import RESTClient  # type: ignore[import-untyped]

from marketdata.adapters.vendors import common, polygon_stream
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.adapters.vendors.transport import BoundedPool, Gate
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

NAME = "polygon"
MAX_PAGES = 400
BARS_A_PAGE = 5_000
QUOTES_A_CALL = 200
KINDS = {"ETF": "etf", "ETN": "etf", "ETV": "etf", "ETS": "etf", "INDEX": "index"}
CAPABILITIES = Capabilities(stream=True, actions=True, news=True, status=True, exchanges=common.US_EXCHANGES)


class _Json:
    """The JSON that the client reads: bad JSON is an error and not an empty list, `"next_url": null` is left out."""

    @staticmethod
    def loads(raw: str) -> Any:
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ProviderError(NAME, ProviderError.MALFORMED, "the answer is not whole JSON") from error
        if isinstance(found, dict):
            found = {key: value for key, value in found.items() if value is not None}
        return found

    dumps = staticmethod(json.dumps)


class _Client(RESTClient):
    """The library's client with our transport; pages end, whatever the vendor says."""

    def __init__(self, gate: Gate, *, key: str, base: str) -> None:
        super().__init__(api_key=key, base=base, retries=0, custom_json=_Json)
        self.client = BoundedPool(gate, headers=self.headers, ca_certs=certifi.where(), cert_reqs="CERT_REQUIRED")

    def _paginate_iter(
        self,
        path: str,
        params: dict[str, Any],
        deserializer: Callable[[Any], Any],
        result_key: str = "results",
        options: Any = None,
    ) -> Iterator[Any]:
        seen: set[str] = set()
        while path not in seen and len(seen) < MAX_PAGES:
            seen.add(path)
            answer = self._decode(self._get(path=path, params=params, raw=True, options=options))
            yield from map(deserializer, common.rows(answer.get(result_key), result_key))
            if not answer.get("next_url"):
                return
            following = urlparse(str(answer["next_url"]))
            path, params = f"{following.path}?{following.query}" if following.query else following.path, {}
        raise ProviderError(NAME, ProviderError.MALFORMED, f"the pages do not end after {len(seen)}")


class Polygon:
    """See marketdata.domain.providers.Provider."""

    name = NAME
    capabilities = CAPABILITIES

    def __init__(self, *, key: str, rest_url: str, stream_url: str, timeout: float, symbols: Symbols) -> None:
        self.gate = Gate(NAME, timeout=timeout, secrets=(key,))
        self._key, self._stream_url, self._symbols = key, stream_url, symbols
        self._client = _Client(self.gate, key=key, base=rest_url.rstrip("/"))

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Active stocks and funds."""
        limit = max(1, min(limit, 100))
        with common.reading(NAME, "search"):
            found = self._client.list_tickers(
                search=query, market="stocks", active=True, limit=limit, sort=None, order=None
            )
            return [self._info(row) for row in islice(found, limit)]

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """One request a symbol."""
        found = []
        with common.reading(NAME, "instruments"):
            for theirs, ours in self._symbols.map(symbols).items():
                rows = self._client.list_tickers(ticker=theirs, market="stocks", limit=2)
                found += [self._info(row, ours) for row in islice(rows, 2) if row.ticker == theirs][:1]
        return found

    def _info(self, row: Any, ours: str = "") -> InstrumentInfo:
        theirs = common.text(row.ticker, 32)
        if not theirs:
            raise common.Odd("malformed", "an instrument has no ticker")
        return InstrumentInfo(
            symbol=ours or self._symbols.ours(theirs),
            name=common.text(row.name, 120) or theirs,
            exchange=common.EXCHANGES.get(common.text(row.primary_exchange), "US"),
            currency=(common.text(row.currency_name, 3) or "usd").upper(),
            kind=KINDS.get(common.text(row.type), "stock"),
            vendor_symbol=theirs,
            is_active=row.active is not False,
        )

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """Snapshots. Cheaper plans have no trades and quotes in them: the last price is then the minute's or the day's
        close, and there is no bid and no ask.
        """
        wanted = self._symbols.map(symbols)
        found = []
        with common.reading(NAME, "quotes"):
            for chunk in chunks(list(wanted), QUOTES_A_CALL):
                for row in self._client.get_snapshot_all("stocks", tickers=chunk):
                    if row.ticker in wanted and (quote := _snapshot(wanted[row.ticker], row)) is not None:
                        found.append(quote)
        return found

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """Unadjusted aggregates."""
        first, last = micro_of(start), micro_of(end)
        if minutes == DAY_MINUTES:
            span, multiple = "day", 1
            from_, to = start.date().isoformat(), end.date().isoformat()
        else:
            span, multiple = "minute", minutes
            from_, to = str(-(-first // 1000)), str((last - 1) // 1000)
        with common.reading(NAME, f"bars of {symbol}"):
            rows = self._client.list_aggs(
                self._symbols.theirs(symbol), multiple, span, from_, to, adjusted=False, sort="asc", limit=50_000
            )
            bars = (_bar(symbol, minutes, row) for row in rows)
            wanted = (bar for bar in bars if first <= bar.at < last)
            while page := list(islice(wanted, BARS_A_PAGE)):
                yield page

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:
        """Splits and cash dividends."""
        theirs = self._symbols.theirs(symbol)
        with common.reading(NAME, f"actions of {symbol}"):
            splits = self._client.list_splits(
                ticker=theirs, execution_date_gte=start, execution_date_lte=end, limit=1000, order="asc"
            )
            found = [_split(row) for row in splits]
            dividends = self._client.list_dividends(
                ticker=theirs, ex_dividend_date_gte=start, ex_dividend_date_lte=end, limit=1000, order="asc"
            )
            found += [_dividend(row) for row in dividends]
        return sorted(found, key=lambda action: (action.ex_date, action.kind))

    def status(self, exchange: str) -> VendorStatus:
        """What the vendor says of New York now."""
        with common.reading(NAME, "status"):
            row = self._client.get_market_status()
            said = {"NYSE": row.exchanges.nyse, "NASDAQ": row.exchanges.nasdaq} if row.exchanges is not None else {}
            word = common.text(said.get(exchange) or row.market)
            at = datetime.fromisoformat(row.server_time)
            if not word or at.tzinfo is None:
                raise common.Odd("malformed", "the market's status is missing")
        return VendorStatus(exchange, word == "open", at, word)

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """Articles, newest first."""
        limit = max(1, min(limit, 50))
        with common.reading(NAME, f"news of {symbol}"):
            rows = self._client.list_ticker_news(
                ticker=self._symbols.theirs(symbol), limit=limit, sort="published_utc", order="desc"
            )
            return [self._news(row) for row in islice(rows, limit)]

    def _news(self, row: Any) -> NewsItem:
        return NewsItem(
            id=common.text(row.id, 80),
            at=datetime.fromtimestamp(common.stamp(row.published_utc, "published_utc") / 1_000_000, tz=UTC),
            title=common.text(row.title),
            url=common.text(row.article_url, 500),
            publisher=common.text(row.publisher.name if row.publisher is not None else "", 80),
            symbols=tuple(self._symbols.ours(common.text(ticker, 32)) for ticker in (row.tickers or [])[:20]),
            summary=common.text(row.description, 500),
        )

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:
        """Trades, quotes and minute bars."""
        polygon_stream.run(
            self._symbols.map(symbols),
            *(sink, stop),
            key=self._key,
            url=self._stream_url,
            timeout=self.gate.timeout,
        )


def chunks(items: list[str], size: int) -> Iterable[list[str]]:
    """Parts of at most `size`."""
    return (items[at : at + size] for at in range(0, len(items), size))


def _bar(symbol: str, minutes: int, row: Any) -> FeedBar:
    at = common.since_epoch(row.timestamp, 1_000, "a bar's time")
    return common.bar(symbol, minutes, at, (row.open, row.high, row.low, row.close), row.volume, row.transactions)


def _snapshot(symbol: str, row: Any) -> LiveQuote | None:
    """A snapshot as a quote; None when nothing has traded."""
    trade, quote, minute, session, before = row.last_trade, row.last_quote, row.min, row.day, row.prev_day
    times = [
        *((common.count(trade.sip_timestamp, "t") // 1_000,) if trade is not None else ()),
        *((common.count(quote.sip_timestamp, "t") // 1_000,) if quote is not None else ()),
    ]
    last = common.price_or_none(trade.price, "last trade") if trade is not None else 0
    if minute is not None and not last:
        last = common.price_or_none(minute.close, "minute's close")
        times.append(common.count(minute.timestamp, "t") * 1_000)
    if session is not None and not last:
        last = common.price_or_none(session.close, "day's close")
    previous = common.price_or_none(before.close, "previous close") if before is not None else 0
    last = last or previous
    at = max(times, default=0) or common.count(row.updated, "updated") // 1_000
    if not last or not at:
        return None
    bid = ask = bid_size = ask_size = volume = 0
    ohl = [0, 0, 0]
    if quote is not None:
        bid, ask = common.price_or_none(quote.bid_price, "bid"), common.price_or_none(quote.ask_price, "ask")
        bid_size, ask_size = common.count(quote.bid_size, "bid size"), common.count(quote.ask_size, "ask size")
    if session is not None:
        ohl = [common.price_or_none(getattr(session, name), name) for name in ("open", "high", "low")]
        volume = common.count(session.volume, "volume")
    return common.latest(
        NAME,
        Print(symbol, at, bid, ask, bid_size, ask_size, last),
        ohlv=(ohl[0], ohl[1], ohl[2], volume),
        previous_close=previous,
    )


def _split(row: Any) -> Action:
    ratio = common.decimal(row.split_to, "split_to") / common.decimal(row.split_from, "split_from")
    return Action("split", common.day(row.execution_date, "execution_date"), ratio.quantize(Decimal("1e-8")))


def _dividend(row: Any) -> Action:
    return Action(
        "dividend", common.day(row.ex_dividend_date, "ex_dividend_date"), common.decimal(row.cash_amount, "cash_amount")
    )
