"""Finnhub on loopback: quotes, candles, search, news, and its stream of trades."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.sync.server import ServerConnection

from marketdata.tests.vendors.server import VendorServer


class FinnhubServer(VendorServer):
    """Data are the vendor's own rows: `quotes[symbol]`, `candles[symbol, resolution]` (rows of t, o, h, l, c, v),
    `profiles[symbol]`, `matches`, `splits[symbol]`, `dividends[symbol]`, `news`.
    """

    def __init__(self, key: str = "right-key") -> None:
        super().__init__(key)
        self.quotes: dict[str, dict[str, Any]] = {}
        self.candles: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self.profiles: dict[str, dict[str, Any]] = {}
        self.matches: list[dict[str, Any]] = []
        self.splits: dict[str, list[dict[str, Any]]] = {}
        self.dividends: dict[str, list[dict[str, Any]]] = {}
        self.news: list[dict[str, Any]] = []
        self.is_open = True

    def __enter__(self) -> FinnhubServer:
        super().__enter__()
        return self

    def is_allowed(self, headers: dict[str, str], query: dict[str, str]) -> bool:
        return headers.get("x-finnhub-token") == self.key and "token" not in query

    def unauthorized(self) -> tuple[int, Any]:
        return 401, {"error": "Invalid API key"}

    def answer(self, path: str, query: dict[str, str]) -> Any:
        symbol = query.get("symbol", "")
        if path == "/quote":
            return self.quotes.get(symbol, {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0})
        if path == "/stock/candle":
            rows = self.candles.get((symbol, query["resolution"]), [])
            rows = [row for row in rows if int(query["from"]) <= row[0] <= int(query["to"])]
            columns = [list(column) for column in zip(*rows, strict=True)]
            return {"s": "ok", **dict(zip("tohlcv", columns, strict=True))} if rows else {"s": "no_data"}
        documents: dict[str, Any] = {
            "/stock/profile2": self.profiles.get(symbol, {}),
            "/search": {"count": len(self.matches), "result": self.matches},
            "/stock/split": self.splits.get(symbol, []),
            "/stock/dividend": self.dividends.get(symbol, []),
            "/company-news": self.news,
            "/stock/market-status": {
                "exchange": "US",
                "isOpen": self.is_open,
                "session": "regular",
                "t": 1_795_000_000,
            },
        }
        return documents.get(path, (404, {"error": "not found"}))

    def _let_in(self, stream: ServerConnection, request: Any) -> Any:
        query = dict(parse_qsl(urlsplit(request.path).query))
        if query.get("token") != self.key:
            return stream.respond(401, "Invalid API key\n")
        return super()._let_in(stream, request)

    def speak(self, stream: ServerConnection) -> None:
        stream.send(json.dumps({"type": "ping"}))
        for raw in stream:
            message = json.loads(raw)
            if message["type"] == "subscribe":
                self.subscribe(stream, {message["symbol"]})
