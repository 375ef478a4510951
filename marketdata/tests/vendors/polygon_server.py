"""Polygon on loopback: what polygon-api-client asks for, with the vendor's shapes."""

from __future__ import annotations

import json
from typing import Any

from websockets.sync.server import ServerConnection

from marketdata.tests.vendors.server import VendorServer


class PolygonServer(VendorServer):
    """Data are the vendor's own rows: `bars[ticker, span]`, `snapshots[ticker]`, `tickers`, `splits`, `dividends`,
    `news`. `page` bounds a page of bars; `next_url` is null on the last page, as it may be.
    """

    def __init__(self, key: str = "right-key") -> None:
        super().__init__(key)
        self.bars: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.tickers: list[dict[str, Any]] = []
        self.splits: list[dict[str, Any]] = []
        self.dividends: list[dict[str, Any]] = []
        self.news: list[dict[str, Any]] = []
        self.market = "open"
        self.page = 50_000
        self.not_authorized = False

    def __enter__(self) -> PolygonServer:
        super().__enter__()
        return self

    def is_allowed(self, headers: dict[str, str], query: dict[str, str]) -> bool:
        return headers.get("authorization") == f"Bearer {self.key}"

    def unauthorized(self) -> tuple[int, Any]:
        return 401, {"status": "ERROR", "request_id": "r", "error": "Unknown API Key"}

    def answer(self, path: str, query: dict[str, str]) -> Any:
        parts = path.strip("/").split("/")
        if path.startswith("/v2/aggs/ticker/"):
            return self._aggregates(path, parts, query)
        if path == "/v2/snapshot/locale/us/markets/stocks/tickers":
            wanted = query.get("tickers", "").split(",")
            return {"status": "OK", "tickers": [self.snapshots[one] for one in wanted if one in self.snapshots]}
        if path == "/v3/reference/tickers":
            return {"status": "OK", "results": [row for row in self.tickers if _matches(row, query)]}
        if path == "/v3/reference/splits":
            return {"results": _dated(self.splits, "execution_date", query)}
        if path == "/v3/reference/dividends":
            return {"results": _dated(self.dividends, "ex_dividend_date", query)}
        if path == "/v2/reference/news":
            return {"results": [row for row in self.news if query["ticker"] in row["tickers"]]}
        if path == "/v1/marketstatus/now":
            exchanges = {"nyse": self.market, "nasdaq": self.market, "otc": "closed"}
            return {"market": self.market, "serverTime": "2026-11-20T12:00:00-05:00", "exchanges": exchanges}
        return 404, {"status": "NOT_FOUND", "request_id": "r", "message": "Ticker not found."}

    def _aggregates(self, path: str, parts: list[str], query: dict[str, str]) -> Any:
        ticker, span = parts[3], f"{parts[5]}{parts[6]}"
        rows, begin = self.bars.get((ticker, span), []), int(query.get("cursor", "0"))
        page = rows[begin : begin + self.page]
        is_last = begin + self.page >= len(rows)
        following = None if is_last else f"https://api.polygon.io{path}?cursor={begin + self.page}"
        return {"ticker": ticker, "status": "OK", "resultsCount": len(page), "results": page, "next_url": following}

    def speak(self, stream: ServerConnection) -> None:
        stream.send(json.dumps([{"ev": "status", "status": "connected", "message": "Connected Successfully"}]))
        said = json.loads(stream.recv())
        if said != {"action": "auth", "params": self.key}:
            stream.send(json.dumps([{"ev": "status", "status": "auth_failed", "message": "authentication failed"}]))
            stream.close()
            return
        stream.send(json.dumps([{"ev": "status", "status": "auth_success", "message": "authenticated"}]))
        for raw in stream:
            message = json.loads(raw)
            if message["action"] != "subscribe":
                continue
            if self.not_authorized:
                why = "not authorized to subscribe to the requested data"
                stream.send(json.dumps([{"ev": "status", "status": "error", "message": why}]))
                continue
            channels = message["params"].split(",")
            self.subscribe(stream, {channel.split(".", 1)[1] for channel in channels})
            for channel in channels:
                stream.send(json.dumps([{"ev": "status", "status": "success", "message": f"subscribed to: {channel}"}]))


def _matches(row: dict[str, Any], query: dict[str, str]) -> bool:
    if "ticker" in query:
        return row["ticker"] == query["ticker"]
    wanted = query.get("search", "").lower()
    return wanted in row["ticker"].lower() or wanted in row["name"].lower()


def _dated(rows: list[dict[str, Any]], field: str, query: dict[str, str]) -> list[dict[str, Any]]:
    first, last = query.get(f"{field}.gte", ""), query.get(f"{field}.lte", "9999")
    return [row for row in rows if row["ticker"] == query["ticker"] and first <= row[field] <= last]
