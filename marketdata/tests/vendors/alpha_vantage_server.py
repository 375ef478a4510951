"""Alpha Vantage on loopback: everything with status 200, as it is."""

from __future__ import annotations

from typing import Any

from marketdata.tests.vendors.server import VendorServer

RATE_LIMIT = (
    "We have detected your API key as {key} and our standard API rate limit is 25 requests per day. "
    "Please subscribe to any of the premium plans to instantly remove all daily rate limits."
)
NOTE = "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls per minute."
PREMIUM = "Thank you for using Alpha Vantage! This is a premium endpoint."


class AlphaVantageServer(VendorServer):
    """Data are the vendor's own: `quotes[symbol]` (price, day, ...), `daily[symbol]` and `intraday[symbol]` (rows by
    time), `matches`, `status`.
    """

    def __init__(self, key: str = "right-key") -> None:
        super().__init__(key)
        self.quotes: dict[str, dict[str, str]] = {}
        self.daily: dict[str, dict[str, tuple[str, ...]]] = {}
        self.intraday: dict[str, dict[str, tuple[str, ...]]] = {}
        self.matches: list[dict[str, str]] = []
        self.status = "open"

    def __enter__(self) -> AlphaVantageServer:
        super().__enter__()
        return self

    def is_allowed(self, headers: dict[str, str], query: dict[str, str]) -> bool:
        return query.get("apikey") == self.key

    def unauthorized(self) -> tuple[int, Any]:
        return 200, {"Error Message": "the parameter apikey is invalid or missing. Please claim your free API key."}

    def answer(self, path: str, query: dict[str, str]) -> Any:
        function, symbol = query["function"], query.get("symbol", "")
        unknown = {"Error Message": f"Invalid API call. Please retry or visit the documentation for {function}."}
        if function == "GLOBAL_QUOTE":
            return {"Global Quote": self.quotes.get(symbol, {})}
        if function == "SYMBOL_SEARCH":
            wanted = query["keywords"].upper()
            return {"bestMatches": [row for row in self.matches if wanted in row["1. symbol"] + row["2. name"].upper()]}
        if function == "TIME_SERIES_DAILY":
            rows = self.daily.get(symbol)
            return _series("Time Series (Daily)", "5. Time Zone", rows) if rows is not None else unknown
        if function == "TIME_SERIES_INTRADAY":
            rows = self.intraday.get(symbol)
            if rows is None:
                return unknown
            within = {at: row for at, row in rows.items() if at.startswith(query["month"])}
            return _series(f"Time Series ({query['interval']})", "6. Time Zone", within)
        if function == "MARKET_STATUS":
            regions = ("United States", "India")
            return {
                "endpoint": "Global Market Open & Close Status",
                "markets": [
                    {"market_type": "Equity", "region": one, "current_status": self.status, "notes": ""}
                    for one in regions
                ],
            }
        return unknown


def _series(name: str, zone: str, rows: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    names = ("1. open", "2. high", "3. low", "4. close", "5. volume")
    series = {at: dict(zip(names, row, strict=True)) for at, row in sorted(rows.items(), reverse=True)}
    return {"Meta Data": {"1. Information": "prices", zone: "US/Eastern"}, name: series}
