"""The README of a copy of data: what each file is, what is not there and why."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from textwrap import fill

from accounts.ports import PersonalData, Table

_INTRODUCTION = """\
A COPY OF YOUR DATA

Made by Trading Arena on {at}. It holds everything that is kept about you. Each table is
there twice, with the same rows: as JSON (data/<name>.json, exact) and as CSV
(data/<name>.csv, for a spreadsheet). Each was read at the moment it was written, so a table
that changed meanwhile may be a little ahead of another.

- Columns that end in _minor are amounts in the smallest unit of their currency (cents).
- Times are UTC, in ISO 8601.
- Columns that end in _id say which row of another table is meant.
- In CSV, a text that a spreadsheet would take for a formula has an apostrophe before it.
"""
_TABLES = "\nTABLES\n\n"
_FILES = "\nFILES\n\n"
_MISSING = "\nWHAT IS NOT HERE, AND WHY\n\n"
_EVERYWHERE = (
    ("your password", "Only a hash of it is kept, which would help whoever steals this file."),
    ("answers to repeated requests", "Copies of what is in the tables, gone after a week."),
    ("events between parts of the platform", "Ids of rows that are in the tables, gone after a week."),
    ("logs", "They hold your user id and no other thing about you."),
    ("live standings and prices", "Worked out from the tables."),
)


def readme(shares: Sequence[PersonalData], counts: Mapping[str, int], files: Sequence[str], *, at: datetime) -> str:
    """The text."""
    tables = [table for share in shares for table in share.tables]
    text = _INTRODUCTION.format(at=f"{at:%d %B %Y, %H:%M} UTC") + _TABLES
    text += "".join(f"{_line(f'{table.name} ({counts.get(table.name, 0):,})', table.about)}\n" for table in tables)
    if files:
        text += _FILES + "".join(f"  {name}\n" for name in files)
    missing = [
        *_EVERYWHERE,
        *_columns(tables),
        *((name, why) for share in shares for name, why in share.left_out.items()),
    ]
    return text + _MISSING + "".join(f"{_line(name, why)}\n" for name, why in missing)


def _columns(tables: Iterable[Table]) -> Iterable[tuple[str, str]]:
    return ((f"{table.name}.{column}", why) for table in tables for column, why in table.leave_out.items())


def _line(name: str, words: str) -> str:
    return fill(f"{name}: {words}", width=92, initial_indent="  ", subsequent_indent="      ")
