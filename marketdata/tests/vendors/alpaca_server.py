"""Alpaca on loopback: market data, assets and the clock, and its MessagePack stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgpack
from websockets.sync.server import ServerConnection

from marketdata.tests.vendors.server import VendorServer


class AlpacaServer(VendorServer):
    """Data are the vendor's own rows: `bars[symbol]`, `snapshots[symbol]`, `assets`, `splits`, `dividends`, `news`.

    `page` bounds a page of bars. A snapshot of a symbol in `invalid` spoils the whole request. `stream_error` is a
    (code, message) said instead of the subscription.
    """

    def __init__(self, key: str = "right-key", secret: str = "right-secret") -> None:
        super().__init__(key)
        self.secret = secret
        self.bars: dict[str, list[dict[str, Any]]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.assets: list[dict[str, Any]] = []
        self.splits: list[dict[str, Any]] = []
        self.dividends: list[dict[str, Any]] = []
        self.news: list[dict[str, Any]] = []
        self.invalid: set[str] = set()
        self.page = 10_000
        self.is_open = True
        self.stream_error: tuple[int, str] | None = None

    def __enter__(self) -> AlpacaServer:
        super().__enter__()
        return self

    def is_allowed(self, headers: dict[str, str], query: dict[str, str]) -> bool:
        return (headers.get("apca-api-key-id"), headers.get("apca-api-secret-key")) == (self.key, self.secret)

    def unauthorized(self) -> tuple[int, Any]:
        return 403, {"message": "forbidden."}

    def answer(self, path: str, query: dict[str, str]) -> Any:
        if path == "/v2/stocks/bars":
            return self._bars(query)
        if path == "/v2/stocks/snapshots":
            wanted = query["symbols"].split(",")
            if bad := [one for one in wanted if one in self.invalid]:
                return 400, {"message": f"code=400, message=invalid symbol: {bad[0]}"}
            return {one: self.snapshots[one] for one in wanted if one in self.snapshots}
        if path == "/v2/assets":
            return self.assets
        if path.startswith("/v2/assets/"):
            found = [row for row in self.assets if row["symbol"] == path.rsplit("/", 1)[1]]
            return found[0] if found else (404, {"code": 40410000, "message": "asset not found"})
        if path == "/v2/clock":
            return {"timestamp": "2026-11-20T12:00:00.123456789-05:00", "is_open": self.is_open}
        if path == "/v1/corporate-actions":
            found = {"forward_splits": self.splits, "cash_dividends": self.dividends}
            return {"corporate_actions": found, "next_page_token": None}
        if path == "/v1beta1/news":
            return {"news": self.news[: int(query["limit"])], "next_page_token": None}
        return 404, {"code": 40410000, "message": "not found"}

    def _bars(self, query: dict[str, str]) -> Any:
        symbol, begin = query["symbols"], int(query.get("page_token") or 0)
        first, last = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
        rows = [row for row in self.bars.get(symbol, []) if first <= datetime.fromisoformat(row["t"]) <= last]
        size = min(self.page, int(query["limit"]))
        following = str(begin + size) if begin + size < len(rows) else None
        return {"bars": {symbol: rows[begin : begin + size]}, "next_page_token": following}

    def frame(self, messages: Any) -> str | bytes:
        return messages if isinstance(messages, str | bytes) else msgpack.packb(messages)

    def speak(self, stream: ServerConnection) -> None:
        stream.send(self.frame([{"T": "success", "msg": "connected"}]))
        said = msgpack.unpackb(stream.recv())
        if said != {"action": "auth", "key": self.key, "secret": self.secret}:
            stream.send(self.frame([{"T": "error", "code": 402, "msg": "auth failed"}]))
            stream.close()
            return
        stream.send(self.frame([{"T": "success", "msg": "authenticated"}]))
        for raw in stream:
            message = msgpack.unpackb(raw)
            if self.stream_error is not None:
                code, words = self.stream_error
                stream.send(self.frame([{"T": "error", "code": code, "msg": words}]))
                continue
            wanted = {symbol for name in ("trades", "quotes", "bars") for symbol in message.get(name, ())}
            self.subscribe(stream, wanted)
            stream.send(self.frame([{"T": "subscription", "trades": sorted(wanted), "quotes": sorted(wanted)}]))


def stamp(micros: int) -> msgpack.Timestamp:
    """A time as the stream says it."""
    return msgpack.Timestamp(micros // 1_000_000, micros % 1_000_000 * 1_000)
