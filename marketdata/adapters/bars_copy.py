"""Writing intraday bars in bulk: binary COPY into a staging table, one upsert. Repeating it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction

from marketdata.adapters.bars_binary import CHUNK_ROWS, NAMES, copy_in
from marketdata.adapters.partitions import partitions_ensure
from marketdata.domain.feed import BAR_MINUTES, at_of

Row = tuple[int, int, int, int, int, int, int, int, int]
STAGE = "marketdata_intraday_stage"
_COLUMNS = ", ".join(NAMES)
_CREATE = f"""
CREATE TEMP TABLE {STAGE} (
    instrument_id bigint, minutes smallint, at timestamptz, open bigint, high bigint, low bigint, close bigint,
    volume bigint, trades integer
) ON COMMIT DROP
"""
COPY_STAGE = f"COPY {STAGE} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
# The last of several bars of one moment in the stage counts. A bar that is the same is not written again.
_UPSERT = f"""
INSERT INTO marketdata_intradaybar AS bar ({_COLUMNS})
SELECT DISTINCT ON (instrument_id, minutes, at) {_COLUMNS} FROM {STAGE} ORDER BY instrument_id, minutes, at, ctid DESC
ON CONFLICT (instrument_id, minutes, at) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
    volume = excluded.volume, trades = excluded.trades
WHERE (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
    IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.trades)
"""  # noqa: S608

# Coarser bars, put together from finer ones of whole buckets, where they are new or differ.
_ROLL = """
INSERT INTO marketdata_intradaybar AS bar (instrument_id, minutes, at, open, high, low, close, volume, trades)
SELECT instrument_id, %(to)s, date_bin(make_interval(mins => %(to)s), at, '1970-01-01Z'),
    (array_agg(open ORDER BY at))[1], max(high), min(low), (array_agg(close ORDER BY at DESC))[1],
    sum(volume)::bigint, sum(trades)::int
FROM marketdata_intradaybar
WHERE instrument_id = ANY(%(ids)s) AND minutes = %(from)s
    AND at >= date_bin(make_interval(mins => %(to)s), %(first)s, '1970-01-01Z')
    AND at < date_bin(make_interval(mins => %(to)s), %(last)s, '1970-01-01Z') + make_interval(mins => %(to)s)
GROUP BY 1, 3
ON CONFLICT (instrument_id, minutes, at) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
    volume = excluded.volume, trades = excluded.trades
WHERE (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trades)
    IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.trades)
"""


def stage_create() -> None:
    """Make the staging table of this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {STAGE}")
        cursor.execute(_CREATE)


def stage_merge() -> int:
    """Put what is staged into the table; how many bars are new or differ. Partitions must be there."""
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT)
        changed = int(cursor.rowcount)
        cursor.execute(f"DROP TABLE {STAGE}")
    return changed


def bars_copy(rows: Sequence[Row]) -> int:
    """Store bars (instrument id, minutes, microseconds, open, high, low, close, volume, trades) in one transaction.

    Partitions are made as needed. How many bars are new or differ from what was there.
    """
    if not rows:
        return 0
    times = [row[2] for row in rows]
    partitions_ensure(at_of(min(times)), at_of(max(times)))
    with transaction.atomic():
        stage_create()
        copy_in(COPY_STAGE, _chunks(rows))
        return stage_merge()


def bars_roll(instrument_ids: Sequence[int], *, minutes: int, first: datetime, last: datetime) -> None:
    """Put the coarser bars together that bars of `minutes` from `first` to `last` belong to."""
    values: dict[str, Any] = {"from": minutes, "ids": list(instrument_ids), "first": first, "last": last}
    with connection.cursor() as cursor:
        for coarser in BAR_MINUTES:
            if coarser > minutes and coarser % minutes == 0:
                cursor.execute(_ROLL, {**values, "to": coarser})


def _chunks(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    for begin in range(0, len(rows), CHUNK_ROWS):
        table = np.array(rows[begin : begin + CHUNK_ROWS], dtype=np.int64)
        yield {name: table[:, index] for index, name in enumerate(NAMES)}
