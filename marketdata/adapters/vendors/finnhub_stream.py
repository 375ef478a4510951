"""Finnhub's stream, whose protocol the library does not speak: trades over one websocket."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any
from urllib.parse import quote

import orjson
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from marketdata.adapters.vendors import common, streaming
from marketdata.domain.feed import Print
from marketdata.domain.providers import ProviderError, StreamSink

NAME = "finnhub"
_LOOK = 0.2


def run(symbols: Mapping[str, str], sink: StreamSink, stop: Event, *, key: str, url: str, timeout: float) -> None:
    """Stream `symbols` (theirs to ours) until `stop`."""
    address = f"{url.rstrip('/')}/?token={quote(key, safe='')}"
    streaming.keep(
        lambda: streaming.Session(NAME, sink),
        lambda session: _connect(session, symbols, stop, address, key, timeout),
        stop,
    )


def _connect(
    session: streaming.Session, symbols: Mapping[str, str], stop: Event, address: str, key: str, timeout: float
) -> None:
    try:
        with connect(address, open_timeout=timeout, close_timeout=streaming.CLOSE_SECONDS, max_size=2**23) as socket:
            for symbol in symbols:
                socket.send(orjson.dumps({"type": "subscribe", "symbol": symbol}).decode())
            session.subscribed()
            while not stop.is_set():
                _receive(session, symbols, socket, key)
    except InvalidStatus as error:
        code = ProviderError.UNAUTHORIZED if error.response.status_code in (401, 403) else ProviderError.UNAVAILABLE
        raise ProviderError(NAME, code, f"the vendor refused: HTTP {error.response.status_code}") from None
    except ConnectionClosed:
        raise session.lost("the vendor closed the connection") from None
    except (WebSocketException, OSError) as error:
        raise session.lost(f"the connection failed ({type(error).__name__})") from None


def _receive(session: streaming.Session, symbols: Mapping[str, str], socket: ClientConnection, key: str) -> None:
    """One frame, if one comes soon."""
    try:
        raw = socket.recv(timeout=_LOOK)
    except TimeoutError:
        return
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        session.odd("malformed", raw[:300])
        return
    if message.get("type") == "error":
        why = common.hidden(common.text(message.get("msg")), (key,))
        if "api" in why.lower() and "key" in why.lower():
            raise ProviderError(NAME, ProviderError.UNAUTHORIZED, why)
        session.odd("malformed", why)
    elif message.get("type") == "trade":
        prints = []
        for row in message.get("data") or []:
            try:
                prints.append(_trade(symbols, row))
            except common.Odd as odd:
                session.odd(odd.kind, row)
        session.hand(prints, [])


def _trade(symbols: Mapping[str, str], row: Any) -> Print:
    row = common.document(row, "a trade")
    symbol = symbols.get(row.get("s", ""))
    if symbol is None:
        raise common.Odd("unknown_symbol", "not subscribed")
    at = common.since_epoch(row.get("t"), 1_000, "t")
    return Print(symbol, at, last=common.price(row.get("p"), "p"), size=common.count(row.get("v"), "v"))
