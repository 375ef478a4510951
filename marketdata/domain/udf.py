"""TradingView's datafeed protocol (UDF): what its answers look like. Pure: facts in, JSON-ready documents out.

Prices are JSON numbers there, made at the very end; every one is the shortest number that names the exact price.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from marketdata.domain.candles_query import CLOSE, HIGH, INTRADAY, LOW, OPEN, RESOLUTIONS, VOLUME, WHOLE_DAYS, Candles
from marketdata.domain.feed import MICRO
from marketdata.domain.marks import Mark

UNKNOWN_SYMBOL = "unknown_symbol"
KINDS = (
    ("All types", ""),
    ("Stock", "stock"),
    ("ETF", "etf"),
    ("Index", "index"),
    ("Forex", "forex"),
    ("Crypto", "crypto"),
)
ROUND_THE_CLOCK = "24x7"


@dataclass(frozen=True, slots=True)
class Hours:
    """When an exchange trades, in the protocol's words; `zone` is an IANA name."""

    zone: str = "Etc/UTC"
    session: str = ROUND_THE_CLOCK
    holidays: str = ""
    corrections: str = ""


@dataclass(frozen=True, slots=True)
class Symbol:
    """What the protocol is told of an instrument."""

    name: str
    description: str
    exchange: str
    kind: str
    currency: str
    tick_size: Decimal
    has_intraday: bool
    hours: Hours

    @property
    def ticker(self) -> str:
        """By which everything else is asked for."""
        return f"{self.exchange}:{self.name}"


def error(message: str) -> dict[str, Any]:
    """A refusal."""
    return {"s": "error", "errmsg": message}


def config(exchanges: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What the datafeed offers; `exchanges` are (code, name)."""
    everywhere = {"value": "", "name": "All exchanges", "desc": ""}
    return {
        "supports_search": True,
        "supports_group_request": False,
        "supports_marks": True,
        "supports_timescale_marks": True,
        "supports_time": True,
        "exchanges": [everywhere, *({"value": code, "name": code, "desc": name} for code, name in exchanges)],
        "symbols_types": [{"name": name, "value": value} for name, value in KINDS],
        "supported_resolutions": list(RESOLUTIONS),
    }


def price_scale(tick_size: Decimal) -> tuple[int, int]:
    """(minmov, pricescale): the tick is minmov / pricescale, the scale a power of ten."""
    places = max(0, -int(tick_size.normalize().as_tuple().exponent))
    return int(tick_size.scaleb(places)), 10**places


def symbol_info(symbol: Symbol) -> dict[str, Any]:
    """SymbolInfo. There is no key `s` in it: that would mean failure."""
    minmov, scale = price_scale(symbol.tick_size)
    return {
        "name": symbol.name,
        "ticker": symbol.ticker,
        "description": symbol.description,
        "type": symbol.kind,
        "exchange": symbol.exchange,
        "listed_exchange": symbol.exchange,
        "timezone": symbol.hours.zone,
        "session": symbol.hours.session,
        "session_holidays": symbol.hours.holidays,
        "corrections": symbol.hours.corrections,
        "minmov": minmov,
        "pricescale": scale,
        "minmove2": 0,
        "fractional": False,
        "pointvalue": 1,
        "has_intraday": symbol.has_intraday,
        "has_daily": True,
        "has_weekly_and_monthly": True,
        "intraday_multipliers": list(INTRADAY),
        "supported_resolutions": resolutions(symbol),
        "visible_plots_set": "ohlcv",
        "volume_precision": 0,
        "format": "price",
        "currency_code": symbol.currency,
    }


def resolutions(symbol: Symbol) -> list[str]:
    """What a symbol has candles of."""
    return [*(INTRADAY if symbol.has_intraday else ()), *WHOLE_DAYS]


def symbol_table(symbols: Sequence[Symbol]) -> dict[str, Any]:
    """Columns of a whole group; a column with one value for all rows is that value."""
    scales = [price_scale(symbol.tick_size) for symbol in symbols]
    return {
        "s": "ok",
        "symbol": [symbol.name for symbol in symbols],
        "ticker": [symbol.ticker for symbol in symbols],
        "description": [symbol.description for symbol in symbols],
        "exchange-listed": [symbol.exchange for symbol in symbols],
        "exchange-traded": [symbol.exchange for symbol in symbols],
        "type": [symbol.kind for symbol in symbols],
        "currency": [symbol.currency for symbol in symbols],
        "timezone": [symbol.hours.zone for symbol in symbols],
        "session-regular": [symbol.hours.session for symbol in symbols],
        "minmovement": [minmov for minmov, _ in scales],
        "pricescale": [scale for _, scale in scales],
        "minmovement2": 0,
        "fractional": False,
        "pointvalue": 1,
        "has-intraday": [symbol.has_intraday for symbol in symbols],
        "has-daily": True,
        "has-weekly-and-monthly": True,
        "has-no-volume": False,
        "intraday-multipliers": list(INTRADAY),
        "supported-resolutions": [resolutions(symbol) for symbol in symbols],
    }


def search_row(symbol: Symbol) -> dict[str, str]:
    """One result of a search."""
    return {
        "symbol": symbol.name,
        "full_name": symbol.ticker,
        "description": symbol.description,
        "exchange": symbol.exchange,
        "ticker": symbol.ticker,
        "type": symbol.kind,
    }


def history(found: Candles) -> dict[str, Any]:
    """Columns of candles."""
    prices = {name: (found.table[:, column] / MICRO).tolist() for name, column in _COLUMNS.items()}
    return {"s": "ok", "t": found.times, **prices, "v": found.column(VOLUME)}


_COLUMNS = {"o": OPEN, "h": HIGH, "l": LOW, "c": CLOSE}


def no_data(earlier: int | None) -> dict[str, Any]:
    """Nothing in the range; the time of the closest earlier candle, where there is one."""
    return {"s": "no_data"} if earlier is None else {"s": "no_data", "nextTime": earlier}


def bar_marks(marks: Iterable[Mark]) -> dict[str, list[Any]]:
    """Columns of marks over candles."""
    shown = [mark for mark in marks if mark.on_bars]
    return {
        "id": [mark.id for mark in shown],
        "time": [mark.time for mark in shown],
        "color": [mark.colour for mark in shown],
        "text": [": ".join(mark.lines) for mark in shown],
        "label": [mark.label[:2] for mark in shown],
        "labelFontColor": ["black" if mark.colour == "yellow" else "white" for mark in shown],
        "minSize": [14] * len(shown),
    }


def timescale_marks(marks: Iterable[Mark]) -> list[dict[str, Any]]:
    """Marks on the axis of time."""
    return [
        {
            "id": mark.id,
            "time": mark.time,
            "color": mark.colour,
            "label": mark.label[:2],
            "tooltip": list(mark.lines),
        }
        for mark in marks
        if mark.on_scale
    ]


def quote(ticker: str, facts: Mapping[str, str], values: Mapping[str, Decimal | int | None]) -> dict[str, Any]:
    """One symbol's quote: `facts` (short_name, exchange, description) and prices; what is not known is left out.

    Without a last price it is an error: the symbol is unknown, or nobody has ever said a price.
    """
    if values.get("lp") is None:
        return {"s": "error", "n": ticker, "v": {}}
    known = {name: _number(value) for name, value in values.items() if value is not None}
    bid, ask = values.get("bid"), values.get("ask")
    if bid is not None and ask is not None:
        known["spread"] = _number(ask - bid)
    return {"s": "ok", "n": ticker, "v": {**known, **facts}}


def _number(value: Decimal | int) -> float | int:
    return value if isinstance(value, int) else float(value)


def session_text(phases: Sequence[tuple[time, time]]) -> str:
    """Hours of a regular day, `0930-1600`; several parts with commas."""
    return ",".join(f"{starts:%H%M}-{ends:%H%M}" for starts, ends in phases) or ROUND_THE_CLOCK


def holidays_text(days: Iterable[date]) -> str:
    """Days without a session."""
    return ",".join(f"{day:%Y%m%d}" for day in sorted(days))


def corrections_text(sessions: Iterable[tuple[date, datetime, datetime]], zone: ZoneInfo) -> str:
    """Days with other hours: `0930-1300:20261224,20261127`, the latest day first, groups with semicolons."""
    groups: dict[str, list[date]] = {}
    for day, opens_at, closes_at in sessions:
        hours = f"{opens_at.astimezone(zone):%H%M}-{closes_at.astimezone(zone):%H%M}"
        groups.setdefault(hours, []).append(day)
    return ";".join(
        f"{hours}:" + ",".join(f"{day:%Y%m%d}" for day in sorted(days, reverse=True))
        for hours, days in sorted(groups.items())
    )
