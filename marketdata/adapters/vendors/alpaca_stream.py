"""Alpaca's stream through the library's StockDataStream, whose own loop swallows errors and reconnects for ever: its
connection, handshake and reading are used, its loop is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from threading import Event
from typing import Any

from alpaca.data.enums import DataFeed
from alpaca.data.live.stock import StockDataStream
from msgpack import Timestamp  # type: ignore[import-untyped]

from marketdata.adapters.vendors import common, streaming
from marketdata.domain.feed import MICRO, FeedBar, Print
from marketdata.domain.providers import ProviderError, StreamSink

NAME = "alpaca"
# Trades that do not set the last price by the consolidated tape's rules, as for Polygon.
NOT_LAST = frozenset("CHMNPQRUVWZ79")
HALTED, TRADING = frozenset({"H", "P", "2"}), frozenset({"T", "3"})
CODES = {
    **{401: ProviderError.UNAUTHORIZED, 402: ProviderError.UNAUTHORIZED, 405: ProviderError.UNSUPPORTED},
    **{408: ProviderError.NOT_ENTITLED, 409: ProviderError.NOT_ENTITLED},
}


def run(
    symbols: Mapping[str, str],
    sink: StreamSink,
    stop: Event,
    *,
    keys: tuple[str, str],
    feed: DataFeed,
    url: str,
    timeout: float,
) -> None:
    """Stream `symbols` (theirs to ours) until `stop`."""

    def connect(session: streaming.Session) -> None:
        client = _Stream(session, symbols, keys, feed, url, timeout)
        streaming.supervise(session, stop, timeout=timeout, work=client.work, close=client.close)

    streaming.keep(lambda: streaming.Session(NAME, sink), connect, stop)


async def _handled(_message: Any) -> None:
    """The library wants a handler for what it subscribes; messages are taken before they get there."""


class _Stream(StockDataStream):
    def __init__(
        self,
        session: streaming.Session,
        symbols: Mapping[str, str],
        keys: tuple[str, str],
        feed: DataFeed,
        url: str,
        timeout: float,
    ) -> None:
        limits = {"ping_interval": 10, "ping_timeout": 20, "max_queue": 1024, "close_timeout": 1}
        super().__init__(
            *keys, raw_data=True, feed=feed, url_override=url, websocket_params={**limits, "open_timeout": timeout}
        )
        self._session, self._symbols_of, self._secrets = session, symbols, keys
        self._prints: list[Print] = []
        self._bars: list[FeedBar] = []
        for subscribe in (
            self.subscribe_trades,
            self.subscribe_quotes,
            self.subscribe_bars,
            self.subscribe_updated_bars,
            self.subscribe_trading_statuses,
        ):
            subscribe(_handled, *symbols)

    async def work(self) -> None:
        """Connect, subscribe, read until it is over."""
        try:
            await self._start_ws()
            await self._send_subscribe_msg()
            await self._consume()
        except ProviderError:
            raise
        except ValueError as error:
            raise self._refused(str(error)) from None
        except Exception as error:  # whatever the client met: sockets, frames that are not MessagePack
            raise self._session.lost(f"the connection was lost ({type(error).__name__})") from None

    def _refused(self, words: str) -> ProviderError:
        """What the handshake's ValueError means; the library keeps the words and loses the code."""
        code = ProviderError.UNAVAILABLE
        if "auth failed" in words or "not authenticated" in words:
            code = ProviderError.UNAUTHORIZED
        elif "insufficient subscription" in words or "not enabled" in words:
            code = ProviderError.NOT_ENTITLED
        return ProviderError(NAME, code, common.hidden(words, self._secrets))

    async def _dispatch(self, msg: Any) -> None:
        """One message of a frame; what it held is handed on once the frame is read."""
        try:
            self._message(common.document(msg, "a message"))
        except common.Odd as odd:
            self._session.odd(odd.kind, msg)
        if len(self._prints) + len(self._bars) == 1:
            asyncio.get_running_loop().call_soon(self._hand)

    def _hand(self) -> None:
        prints, self._prints = self._prints, []
        bars, self._bars = self._bars, []
        self._session.hand(prints, bars)

    def _message(self, message: Mapping[str, Any]) -> None:
        kind = message.get("T")
        if kind == "subscription":
            self._session.subscribed()
            return
        if kind == "error":
            code = CODES.get(message.get("code", 0), ProviderError.UNAVAILABLE)
            raise ProviderError(NAME, code, common.hidden(common.text(message.get("msg")), self._secrets))
        if kind not in ("t", "q", "b", "u", "s"):
            return
        symbol = self._symbols_of.get(message.get("S", ""))
        if symbol is None:
            raise common.Odd("unknown_symbol", "not subscribed")
        self._data(kind, symbol, _at(message.get("t")), message)

    def _data(self, kind: str, symbol: str, at: int, message: Mapping[str, Any]) -> None:
        if kind == "q":
            self._prints.append(_quote(symbol, at, message))
        elif kind == "t":
            if NOT_LAST.isdisjoint(common.rows(message.get("c"), "conditions")):
                self._prints.append(_trade(symbol, at, message))
        elif kind == "s":
            code = common.text(message.get("sc"), 2)
            if code in HALTED or code in TRADING:
                self._prints.append(Print(symbol, at, halted=code in HALTED))
        else:
            ohlc = (message.get("o"), message.get("h"), message.get("l"), message.get("c"))
            self._bars.append(common.bar(symbol, 1, at, ohlc, message.get("v"), message.get("n")))


def _at(value: Any) -> int:
    """MessagePack's own time, or text."""
    if isinstance(value, Timestamp):
        return int(value.seconds) * MICRO + int(value.nanoseconds) // 1_000
    return common.stamp(value, "t")


def _trade(symbol: str, at: int, message: Mapping[str, Any]) -> Print:
    key = f"{message.get('x')}:{message.get('i')}" if message.get("i") is not None else ""
    return Print(
        *(symbol, at),
        last=common.price(message.get("p"), "p"),
        size=common.count(message.get("s"), "s"),
        key=key,
    )


def _quote(symbol: str, at: int, message: Mapping[str, Any]) -> Print:
    bid, ask = common.price_or_none(message.get("bp"), "bp"), common.price_or_none(message.get("ap"), "ap")
    if not bid and not ask:
        raise common.Odd("not_positive", "neither bid nor ask")
    sizes = (common.count(message.get("bs"), "bs"), common.count(message.get("as"), "as"))
    return Print(symbol, at, bid, ask, *sizes)
