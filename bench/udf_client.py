r"""A client of TradingView's datafeed protocol, run by a script: every answer is checked against the contract.

    .venv/bin/python bench/udf_client.py http://127.0.0.1:8000/api/v1/udf [--query NOV] [--resolution 1D]

It does what the charting library's own adapter does: config, server time, search, resolve, history to the left until
there is no more, marks, then a few polls of the newest candles. Also used as a test (marketdata/tests/test_udf.py).
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Fetch = Callable[[str, dict[str, Any]], str]
STEPS = {"1": 60, "5": 300, "15": 900, "30": 1800, "60": 3600, "240": 14_400, "1D": 86_400, "1W": 604_800}
PAGE = 300
NEEDED = ("name", "ticker", "description", "type", "session", "timezone", "exchange", "minmov", "pricescale")


class ContractError(AssertionError):
    """An answer that the charting library would not understand."""


def check(holds: object, message: str) -> None:
    if not holds:
        raise ContractError(message)


@dataclass
class Report:
    """What a run saw."""

    requests: int = 0
    checks: int = 0
    symbol: str = ""
    bars: int = 0
    pages: int = 0
    marks: int = 0
    first: int | None = None
    last: int | None = None
    times: list[int] = field(default_factory=list)


class UdfClient:
    """The protocol's client: asks through `fetch(path, query) -> body` and refuses what is not to the contract."""

    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch
        self.report = Report()

    def ask(self, path: str, **query: Any) -> Any:
        """A JSON answer. The client never looks at the status."""
        self.report.requests += 1
        text = self.fetch(path, {name: value for name, value in query.items() if value is not None})
        return json.loads(text, parse_constant=lambda name: check(False, f"{name} in an answer"))

    def config(self) -> dict[str, Any]:
        found = self.ask("config")
        check(found["supports_search"] is not found["supports_group_request"], "exactly one way of finding symbols")
        check(all(isinstance(item, str) for item in found["supported_resolutions"]), "resolutions are texts")
        check(all({"value", "name", "desc"} <= set(item) for item in found["exchanges"]), "exchanges have three names")
        check(all({"value", "name"} <= set(item) for item in found["symbols_types"]), "types have two names")
        return dict(found)

    def time(self) -> int:
        self.report.requests += 1
        text = self.fetch("time", {})
        check(text.isascii() and text.isdecimal(), "the time is a whole number as text")
        return int(text)

    def search(self, query: str, kind: str = "", exchange: str = "", limit: int = 30) -> list[dict[str, str]]:
        found = self.ask("search", query=query.upper(), type=kind, exchange=exchange, limit=limit)
        check(isinstance(found, list) and len(found) <= limit, "a list of at most `limit`")
        for row in found:
            names = ("symbol", "full_name", "description", "exchange", "ticker", "type")
            check(all(isinstance(row.get(name), str) for name in names), "a result has six texts")
        return list(found)

    def resolve(self, symbol: str) -> dict[str, Any]:
        found = self.ask("symbols", symbol=symbol)
        check("s" not in found, f"{symbol} is not resolved: {found}")
        check(all(name in found for name in NEEDED), "SymbolInfo is whole")
        check(isinstance(found["minmov"], int) and found["minmov"] > 0, "minmov is a whole number")
        check(found["pricescale"] in {10**power for power in range(10)}, "pricescale is a power of ten")
        check(found["session"] == "24x7" or "-" in found["session"], "the session is hours")
        again = self.resolve_quietly(found["ticker"])
        check(again == found, "the ticker resolves to the same")
        return dict(found)

    def resolve_quietly(self, symbol: str) -> Any:
        return self.ask("symbols", symbol=symbol)

    def history(
        self, ticker: str, resolution: str, start: int, end: int, countback: int | None = None
    ) -> dict[str, Any]:
        asked = {"from": start, "to": end, "countback": countback}
        found = self.ask("history", symbol=ticker, resolution=resolution, **asked)
        check(found.get("s") in ("ok", "no_data"), f"history is an error: {found}")
        if found["s"] == "no_data":
            check(set(found) <= {"s", "nextTime"}, "no_data has nothing but nextTime")
            if "nextTime" in found:
                check(isinstance(found["nextTime"], int) and found["nextTime"] < end, "nextTime is earlier")
            return dict(found)
        times = found["t"]
        check(times, "ok has candles")
        check(all(len(found[name]) == len(times) for name in "ohlcv"), "columns are of one length")
        check(all(one < other for one, other in itertools.pairwise(times)), "times grow")
        check(times[-1] < end, "every candle is before `to`")
        check(countback is not None or times[0] >= start, "every candle is from `from` on")
        check(countback is None or len(times) <= countback, "no more than countback")
        for index in range(len(times)):
            opens, high, low, close = (found[name][index] for name in "ohlc")
            check(all(isinstance(value, int | float) for value in (opens, high, low, close)), "prices are numbers")
            check(
                0 < low <= min(opens, close) and max(opens, close) <= high, f"a candle holds together: {times[index]}"
            )
        return dict(found)

    def page_left(self, ticker: str, resolution: str, now: int) -> list[int]:
        """All times of a symbol, from now to its first candle, as the library asks for them."""
        end, known = now, []
        span = STEPS.get(resolution, 86_400 * 31) * PAGE
        for _ in range(10_000):
            found = self.history(ticker, resolution, end - span, end, PAGE)
            if found["s"] == "no_data":
                if "nextTime" not in found:
                    break
                end = found["nextTime"] + 1
                continue
            times = found["t"]
            self.report.pages += 1
            known[:0] = times
            check(not known[len(times) :] or times[-1] < known[len(times)], "a page does not overlap the next")
            end = times[0]
        else:
            check(False, "paging to the left never ends")
        return known

    def marks(self, ticker: str, resolution: str, start: int, end: int) -> int:
        query = {"symbol": ticker, "resolution": resolution, "from": start, "to": end}
        found = self.ask("marks", **query)
        lengths = {len(found[name]) for name in ("id", "time", "color", "text", "label")}
        check(len(lengths) == 1, "columns of marks are of one length")
        check(len(set(found["id"])) == len(found["id"]), "ids of marks are unique")
        check(all(start <= at < end for at in found["time"]), "marks are in the range")
        for mark in self.ask("timescale_marks", **query):
            check({"id", "time", "color", "label", "tooltip"} <= set(mark), "a mark on the axis is whole")
            check(isinstance(mark["tooltip"], list), "a tooltip has lines")
        return len(found["id"])

    def quotes(self, tickers: list[str]) -> list[dict[str, Any]]:
        found = self.ask("quotes", symbols=",".join(tickers))
        check(found["s"] == "ok", f"quotes are an error: {found}")
        check([row["n"] for row in found["d"]] == tickers, "quotes come in order")
        for row in found["d"]:
            check(row["s"] == "error" or isinstance(row["v"]["lp"], int | float), "a quote has a last price")
        return list(found["d"])

    def poll(self, ticker: str, resolution: str, now: int) -> list[int]:
        """The two newest candles, as asked for every ten seconds."""
        found = self.history(ticker, resolution, now - 10 * STEPS.get(resolution, 86_400 * 31), now, 2)
        return list(found.get("t", []))

    def refusals(self) -> None:
        """What is not there is said in the body."""
        unknown = self.resolve_quietly("NO:SUCHSYMBOL")
        check(unknown == {"s": "error", "errmsg": "unknown_symbol"}, "an unknown symbol is said so")
        for query in (
            {"symbol": "NO:SUCHSYMBOL", "resolution": "1D", "from": 0, "to": 10},
            {"symbol": "X", "resolution": "7X", "from": 0, "to": 10},
            {"symbol": "X", "resolution": "1D", "from": "soon", "to": 10},
        ):
            found = self.ask("history", **query)
            check(found["s"] == "error" and isinstance(found["errmsg"], str), "a bad request is an error in the body")


def run(fetch: Fetch, query: str = "", resolution: str = "1D", polls: int = 3) -> Report:
    """A chart opened, scrolled to the first candle, and left open for a few polls. Raises ContractError."""
    client = UdfClient(fetch)
    config = client.config()
    check(resolution in config["supported_resolutions"], f"{resolution} is offered")
    now = client.time() if config["supports_time"] else int(time.time())
    check(abs(now - time.time()) < 60, "the server's clock is right")
    found = client.search(query)
    check(found, f"nothing is found for {query!r}")
    info = client.resolve(found[0]["ticker"])
    report = client.report
    report.symbol = info["ticker"]
    report.times = client.page_left(info["ticker"], resolution, now)
    report.bars = len(report.times)
    if report.times:
        report.first, report.last = report.times[0], report.times[-1]
        whole = client.history(info["ticker"], resolution, report.times[0], now, min(report.bars, 5_000))
        check(whole["t"] == report.times[-5_000:], "pages put together are the whole, without holes")
        for _ in range(polls):
            newest = client.poll(info["ticker"], resolution, now)
            check(newest[-2:] == report.times[-2:] or newest[-1] > report.times[-1], "a poll has the two newest")
        report.marks = client.marks(info["ticker"], resolution, report.times[0], now)
    client.quotes([info["ticker"], "NO:SUCHSYMBOL"])
    client.refusals()
    return report


def over_http(base: str) -> Fetch:
    """Ask a server, whatever status it answers with."""

    def fetch(path: str, query: dict[str, Any]) -> str:
        url = f"{base.rstrip('/')}/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError as error:
            return error.read().decode()

    return fetch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="address of the datafeed, without a slash at its end")
    parser.add_argument("--query", default="")
    parser.add_argument("--resolution", default="1D")
    options = parser.parse_args()
    began = time.perf_counter()
    report = run(over_http(options.base), options.query, options.resolution)
    print(f"{report.symbol} {options.resolution}: {report.bars} candles in {report.pages} pages, {report.marks} marks")
    print(f"{report.requests} requests in {time.perf_counter() - began:.2f} s, every answer to the contract")


if __name__ == "__main__":
    main()
