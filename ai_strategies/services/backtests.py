"""Running backtests over the loaded history, and keeping what came of them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from ai_strategies.domain.backtest.bars import run_bars
from ai_strategies.domain.backtest.engine import Paper, run_market
from ai_strategies.domain.backtest.feed import Feed
from ai_strategies.domain.backtest.request import BacktestRequest
from ai_strategies.domain.backtest.result import MAX_CURVE, curve, document
from ai_strategies.models import Backtest
from core.errors import Invalid
from marketdata.domain.building import slice_build
from marketdata.domain.overlay import Overlay
from marketdata.domain.slices import Slice
from marketdata.models import BarSeries
from marketdata.selectors import fx_rate, replay_plan
from marketdata.selectors.history import histories

# Bars are played at their own prices, to the millionth; orders still move in the instrument's tick.
EXACT = Decimal("0.000001")
MAX_TICKS = 100_000
_CODE = ("ai_strategies.domain", "trading.domain", "marketdata.domain")


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """A finished run: the request's document with its figures, the curve, and what it stands on."""

    request: BacktestRequest
    result: dict[str, Any]
    assumptions: list[str]
    curve: list[list[Any]]
    bars_checksum: str
    elapsed_ms: int

    def to_json(self, *, with_curve: bool = False) -> dict[str, Any]:
        """One JSON-ready document."""
        asked = self.request.to_json()
        found = {
            **self.result,
            **{
                name: asked[name]
                for name in ("strategy", "params", "symbols", "start", "end", "fill", "sizing", "warmup")
            },
            "fee_schedule": asked["fees"],
            "assumptions": self.assumptions,
            "bars_checksum": self.bars_checksum,
            "elapsed_ms": self.elapsed_ms,
        }
        return found | {"curve": self.curve} if with_curve else found


@dataclass(frozen=True)
class Loaded:
    """History laid out for one request."""

    feed: Feed
    sessions: tuple[date, ...]
    checksum: str


def history_load(request: BacktestRequest) -> Loaded:
    """Lay the history of a request out; raises Invalid for unknown symbols and for dates without bars."""
    _require_bars(request)
    definition = request.definition()
    laid = replay_plan(definition)
    table = laid.table
    if request.is_market:
        overlay = Overlay.of(request.venue, request.market_seed)
        feed = Feed(table, laid.listings, lambda index: laid.tick(index, overlay), laid.currency, fx_rate)
    else:
        fine = [replace(item, tick_size=EXACT) for item in laid.listings]
        table = slice_build(definition, histories(definition, fine))
        feed = Feed(table, laid.listings, laid.tick, laid.currency, fx_rate)
    if table.ticks_total > MAX_TICKS:
        message = f"That is {table.ticks_total:,} prints; a backtest plays at most {MAX_TICKS:,}. Choose fewer days."
        raise Invalid("backtest_too_long", message, {"field": "end"})
    return Loaded(feed, table.dates[table.warmup :], _checksum(table))


def _require_bars(request: BacktestRequest) -> None:
    known = BarSeries.objects.filter(instrument__symbol__in=request.symbols)
    spans = {symbol: span for symbol, *span in known.values_list("instrument__symbol", "first_date", "last_date")}
    for symbol in request.symbols:
        if symbol not in spans:
            message = f"There are no bars of {symbol}. Import them: bin/manage import_bars FILE.csv --symbol {symbol}"
            raise Invalid("unknown_symbol", message, {"symbol": symbol})
        first, last = spans[symbol]
        if request.end < first or request.start > last:
            asked = f"from {request.start} to {request.end}"
            message = f"There are no bars of {symbol} {asked}; there are from {first} to {last}."
            raise Invalid("history_missing", message, {"symbol": symbol})


def _checksum(table: Slice) -> str:
    """Of everything that is played: dates, prices, volumes, symbols, actions."""
    digest = hashlib.sha256()
    for column in table.columns:
        digest.update(repr((column.names, column.gone, column.actions)).encode())
    digest.update(repr((table.dates, table.warmup, table.tick_sizes, table.prints)).encode())
    for array in (table.ohlc, table.volume, table.last, table.bid, table.ask):
        digest.update(array.tobytes())
    return digest.hexdigest()


def backtest_run(*, request: BacktestRequest) -> BacktestRun:
    """Run a backtest; nothing is stored. Raises Invalid naming the field."""
    return _played(request, history_load(request.validated()))


def _played(request: BacktestRequest, loaded: Loaded) -> BacktestRun:
    began = time.monotonic()
    paper = _play(request, loaded.feed)
    currency = loaded.feed.currency
    result = document(paper, sessions=loaded.sessions)
    return BacktestRun(
        request=request,
        result=result,
        assumptions=request.words(currency),
        curve=curve(paper.book.marks, loaded.sessions, currency),
        bars_checksum=loaded.checksum,
        elapsed_ms=int((time.monotonic() - began) * 1000),
    )


def _play(request: BacktestRequest, feed: Feed) -> Paper:
    decide, setup, turns = request.coded().decide, request.setup(feed.currency), request.turns()
    if request.is_market:
        return run_market(feed, setup, decide, turns)
    return run_bars(feed, setup, decide, turns, request.rules())


@lru_cache(maxsize=1)
def code_checksum() -> str:
    """Of the code that decides what a backtest comes to: after a change of it nothing old is answered."""
    digest = hashlib.sha256()
    for name in _CODE:
        root = Path(str(import_module(name).__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def backtest_keep(*, requested_by: int | None, request: BacktestRequest) -> tuple[Backtest, bool]:
    """Run a backtest and keep it; the same one again is answered from the store. The row, and whether it is new.

    Raises Invalid naming the field. Nothing but new bars or new code makes the same request run again.
    """
    loaded = history_load(request.validated())
    asked = request.to_json()
    text = json.dumps([asked, loaded.checksum, code_checksum()], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()
    known = Backtest.objects.filter(key=key).first()
    if known is not None:
        return known, False
    run = _played(request, loaded)
    return Backtest.objects.get_or_create(
        key=key,
        defaults={
            "strategy": request.strategy,
            "params": asked["params"],
            "symbols": asked["symbols"],
            "start": request.start,
            "end": request.end,
            "options": asked,
            "assumptions": run.assumptions,
            "result": run.result,
            "curve": thinned(run.curve),
            "bars_checksum": loaded.checksum,
            "code_checksum": code_checksum(),
            "elapsed_ms": run.elapsed_ms,
            "requested_by_id": requested_by,
        },
    )


def run_of(request: BacktestRequest, row: Backtest) -> BacktestRun:
    """A kept run of a request."""
    return BacktestRun(request, row.result, row.assumptions, row.curve, row.bars_checksum, row.elapsed_ms)


def thinned(points: Sequence[list[Any]], most: int = MAX_CURVE) -> list[list[Any]]:
    """About `most` points evenly, the last one kept."""
    step = max(-(-len(points) // most), 1)
    return list(points[(len(points) - 1) % step :: step]) if points else []
