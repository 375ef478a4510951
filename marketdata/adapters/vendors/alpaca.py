"""Alpaca: US stocks through the `alpaca-py` library; `iex` is one exchange's prices, `sip` all of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Event, Lock
from typing import Any

from alpaca.data.enums import Adjustment, CorporateActionsType, DataFeed
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.historical.news import NewsClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import CorporateActionsRequest, NewsRequest, StockBarsRequest, StockSnapshotRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, AssetStatus
from alpaca.trading.requests import GetAssetsRequest

from marketdata.adapters.vendors import alpaca_stream, common
from marketdata.adapters.vendors import alpaca_values as values
from marketdata.adapters.vendors.symbols import Symbols
from marketdata.adapters.vendors.transport import Gate, bound
from marketdata.domain.feed import FeedBar, LiveQuote, at_of, micro_of
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

NAME = "alpaca"
FREE_SYMBOLS = 30
BARS_A_PAGE = 10_000
QUOTES_A_CALL = 100
ASSETS_SECONDS = 3_600.0
MANY = 5


class Alpaca:
    """See marketdata.domain.providers.Provider."""

    name = NAME

    def __init__(
        self,
        *,
        key: str,
        secret: str,
        feed: str,
        data_url: str,
        trading_url: str,
        stream_url: str,
        timeout: float,
        symbols: Symbols,
    ) -> None:
        self.gate = Gate(NAME, timeout=timeout, secrets=(key, secret))
        self.gate.judge = values.judge
        self._keys, self._feed, self._symbols = (key, secret), DataFeed(feed), symbols
        self._stream_url = f"{stream_url.rstrip('/')}/v2/{feed}"
        data: dict[str, Any] = {"api_key": key, "secret_key": secret, "raw_data": True}
        data["url_override"] = data_url.rstrip("/")
        self._data = StockHistoricalDataClient(**data)
        self._actions = CorporateActionsClient(**data)
        self._news = NewsClient(**data)
        self._trading = TradingClient(key, secret, raw_data=True, url_override=trading_url.rstrip("/"))
        for client in (self._data, self._actions, self._news, self._trading):
            client._retry = 0
            bound(client._session, self.gate)
        self._assets: dict[str, InstrumentInfo] = {}
        self._assets_at = 0.0
        self._lock = Lock()

    @property
    def capabilities(self) -> Capabilities:
        """The free feed is bounded."""
        bounded = FREE_SYMBOLS if self._feed is DataFeed.IEX else 0
        return Capabilities(
            *(True, True, True, True, True, True, True, True), exchanges=common.US_EXCHANGES, max_symbols=bounded
        )

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Among the assets that the vendor lists, which are asked for once an hour."""
        wanted = query.strip().upper()
        found = [
            (info.symbol != wanted, not info.symbol.startswith(wanted), info.symbol, info)
            for info in self._listed().values()
            if info.symbol.startswith(wanted) or wanted in info.name.upper()
        ]
        return [info for *_, info in sorted(found, key=lambda row: row[:3])[: max(1, min(limit, 100))]]

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """A few are asked for one by one, many are looked up in the whole list."""
        wanted = self._symbols.map(symbols)
        if len(wanted) > MANY:
            listed = self._listed()
            return [listed[ours] for ours in wanted.values() if ours in listed]
        found = []
        with common.reading(NAME, "instruments"):
            for theirs, ours in wanted.items():
                try:
                    row = self._trading.get_asset(theirs)
                except ProviderError as error:
                    if error.code != ProviderError.NOT_FOUND:
                        raise
                    continue
                found.append(self._info(row, ours))
        return found

    def _listed(self) -> dict[str, InstrumentInfo]:
        with self._lock:
            if not self._assets or time.monotonic() - self._assets_at > ASSETS_SECONDS:
                request = GetAssetsRequest(status=AssetStatus.ACTIVE, asset_class=AssetClass.US_EQUITY)
                with common.reading(NAME, "assets"):
                    found = [self._info(row) for row in common.rows(self._trading.get_all_assets(request), "assets")]
                self._assets = {info.symbol: info for info in found}
                self._assets_at = time.monotonic()
            return self._assets

    def _info(self, row: Any, ours: str = "") -> InstrumentInfo:
        row = common.document(row, "an asset")
        theirs, step = common.text(row.get("symbol"), 32), row.get("price_increment")
        if not theirs:
            raise common.Odd("malformed", "an asset has no symbol")
        return InstrumentInfo(
            symbol=ours or self._symbols.ours(theirs),
            name=common.text(row.get("name"), 120) or theirs,
            exchange=common.EXCHANGES.get(common.text(row.get("exchange")), "US"),
            vendor_symbol=theirs,
            is_active=row.get("status") == "active",
            tick_size=common.decimal(step, "price_increment") if step else Decimal("0.01"),
        )

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """Snapshots."""
        wanted = self._symbols.map(symbols)
        names, found = list(wanted), []
        with common.reading(NAME, "quotes"):
            for at in range(0, len(names), QUOTES_A_CALL):
                for theirs, row in self._snapshots(names[at : at + QUOTES_A_CALL]).items():
                    if (
                        row is not None
                        and theirs in wanted
                        and (quote := values.snapshot(wanted[theirs], row)) is not None
                    ):
                        found.append(quote)
        return found

    def _snapshots(self, names: list[str]) -> dict[str, Any]:
        """Snapshots of these; one symbol that the vendor refuses spoils the whole request, so it is halved."""
        try:
            answer = self._data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=names, feed=self._feed))
            return dict(common.document(answer, "snapshots"))
        except ProviderError as error:
            if error.code != ProviderError.NOT_FOUND:
                raise
            if len(names) == 1:
                return {}
        half = len(names) // 2
        return self._snapshots(names[:half]) | self._snapshots(names[half:])

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """Raw bars, a request a page."""
        theirs, first, last = self._symbols.theirs(symbol), micro_of(start), micro_of(end)
        frame = values.frame(minutes)
        # A day's bar is at midnight in New York, later than where our day begins: ask for one day more.
        until = end + timedelta(days=1) if minutes == DAY_MINUTES else end
        since = start
        while since < until:
            request = StockBarsRequest(
                symbol_or_symbols=theirs,
                timeframe=frame,
                start=since,
                end=until,
                limit=BARS_A_PAGE,
                adjustment=Adjustment.RAW,
                feed=self._feed,
            )
            with common.reading(NAME, f"bars of {symbol}"):
                answer = common.document(self._data.get_stock_bars(request), "bars")
                rows = common.rows(answer.get(theirs), "bars")
                page = [values.bar(symbol, minutes, row) for row in rows]
                after = common.stamp(rows[-1].get("t"), "t") + 1 if rows else 0
            if wanted := [bar for bar in page if first <= bar.at < last]:
                yield wanted
            if len(rows) < BARS_A_PAGE or at_of(after) <= since:
                return
            since = at_of(after)

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:
        """Splits and cash dividends."""
        theirs = self._symbols.theirs(symbol)
        kinds = [
            CorporateActionsType.FORWARD_SPLIT,
            CorporateActionsType.REVERSE_SPLIT,
            CorporateActionsType.CASH_DIVIDEND,
        ]
        with common.reading(NAME, f"actions of {symbol}"):
            request = CorporateActionsRequest(symbols=[theirs], types=kinds, start=start, end=end)
            answer = common.document(self._actions.get_corporate_actions(request), "corporate actions")
            found = [
                values.split(row) for kind in ("forward_splits", "reverse_splits") for row in answer.get(kind) or []
            ]
            found += [values.dividend(row) for row in answer.get("cash_dividends") or []]
        return sorted(found, key=lambda action: (action.ex_date, action.kind))

    def status(self, exchange: str) -> VendorStatus:
        """The vendor's clock."""
        with common.reading(NAME, "status"):
            row = common.document(self._trading.get_clock(), "the clock")
            if not isinstance(row.get("is_open"), bool):
                raise common.Odd("malformed", "is_open is missing")
            return VendorStatus(exchange, row["is_open"], at_of(common.stamp(row.get("timestamp"), "timestamp")))

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """Articles, newest first."""
        limit = max(1, min(limit, 50))
        with common.reading(NAME, f"news of {symbol}"):
            # Without a start the vendor means today only.
            request = NewsRequest(
                symbols=self._symbols.theirs(symbol), limit=limit, sort="desc", start=datetime(2015, 1, 1, tzinfo=UTC)
            )
            answer = common.document(self._news.get_news(request), "news")
            return [self._item(row) for row in common.rows(answer.get("news"), "news")[:limit]]

    def _item(self, row: Any) -> NewsItem:
        row = common.document(row, "an article")
        return NewsItem(
            id=common.text(row.get("id"), 80),
            at=at_of(common.stamp(row.get("created_at"), "created_at")),
            title=common.text(row.get("headline")),
            url=common.text(row.get("url"), 500),
            publisher=common.text(row.get("source"), 80),
            symbols=tuple(self._symbols.ours(common.text(one, 32)) for one in (row.get("symbols") or [])[:20]),
            summary=common.text(row.get("summary"), 500),
        )

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:
        """Trades, quotes, minute bars and halts."""
        wanted, bounded = self._symbols.map(symbols), self.capabilities.max_symbols
        if bounded and len(wanted) > bounded:
            raise ProviderError(NAME, ProviderError.UNSUPPORTED, f"the feed takes at most {bounded} symbols")
        alpaca_stream.run(
            *(wanted, sink, stop), keys=self._keys, feed=self._feed, url=self._stream_url, timeout=self.gate.timeout
        )
