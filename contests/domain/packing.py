"""Columns of whole numbers as few bytes: zlib of little-endian int64, as differences where those are smaller. Pure.

Layout: one byte for the version, one for how many columns, one for each column (1: stored as differences), then zlib
of the columns one after the other.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

VERSION = 1
MOST_COLUMNS = 255
_HEAD = 2
_LEVEL = 6


def pack(columns: Ints | Sequence[Sequence[int]]) -> bytes:
    """Columns of equal length, [columns, n], as bytes. Raises ValueError for what is no such table."""
    table = np.asarray(columns, dtype=np.int64)
    if table.ndim != 2 or not 1 <= len(table) <= MOST_COLUMNS:
        raise ValueError(f"a table has 1 to {MOST_COLUMNS} columns of equal length")
    flags, parts = bytearray(), []
    for column in table:
        plain, steps = _bytes(column), _bytes(_differences(column))
        # Tried quickly: which of the two zlib makes less of.
        is_steps = len(zlib.compress(steps, 1)) < len(zlib.compress(plain, 1))
        flags.append(is_steps)
        parts.append(steps if is_steps else plain)
    return bytes([VERSION, len(table)]) + bytes(flags) + zlib.compress(b"".join(parts), _LEVEL)


def unpack(packed: bytes) -> Ints:
    """What `pack` was given, [columns, n]. Raises ValueError for anything else."""
    if len(packed) < _HEAD or packed[0] != VERSION or not packed[1]:
        raise ValueError("these are no packed columns")
    count = packed[1]
    flags = packed[_HEAD : _HEAD + count]
    try:
        flat = np.frombuffer(zlib.decompress(packed[_HEAD + count :]), dtype="<i8")
        table = flat.astype(np.int64).reshape(count, -1)
    except (zlib.error, ValueError) as error:
        raise ValueError("these are no packed columns") from error
    for column, is_steps in zip(table, flags, strict=True):
        if is_steps:
            column[:] = np.cumsum(column, dtype=np.int64)
    return table


def _bytes(column: Ints) -> bytes:
    return np.ascontiguousarray(column, dtype="<i8").tobytes()


def _differences(column: Ints) -> Ints:
    """Each number less the one before. What overflows wraps, and wraps back when it is summed."""
    return np.diff(column, prepend=np.int64(0)).astype(np.int64)
