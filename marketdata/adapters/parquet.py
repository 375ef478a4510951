"""Bars in Parquet files, in batches: columns date or timestamp, open, high, low, close, volume and maybe symbol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Invalid
from marketdata.domain.candles_query import DAY
from marketdata.domain.feed import MICRO, micros
from marketdata.domain.minute_files import CHUNK, PRICE_NAMES, TIME_NAMES
from marketdata.domain.replay import IntArray

MAX_SYMBOLS = 5_000
LARGEST = 10**11


@dataclass(frozen=True, slots=True)
class ParquetBars:
    """A file whose columns have been found. `symbols` is None when it does not name any."""

    path: Path
    columns: dict[str, str]
    symbols: tuple[str, ...] | None


def is_parquet(path: Path) -> bool:
    """Whether a file is one, by its name."""
    return path.suffix.lower() in (".parquet", ".pq")


def parquet_open(path: Path) -> ParquetBars:
    """Find the columns and the symbols of a file. Raises Invalid."""
    try:
        import pyarrow.parquet as pq

        names = list(pq.ParquetFile(path).schema_arrow.names)
    except Exception as error:
        raise _unreadable(path) from error
    lower = {name.lower(): name for name in names}
    when = next((name for name in TIME_NAMES if name in lower), None)
    missing = [name for name in PRICE_NAMES if name not in lower]
    if when is None or missing:
        details = {"found": names[:20], "needed": ["date or timestamp", *PRICE_NAMES]}
        raise Invalid("bad_header", f"{path.name} lacks the columns {', '.join(missing) or 'date'}.", details)
    columns = {"at": lower[when], **{name: lower[name] for name in PRICE_NAMES}}
    return ParquetBars(path, columns, _symbols(path, lower["symbol"]) if "symbol" in lower else None)


def _symbols(path: Path, column: str) -> tuple[str, ...]:
    found: set[str] = set()
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(batch_size=CHUNK, columns=[column]):
        found.update(str(value) for value in batch.column(0).unique().to_pylist() if value)
        if len(found) > MAX_SYMBOLS:
            raise Invalid("too_many_symbols", f"{path.name} has more than {MAX_SYMBOLS} symbols.")
    return tuple(sorted(found))


def parquet_bars(file: ParquetBars, symbol: str | None) -> Iterator[IntArray]:
    """Chunks of bars, of one symbol where the file has several: seconds, prices in millionths, volume.

    Rows keep the order of the file. Raises Invalid for what is not a number.
    """
    import pyarrow.dataset as ds

    names = [file.columns[name] for name in ("at", *PRICE_NAMES)]
    chosen = None
    if symbol is not None and file.symbols is not None:
        column = next(name for name in ds.dataset(file.path).schema.names if name.lower() == "symbol")
        chosen = ds.field(column) == symbol
    for batch in ds.dataset(file.path).to_batches(columns=names, filter=chosen, batch_size=CHUNK, batch_readahead=1):
        if not batch.num_rows:
            continue
        at = _seconds(batch.column(0), file.path)
        prices = [_column(batch.column(index), name) for index, name in enumerate(PRICE_NAMES[:4], start=1)]
        volume = _whole(batch.column(5))
        yield np.column_stack([at, *prices, volume])


def _seconds(column: Any, path: Path) -> IntArray:
    import pyarrow as pa

    if column.null_count:
        raise Invalid("bad_rows", f"{path.name} has a row without a time.")
    kind = column.type
    if pa.types.is_date(kind):
        return np.asarray(column.cast(pa.date32()).cast(pa.int32()).to_numpy(), dtype=np.int64) * DAY
    if pa.types.is_timestamp(kind):
        return np.asarray(column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64()).to_numpy()) // MICRO
    if pa.types.is_integer(kind):
        values = np.asarray(column.to_numpy(), dtype=np.int64)
        return values // 1000 if len(values) and int(values.max()) >= LARGEST else values
    raise Invalid("bad_header", f"{path.name}: the column of times is neither dates nor times.", {"found": str(kind)})


def _column(column: Any, name: str) -> IntArray:
    """Prices in millionths: of floats the nearest, of decimals exact."""
    import pyarrow as pa

    if column.null_count:
        raise Invalid("bad_rows", f"A bar has no {name}.")
    if pa.types.is_decimal(column.type) or pa.types.is_string(column.type):
        return np.array([micros(Decimal(str(value))) for value in column.to_pylist()], dtype=np.int64)
    values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    if not np.isfinite(values).all() or (np.abs(values) > LARGEST).any():
        raise Invalid("bad_rows", f"A {name} is not a number of a sensible size.")
    return np.asarray(np.rint(values * MICRO), dtype=np.int64)


def _whole(column: Any) -> IntArray:
    values = np.asarray(column.fill_null(0).cast("float64").to_numpy(zero_copy_only=False))
    if not np.isfinite(values).all() or (np.abs(values) > 10**15).any():
        raise Invalid("bad_rows", "A volume is not a number of a sensible size.")
    return np.asarray(np.rint(values), dtype=np.int64)


def _unreadable(path: Path) -> Invalid:
    return Invalid("file_unreadable", f"{path.name} is not a readable Parquet file.")
