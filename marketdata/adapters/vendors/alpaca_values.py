"""What Alpaca says, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from marketdata.adapters.vendors import common
from marketdata.domain.feed import FeedBar, LiveQuote, Print
from marketdata.domain.providers import DAY_MINUTES, ProviderError
from marketdata.domain.types import Action

NAME = "alpaca"


def judge(error: ProviderError, status: int) -> ProviderError:
    """The vendor's words where its status says too little."""
    words = error.message.lower()
    if "subscription" in words:
        error.code = ProviderError.NOT_ENTITLED
    elif status == 403 and "forbidden" in words:
        error.code = ProviderError.UNAUTHORIZED
    elif status in (400, 422) and "symbol" in words:
        error.code = ProviderError.NOT_FOUND
    return error


def frame(minutes: int) -> TimeFrame:
    """A bar's length as the library says it."""
    if minutes == DAY_MINUTES:
        return TimeFrame(1, TimeFrameUnit.Day)
    if minutes < 60:
        return TimeFrame(minutes, TimeFrameUnit.Minute)
    return TimeFrame(minutes // 60, TimeFrameUnit.Hour)


def bar(symbol: str, minutes: int, row: Any) -> FeedBar:
    """A bar of the vendor's."""
    row = common.document(row, "a bar")
    ohlc = (row.get("o"), row.get("h"), row.get("l"), row.get("c"))
    return common.bar(symbol, minutes, common.stamp(row.get("t"), "t"), ohlc, row.get("v"), row.get("n"))


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = row.get(name)
    return common.document(found, name) if found is not None else {}


def snapshot(symbol: str, row: Any) -> LiveQuote | None:
    """A snapshot as a quote; None when nothing has traded."""
    row = common.document(row, "a snapshot")
    trade, quote, minute = _part(row, "latestTrade"), _part(row, "latestQuote"), _part(row, "minuteBar")
    session, before = _part(row, "dailyBar"), _part(row, "prevDailyBar")
    previous = common.price_or_none(before.get("c"), "previous close")
    last = (
        common.price_or_none(trade.get("p"), "last trade")
        or common.price_or_none(minute.get("c"), "minute's close")
        or common.price_or_none(session.get("c"), "day's close")
        or previous
    )
    at = max((common.stamp(part["t"], "t") for part in (trade, quote, minute) if part.get("t")), default=0)
    if not last or not at:
        return None
    opened, high, low = (common.price_or_none(session.get(name), name) for name in ("o", "h", "l"))
    return common.latest(
        NAME,
        Print(
            *(symbol, at),
            common.price_or_none(quote.get("bp"), "bid"),
            common.price_or_none(quote.get("ap"), "ask"),
            common.count(quote.get("bs"), "bid size"),
            common.count(quote.get("as"), "ask size"),
            last,
        ),
        session=common.trade_date(common.stamp(session["t"], "t")) if session.get("t") else None,
        ohlv=(opened, high, low, common.count(session.get("v"), "volume")),
        previous_close=previous,
    )


def split(row: Any) -> Action:
    """New shares per old."""
    row = common.document(row, "a split")
    ratio = common.decimal(row.get("new_rate"), "new_rate") / common.decimal(row.get("old_rate"), "old_rate")
    return Action("split", common.day(row.get("ex_date"), "ex_date"), ratio.quantize(Decimal("1e-8")))


def dividend(row: Any) -> Action:
    """Cash per share."""
    row = common.document(row, "a dividend")
    return Action("dividend", common.day(row.get("ex_date"), "ex_date"), common.decimal(row.get("rate"), "rate"))
