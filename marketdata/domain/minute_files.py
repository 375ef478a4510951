"""Reading files of bars shorter than a day: CSV and LEAN's. Pure: lines in, arrays of whole numbers out.

A row is seconds since 1970, open, high, low, close in millionths, volume.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from core.errors import Invalid
from marketdata.domain.candles_query import CLOSE, COLUMNS, HIGH, LOW, OPEN, TIME, VOLUME
from marketdata.domain.feed import MICRO
from marketdata.domain.replay import IntArray
from marketdata.domain.rows import bad_rows, number

CHUNK = 50_000
TIME_NAMES = ("timestamp", "datetime", "time", "date", "t")
PRICE_NAMES = ("open", "high", "low", "close", "volume")
LEAN_ZONE = ZoneInfo("America/New_York")
LEAN_TO_MICROS = MICRO // 10_000
MS_OF_A_DAY = 86_400_000
_LEAN_NAME = re.compile(r"(\d{8})_trade\.zip")
_MILLISECONDS = 10**11  # an epoch of this size or more is in milliseconds


def minutes_csv(lines: Iterable[str], *, zone: ZoneInfo) -> Iterator[IntArray]:
    """Bars of a CSV with the columns timestamp (or datetime, time, date), open, high, low, close, volume, in chunks.

    Times are ISO 8601 (in `zone` where they do not say) or seconds or milliseconds since 1970. Raises Invalid
    `bad_header`, and `bad_rows` with the first bad one.
    """
    reader = csv.reader(lines)
    header = [cell.strip().lower().removeprefix("\ufeff") for cell in next(reader, [])]
    when = next((name for name in TIME_NAMES if name in header), None)
    if when is None or any(header.count(name) != 1 for name in PRICE_NAMES):
        details = {"found": header[:20], "needed": ["timestamp", *PRICE_NAMES]}
        raise Invalid("bad_header", "The first row must name timestamp, open, high, low, close, volume.", details)
    places = [header.index(name) for name in (when, *PRICE_NAMES)]
    chunk: list[list[int]] = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        try:
            if len(row) != len(header):
                raise ValueError("the number of columns is not that of the header")
            chunk.append(_row([row[place] for place in places], zone))
        except ValueError as error:
            raise bad_rows([(reader.line_num, str(error))]) from error
        if len(chunk) >= CHUNK:
            yield np.array(chunk, dtype=np.int64)
            chunk = []
    if chunk:
        yield np.array(chunk, dtype=np.int64)


def _row(cells: Sequence[str], zone: ZoneInfo) -> list[int]:
    prices = [_micros(number(cell, name)) for cell, name in zip(cells[1:5], PRICE_NAMES, strict=False)]
    return [_second(cells[0].strip(), zone), *prices, int(number(cells[5], "volume"))]


def _micros(price: Decimal) -> int:
    return int((price * MICRO).to_integral_value())


def _second(text: str, zone: ZoneInfo) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= 13:
        value = int(text)
        return value // 1000 if value >= _MILLISECONDS else value
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"the time is not ISO 8601 or seconds since 1970: {text[:24]!r}") from error
    return int((at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp())


def lean_day(name: str) -> date | None:
    """The day of a LEAN minute file, `20240108_trade.zip`; None for another file."""
    found = _LEAN_NAME.fullmatch(name)
    try:
        return None if found is None else datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def lean_minutes(text: str, day: date) -> IntArray:
    """Bars of one day of LEAN's: milliseconds since midnight in New York, prices times 10,000, volume.

    Raises Invalid `bad_rows`.
    """
    midnight = datetime.combine(day, time(), tzinfo=LEAN_ZONE)
    rows = []
    for line, cells in enumerate(csv.reader(text.splitlines()), start=1):
        if not cells:
            continue
        try:
            if len(cells) != COLUMNS:
                raise ValueError(f"{len(cells)} columns instead of {COLUMNS}")
            offset, *prices, volume = (int(number(cell, "number")) for cell in cells)
            if not 0 <= offset < MS_OF_A_DAY:
                raise ValueError("the time is outside the day")
        except ValueError as error:
            raise bad_rows([(line, str(error))]) from error
        # By the clock on the wall: a day on which it changes is an hour shorter or longer.
        wall = datetime.combine(day, time(offset // 3_600_000, offset // 60_000 % 60, offset // 1000 % 60))
        second = int(wall.replace(tzinfo=midnight.tzinfo).timestamp())
        rows.append([second, *(price * LEAN_TO_MICROS for price in prices), volume])
    return np.array(rows, dtype=np.int64).reshape(-1, COLUMNS)


def checked(table: IntArray, *, minutes: int, after: int, now: int) -> IntArray:
    """The chunk, when every bar is one: whole, on the grid of `minutes`, later than the one before, not in the future.

    `after` is the time of the bar before the chunk. Raises Invalid `bad_rows` that names the first bad bar.
    """
    times, lows, highs = table[:, TIME], table[:, LOW], table[:, HIGH]
    before = np.concatenate(([after], times[:-1]))
    bad = (
        (times <= before, "is not later than the bar before it"),
        (times % (minutes * 60) != 0, f"does not begin at a whole {minutes} minutes"),
        (times > now, "is in the future"),
        (lows <= 0, "has a price that is not above zero"),
        (lows > np.minimum(table[:, OPEN], table[:, CLOSE]), "has an open or a close below its low"),
        (highs < np.maximum(table[:, OPEN], table[:, CLOSE]), "has an open or a close above its high"),
        (table[:, VOLUME] < 0, "has a negative volume"),
    )
    for wrong, reason in bad:
        if wrong.any():
            at = int(times[int(wrong.argmax())])
            shown = datetime.fromtimestamp(at, tz=UTC).isoformat() if 0 <= at < 2**37 else str(at)
            details = {"count": int(wrong.sum()), "rows": [{"row": shown, "reason": reason}]}
            raise Invalid("bad_rows", f"The bar of {shown} {reason}.", details)
    return table
