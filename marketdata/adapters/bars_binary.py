"""Bars between numpy and PostgreSQL in COPY's binary format: millions of rows without an object for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from django.db import connection
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER = b"\xff\xff"
PG_EPOCH = 946_684_800  # 1 January 2000, from which PostgreSQL counts microseconds
CHUNK_ROWS = 100_000
# instrument_id bigint, minutes smallint, at timestamptz, open, high, low, close, volume bigint, trades integer
_WRITTEN = np.dtype(
    [("fields", ">i2")]
    + [
        part
        for name, kind in (
            *(("instrument_id", ">i8"), ("minutes", ">i2"), ("at", ">i8"), ("open", ">i8"), ("high", ">i8")),
            *(("low", ">i8"), ("close", ">i8"), ("volume", ">i8"), ("trades", ">i4")),
        )
        for part in ((f"{name}_length", ">i4"), (name, kind))
    ]
)
NAMES = tuple(name for name in _WRITTEN.names or () if name != "fields" and not name.endswith("_length"))


def rows_packed(columns: dict[str, Any]) -> bytes:
    """Rows of intraday bars for COPY: arrays or numbers by column; `at` in microseconds since 1970."""
    length = max(len(value) for value in columns.values() if isinstance(value, np.ndarray | list))
    packed = np.empty(length, dtype=_WRITTEN)
    packed["fields"] = len(NAMES)
    for name in NAMES:
        packed[f"{name}_length"] = packed.dtype[name].itemsize
        values = columns[name]
        packed[name] = np.asarray(values, dtype=np.int64) - PG_EPOCH * 1_000_000 if name == "at" else values
    return packed.tobytes()


def copy_in(statement: str, chunks: Iterator[dict[str, Any]]) -> int:
    """Send chunks of intraday bars by a COPY statement in binary format; how many rows were sent."""
    sent = 0
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(SIGNATURE)
        for columns in chunks:
            data = rows_packed(columns)
            copy.write(data)
            sent += len(data) // _WRITTEN.itemsize
        copy.write(TRAILER)
    return sent


def table_read(query: str, params: Sequence[Any], columns: int) -> IntArray:
    """What a query of `columns` bigint columns without nulls answers, as [rows, columns]."""
    operations: Any = connection.ops
    statement = operations.compose_sql(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", params)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        data = b"".join(bytes(part) for part in copy)
    layout = np.dtype([("fields", ">i2"), ("cells", [("length", ">i4"), ("value", ">i8")], (columns,))])
    begin = len(SIGNATURE)
    count = (len(data) - begin - len(TRAILER)) // layout.itemsize
    rows = np.frombuffer(data, dtype=layout, count=count, offset=begin)
    return cast(IntArray, rows["cells"]["value"].astype(np.int64))
