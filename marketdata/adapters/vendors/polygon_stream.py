"""Polygon's stream through the library's WebSocketClient, raw: its own parsing drops what it cannot read."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import orjson
from polygon import WebSocketClient  # type: ignore[import-untyped]
from polygon.exceptions import AuthError  # type: ignore[import-untyped]

from marketdata.adapters.vendors import common, streaming
from marketdata.domain.feed import FeedBar, Print
from marketdata.domain.providers import ProviderError, StreamSink

NAME = "polygon"
CHANNELS = ("T", "Q", "AM")
# Trades that do not set the last price by the consolidated tape's rules: average price, cash, next day, official opens
# and closes, out of sequence, prior reference, seller, contingent.
NOT_LAST = frozenset({2, 7, 13, 15, 16, 20, 21, 22, 29, 32, 33, 38, 52, 53})


def run(symbols: Mapping[str, str], sink: StreamSink, stop: Event, *, key: str, url: str, timeout: float) -> None:
    """Stream `symbols` (theirs to ours) until `stop`."""
    streaming.keep(
        lambda: streaming.Session(NAME, sink), lambda session: _connect(session, symbols, stop, key, url, timeout), stop
    )


def _connect(
    session: streaming.Session, symbols: Mapping[str, str], stop: Event, key: str, url: str, timeout: float
) -> None:
    place = urlsplit(url)
    client = WebSocketClient(
        api_key=key,
        feed=place.netloc,
        secure=place.scheme == "wss",
        raw=True,
        max_reconnects=0,
        subscriptions=[f"{channel}.{symbol}" for symbol in symbols for channel in CHANNELS],
    )
    reader = _Reader(session, symbols)

    async def work() -> None:
        try:
            await client.connect(reader.frame, close_timeout=1, open_timeout=timeout, max_size=2**23)
        except AuthError as error:
            raise ProviderError(NAME, ProviderError.UNAUTHORIZED, common.hidden(str(error), (key,))) from None
        except ProviderError:
            raise
        except Exception as error:  # whatever the client met: it lets everything through
            raise session.lost(f"the connection was lost ({type(error).__name__})") from None

    async def close() -> None:
        if client.websocket is not None:
            await client.websocket.close()

    streaming.supervise(session, stop, timeout=timeout, work=work, close=close)


class _Reader:
    """Frames as prints and bars."""

    def __init__(self, session: streaming.Session, symbols: Mapping[str, str]) -> None:
        self._session = session
        self._symbols = symbols

    async def frame(self, raw: str | bytes) -> None:
        """One frame: a list of messages."""
        try:
            messages = orjson.loads(raw)
        except orjson.JSONDecodeError:
            messages = None
        if not isinstance(messages, list):
            self._session.odd("malformed", raw[:300])
            return
        prints: list[Print] = []
        bars: list[FeedBar] = []
        for message in messages:
            try:
                self._message(message, prints, bars)
            except common.Odd as odd:
                self._session.odd(odd.kind, message)
        self._session.hand(prints, bars)

    def _message(self, message: Any, prints: list[Print], bars: list[FeedBar]) -> None:
        message = common.document(message, "a message")
        event = message.get("ev")
        if event == "status":
            self._status(message)
            return
        symbol = self._symbols.get(message.get("sym", ""))
        if symbol is None:
            raise common.Odd("unknown_symbol", "not subscribed")
        if event == "T":
            if NOT_LAST.isdisjoint(common.rows(message.get("c"), "conditions")):
                prints.append(_trade(symbol, message))
        elif event == "Q":
            prints.append(_quote(symbol, message))
        elif event == "AM":
            bars.append(_minute(symbol, message))

    def _status(self, message: Mapping[str, Any]) -> None:
        word, why = common.text(message.get("status")), common.text(message.get("message"))
        if word == "success" and why.startswith("subscribed"):
            self._session.subscribed()
        elif word == "max_connections":
            raise self._session.lost(why or "too many connections with this key")
        elif word in ("error", "not_authorized") or why.startswith("not authorized"):
            if not self._session.is_subscribed:
                raise ProviderError(NAME, ProviderError.NOT_ENTITLED, why or "not authorized to subscribe")
            self._session.odd("malformed", message)


def _trade(symbol: str, message: Mapping[str, Any]) -> Print:
    key = f"{message.get('x')}:{message.get('i')}" if message.get("i") is not None else ""
    return Print(
        symbol,
        common.since_epoch(message.get("t"), 1_000, "t"),
        last=common.price(message.get("p"), "p"),
        size=common.count(message.get("s"), "s"),
        key=key,
    )


def _quote(symbol: str, message: Mapping[str, Any]) -> Print:
    bid, ask = common.price_or_none(message.get("bp"), "bp"), common.price_or_none(message.get("ap"), "ap")
    if not bid and not ask:
        raise common.Odd("not_positive", "neither bid nor ask")
    return Print(
        symbol,
        common.since_epoch(message.get("t"), 1_000, "t"),
        bid,
        ask,
        common.count(message.get("bs"), "bs"),
        common.count(message.get("as"), "as"),
    )


def _minute(symbol: str, message: Mapping[str, Any]) -> FeedBar:
    ohlc = (message.get("o"), message.get("h"), message.get("l"), message.get("c"))
    return common.bar(symbol, 1, common.since_epoch(message.get("s"), 1_000, "s"), ohlc, message.get("v"))
