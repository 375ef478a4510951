"""Reading price files: CSV and LEAN's daily layout. Pure: text in; bars and actions out, or every bad row and why."""

import csv
import io
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import TypeVar

from core.errors import Invalid
from marketdata.domain.types import Action, Bar

BAR_COLUMNS = ("date", "open", "high", "low", "close", "volume")
ACTION_COLUMNS = ("symbol", "ex_date", "kind", "value")
PLACES = Decimal("0.000001")
EIGHT_PLACES = Decimal("0.00000001")
LARGEST_PRICE = Decimal(10**11)
LARGEST_VOLUME = 10**15
LEAN_SCALE = Decimal(10_000)
ERRORS_KEPT = 20
ODD_VOLUME = 300
Row = TypeVar("Row")
NumberedRow = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class ParsedSeries:
    """Bars in order of date, actions (None: the files say nothing of them), and what looked odd but was taken."""

    bars: list[Bar]
    actions: list[Action] | None = None
    warnings: list[str] = field(default_factory=list)


def csv_bars(text: str, *, today: date) -> ParsedSeries:
    """Bars from CSV with the header date,open,high,low,close,volume. Raises Invalid `bad_rows` or `bad_header`."""
    bars = _rows_read(_with_header(text, BAR_COLUMNS), lambda row: _bar(_iso_date(row[0]), row[1:], Decimal(1), today))
    return _series(bars)


def csv_actions(text: str, *, symbols: Sequence[str]) -> dict[str, list[Action]]:
    """Corporate actions by symbol from CSV with the header symbol,ex_date,kind,value."""

    def read(row: list[str]) -> tuple[str, Action]:
        symbol, kind = row[0].strip().upper(), row[2].strip().lower()
        if symbol not in symbols:
            raise ValueError(f"{symbol or 'an empty symbol'} is not being imported")
        if kind not in {"split", "dividend"}:
            raise ValueError("the kind is neither split nor dividend")
        value = _number(row[3], "value").quantize(EIGHT_PLACES, rounding=ROUND_HALF_EVEN)
        if value <= 0:
            raise ValueError("the value is not above zero")
        return symbol, Action(kind, _iso_date(row[1]), value)

    found: dict[str, list[Action]] = {symbol: [] for symbol in symbols}
    for number, (symbol, action) in _rows_read(_with_header(text, ACTION_COLUMNS), read):
        if any((other.kind, other.ex_date) == (action.kind, action.ex_date) for other in found[symbol]):
            raise _bad_rows([(number, f"a second {action.kind} of {symbol} on {action.ex_date}")])
        found[symbol].append(action)
    return found


def lean_bars(bars_text: str, factors_text: str | None, *, today: date) -> ParsedSeries:
    """Bars of LEAN's daily CSV and the splits and dividends that its factor file implies.

    Bars before the factor file's first row belonged to another company under the same ticker and are left out.
    """

    def read(row: list[str]) -> Bar:
        if len(row) != len(BAR_COLUMNS):
            raise ValueError(f"{len(row)} columns instead of {len(BAR_COLUMNS)}")
        return _bar(_lean_date(row[0]), row[1:], LEAN_SCALE, today)

    series = _series(_rows_read(_numbered(bars_text), read))
    if factors_text is None:
        return series
    factors = [row for _, row in _rows_read(_numbered(factors_text), _factor)]
    if not factors:
        return series
    kept = [bar for bar in series.bars if bar.date >= factors[0].until]
    dropped = len(series.bars) - len(kept)
    notes = [f"{dropped} bars before {factors[0].until} left out: the factor file begins there"] if dropped else []
    return ParsedSeries(kept, factor_actions(factors, [bar.date for bar in kept]), series.warnings + notes)


@dataclass(frozen=True, slots=True)
class Factor:
    """A row of a LEAN factor file: holds up to and including `until`; `reference` is that day's close as traded."""

    until: date
    price: Decimal
    split: Decimal
    reference: Decimal


def factor_actions(factors: Sequence[Factor], sessions: Sequence[date]) -> list[Action]:
    """Splits and dividends from changes between factor rows, effective at the session after the earlier row.

    Where the bars have a hole, that session is the next weekday. Several actions on one day become one.
    """
    merged: dict[tuple[str, date], Decimal] = {}
    for before, after in pairwise(factors):
        if not sessions or not sessions[0] <= before.until < sessions[-1]:
            continue
        ex_date = _session_after(before.until, sessions)
        if before.split != after.split:
            ratio = _neat_ratio(after.split / before.split)
            merged["split", ex_date] = merged.get(("split", ex_date), Decimal(1)) * ratio
        cash = _neat_cash(before, after)
        if cash > 0:
            merged["dividend", ex_date] = merged.get(("dividend", ex_date), Decimal(0)) + cash
    return [
        Action(kind, ex_date, value.quantize(EIGHT_PLACES, rounding=ROUND_HALF_EVEN))
        for (kind, ex_date), value in merged.items()
    ]


def _session_after(day: date, sessions: Sequence[date]) -> date:
    following = sessions[bisect_right(sessions, day)]
    weekday = day + timedelta(days=max(1, 7 - day.weekday() if day.weekday() >= 4 else 1))
    return following if following - day <= timedelta(days=7) else weekday


def _neat_cash(before: Factor, after: Factor) -> Decimal:
    """The dividend, on the coarsest grid that the factors' seven places allow: 2.649939 is 2.65."""
    cash = before.reference * (1 - before.price / after.price)
    blur = before.reference * Decimal("3e-7") / min(after.price, Decimal(1))
    for step in (Decimal("0.01"), Decimal("0.005"), Decimal("0.001"), Decimal("0.0001")):
        neat = (cash / step).to_integral_value(rounding=ROUND_HALF_EVEN) * step
        if abs(neat - cash) <= blur:
            return neat
    return cash.quantize(PLACES, rounding=ROUND_HALF_EVEN)


def _neat_ratio(ratio: Decimal) -> Decimal:
    """A split ratio freed of the factor file's rounding: 6.99999 is 7 for 1."""
    neat = Fraction(ratio).limit_denominator(20)
    if neat and abs(Fraction(ratio) / neat - 1) < Fraction(1, 20_000):
        ratio = Decimal(neat.numerator) / Decimal(neat.denominator)
    return ratio


def _factor(row: list[str]) -> Factor:
    if len(row) != 4:
        raise ValueError(f"{len(row)} columns instead of 4")
    factor = Factor(_lean_date(row[0]), *(_number(cell, "factor") for cell in row[1:]))
    if factor.price <= 0 or factor.split <= 0:
        raise ValueError("a factor is not above zero")
    return factor


def _numbered(text: str) -> list[NumberedRow]:
    """Rows with their line numbers, blank ones left out."""
    reader = csv.reader(io.StringIO(text))
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise _bad_rows([(reader.line_num, str(error))]) from error


def _with_header(text: str, columns: Sequence[str]) -> list[NumberedRow]:
    """Rows in the order of `columns`, whatever the order in the file."""
    rows = _numbered(text.removeprefix("\ufeff"))
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if sorted(header) != sorted(columns):
        details = {"found": header[:20], "needed": list(columns)}
        raise Invalid("bad_header", f"The first row must name the columns {', '.join(columns)}.", details)
    places = [header.index(column) for column in columns]
    return [(number, _picked(row, places)) for number, row in rows[1:]]


def _picked(row: list[str], places: Sequence[int]) -> list[str]:
    """Cells by place; an incomplete row gives an empty list, which no reader takes."""
    return [row[place] for place in places] if len(row) == len(places) else []


def _rows_read(rows: Iterable[NumberedRow], read: Callable[[list[str]], Row]) -> list[tuple[int, Row]]:
    """Every row read, or Invalid with the first bad ones and their reasons."""
    good: list[tuple[int, Row]] = []
    bad: list[tuple[int, str]] = []
    for number, row in rows:
        try:
            if not row:
                raise ValueError("the number of columns is not that of the header")
            good.append((number, read(row)))
        except ValueError as error:
            bad.append((number, str(error)))
    if bad:
        raise _bad_rows(bad)
    return good


def _bad_rows(bad: Sequence[tuple[int, str]]) -> Invalid:
    shown = [{"row": number, "reason": reason} for number, reason in bad[:ERRORS_KEPT]]
    first = f"row {bad[0][0]}: {bad[0][1]}"
    return Invalid("bad_rows", f"{len(bad)} bad rows; {first}.", {"count": len(bad), "rows": shown})


def _series(rows: Sequence[tuple[int, Bar]]) -> ParsedSeries:
    if not rows:
        raise Invalid("no_rows", "There are no bars in the file.")
    first: dict[date, int] = {}
    twice = []
    for number, bar in rows:
        if bar.date in first:
            twice.append((number, f"{bar.date} is there already, in row {first[bar.date]}"))
        first.setdefault(bar.date, number)
    if twice:
        raise _bad_rows(twice)
    bars = sorted((bar for _, bar in rows), key=lambda bar: bar.date)
    return ParsedSeries(bars, None, _odd_volumes(bars))


def _odd_volumes(bars: Sequence[Bar]) -> list[str]:
    """Days whose volume is out of all proportion to the days around them: often a vendor's mistake in scale."""
    odd = []
    for index, bar in enumerate(bars):
        around = [other.volume for other in bars[max(index - 10, 0) : index + 11] if other is not bar]
        if around and bar.volume > ODD_VOLUME * max(median(around), 1000):
            odd.append(f"{bar.date}: volume {bar.volume} is {ODD_VOLUME} times or more that of the days around it")
    return odd


def _bar(day: date, cells: Sequence[str], scale: Decimal, today: date) -> Bar:
    if day > today:
        raise ValueError(f"{day} is in the future")
    opens, high, low, close = (
        (_number(cell, name) / scale).quantize(PLACES, rounding=ROUND_HALF_EVEN)
        for cell, name in zip(cells, BAR_COLUMNS[1:5], strict=False)
    )
    volume = int(_number(cells[4], "volume"))
    if min(opens, high, low, close) <= 0:
        raise ValueError("a price is not above zero")
    if low > high:
        raise ValueError("the high is below the low")
    if low > min(opens, close) or high < max(opens, close):
        raise ValueError("the open or the close is outside low to high")
    if volume < 0:
        raise ValueError("the volume is negative")
    return Bar(day, opens, high, low, close, volume)


def _number(cell: str, name: str) -> Decimal:
    try:
        value = Decimal(cell.strip())
    except InvalidOperation as error:
        raise ValueError(f"the {name} is not a number: {cell.strip()[:24]!r}") from error
    if not value.is_finite():
        raise ValueError(f"the {name} is not a finite number")
    if abs(value) > (LARGEST_VOLUME if name == "volume" else LARGEST_PRICE):
        raise ValueError(f"the {name} is too large")
    return value


def _iso_date(cell: str) -> date:
    try:
        return date.fromisoformat(cell.strip())
    except ValueError as error:
        raise ValueError(f"the date is not YYYY-MM-DD: {cell.strip()[:24]!r}") from error


def _lean_date(cell: str) -> date:
    try:
        return datetime.strptime(cell.strip()[:8], "%Y%m%d").date()  # noqa: DTZ007
    except ValueError as error:
        raise ValueError(f"the date is not YYYYMMDD: {cell.strip()[:24]!r}") from error
