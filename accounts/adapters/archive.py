"""Writes a ZIP of tables (JSON, and CSV beside it) and files as they are read: memory does not grow with them."""

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any, Self
from uuid import UUID
from zipfile import ZIP_DEFLATED, ZipFile

from core.csv_cells import safe_cell

SPOOLED = 1_048_576


class Archive:
    """A ZIP being written to an open file. `told` is called with each row, to count and to say that work goes on."""

    def __init__(self, file: IO[bytes], told: Callable[[], None] = lambda: None) -> None:
        self._zip = ZipFile(file, "w", compression=ZIP_DEFLATED, allowZip64=True)
        self._told = told

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
        """Write `data/<name>.json` (a list of objects) and `data/<name>.csv`; returns the number of rows."""
        count = 0
        with tempfile.SpooledTemporaryFile(max_size=SPOOLED) as kept:
            lines = io.TextIOWrapper(kept, encoding="utf-8", newline="", write_through=True)
            sheet = csv.writer(lines)
            sheet.writerow(columns)
            with self._zip.open(f"data/{name}.json", "w", force_zip64=True) as out:
                for row in rows:
                    text = json.dumps({key: row[key] for key in columns}, default=_plain, ensure_ascii=False)
                    out.write(f"{',' if count else '['}\n  {text}".encode(errors="replace"))
                    sheet.writerow([_cell(row[key]) for key in columns])
                    count += 1
                    self._told()
                out.write(b"\n]\n" if count else b"[]\n")
            kept.seek(0)
            with self._zip.open(f"data/{name}.csv", "w", force_zip64=True) as out:
                shutil.copyfileobj(kept, out)
            lines.detach()
        return count

    def file(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write a file as it is, a chunk at a time."""
        with self._zip.open(name, "w", force_zip64=True) as out:
            for chunk in chunks:
                out.write(chunk)
                self._told()

    def text(self, name: str, text: str) -> None:
        """Write a text."""
        self._zip.writestr(name, text)

    def __enter__(self) -> Self:
        """The archive; leaving it writes the directory of the ZIP, without which it cannot be read."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._zip.close()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


def _cell(value: Any) -> Any:
    """A value as a cell. Spreadsheets run what begins like a formula, so such a text gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, dict | list | tuple):
        value = json.dumps(value, default=_plain, ensure_ascii=False)
    elif isinstance(value, bool | int | float):
        return value
    elif isinstance(value, Decimal):
        return f"{value:f}"
    elif not isinstance(value, str):
        value = _plain(value)
    text = value.encode(errors="replace").decode()
    return safe_cell(text)
