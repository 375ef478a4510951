"""Finnhub's stream, whose protocol the library does not speak: trades over one websocket."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event
from typing import Any
from urllib.parse import quote

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from marketdata.adapters.vendors import common, streaming
from marketdata.domain.feed import Print
from marketdata.domain.providers import ProviderError, StreamSink

NAME = "finnhub"


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
    sockets: list[ClientConnection] = []

    async def work() -> None:
        try:
            socket = await connect(address, open_timeout=timeout, close_timeout=1, max_size=2**23)
            sockets.append(socket)
            for symbol in symbols:
                await socket.send(orjson.dumps({"type": "subscribe", "symbol": symbol}).decode())
            session.subscribed()
            async for raw in socket:
                _frame(session, symbols, raw, key)
        except InvalidStatus as error:
            status = error.response.status_code
            code = ProviderError.UNAUTHORIZED if status in (401, 403) else ProviderError.UNAVAILABLE
            raise ProviderError(NAME, code, f"the vendor refused: HTTP {status}") from None
        except (WebSocketException, OSError) as error:
            raise session.lost(f"the connection was lost ({type(error).__name__})") from None

    async def close() -> None:
        for socket in sockets:
            await socket.close()

    streaming.supervise(session, stop, timeout=timeout, work=work, close=close)


def _frame(session: streaming.Session, symbols: Mapping[str, str], raw: str | bytes, key: str) -> None:
    """One frame."""
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
