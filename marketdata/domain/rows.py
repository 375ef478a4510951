"""Reading rows of price files: headers, cells, and every bad row with its reason. Pure: text in, values out."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from core.errors import Invalid

LARGEST_PRICE = Decimal(10**11)
LARGEST_VOLUME = 10**15
ERRORS_KEPT = 20
_INDEX_NAMES = {"", "unnamed: 0", "index", "datetime", "timestamp"}
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
Row = TypeVar("Row")
NumberedRow = tuple[int, list[str]]


def numbered(text: str) -> list[NumberedRow]:
    """Rows with their line numbers, blank ones left out."""
    reader = csv.reader(io.StringIO(text))
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise bad_rows([(reader.line_num, str(error))]) from error


def with_header(text: str, columns: Sequence[str], optional: Sequence[str] = ()) -> list[NumberedRow]:
    """Rows in the order of `columns` and `optional`, whatever the order, the case and the further columns in the file.

    A column of dates may come without a name, as the first. What is optional and not there is empty. Raises Invalid
    `bad_header`.
    """
    rows = numbered(text.removeprefix("\ufeff"))
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    if "date" in columns and "date" not in header and header and header[0] in _INDEX_NAMES:
        header[0] = "date"
    if any(header.count(column) != 1 for column in columns) or any(header.count(column) > 1 for column in optional):
        details = {"found": header[:20], "needed": list(columns)}
        raise Invalid("bad_header", f"The first row must name the columns {', '.join(columns)}.", details)
    places = [header.index(column) if column in header else -1 for column in (*columns, *optional)]
    return [(number, _picked(row, places, len(header))) for number, row in rows[1:]]


def _picked(row: list[str], places: Sequence[int], width: int) -> list[str]:
    """Cells by place; a row of another width than the header gives an empty list, which no reader takes."""
    return [row[place] if place >= 0 else "" for place in places] if len(row) == width else []


def rows_read(rows: Iterable[NumberedRow], read: Callable[[list[str]], Row]) -> list[tuple[int, Row]]:
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
        raise bad_rows(bad)
    return good


def bad_rows(bad: Sequence[tuple[int, str]]) -> Invalid:
    """The error that names the first bad rows and why."""
    shown = [{"row": number, "reason": reason} for number, reason in bad[:ERRORS_KEPT]]
    first = f"row {bad[0][0]}: {bad[0][1]}"
    return Invalid("bad_rows", f"{len(bad)} bad rows; {first}.", {"count": len(bad), "rows": shown})


def number(cell: str, name: str) -> Decimal:
    """A finite number of a sensible size; raises ValueError saying what is wrong with it."""
    try:
        value = Decimal(cell.strip())
    except InvalidOperation as error:
        raise ValueError(f"the {name} is not a number: {cell.strip()[:24]!r}") from error
    if not value.is_finite():
        raise ValueError(f"the {name} is not a finite number")
    if abs(value) > (LARGEST_VOLUME if name == "volume" else LARGEST_PRICE):
        raise ValueError(f"the {name} is too large")
    return value


def iso_date(cell: str) -> date:
    """A date, with or without a time of day behind it; raises ValueError."""
    found = _DATE.fullmatch(cell.strip())
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError as error:
        raise ValueError(f"the date is not YYYY-MM-DD: {cell.strip()[:24]!r}") from error


def lean_date(cell: str) -> date:
    """A date of LEAN's files; raises ValueError."""
    try:
        return datetime.strptime(cell.strip()[:8], "%Y%m%d").date()  # noqa: DTZ007
    except ValueError as error:
        raise ValueError(f"the date is not YYYYMMDD: {cell.strip()[:24]!r}") from error
