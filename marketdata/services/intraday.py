"""Loading bars shorter than a day: streamed into a staging table, checked, merged, rolled. A symbol at once or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.db import connection, transaction

from core.errors import Invalid
from marketdata.adapters.bars_binary import copy_in
from marketdata.adapters.bars_copy import COPY_STAGE, STAGE, bars_roll, stage_create, stage_merge
from marketdata.adapters.partitions import partitions_ensure
from marketdata.domain.candles_query import CLOSE, HIGH, LOW, OPEN, TIME, VOLUME
from marketdata.domain.feed import MICRO
from marketdata.domain.minute_files import checked
from marketdata.domain.replay import IntArray
from marketdata.models import FeedEvent, Instrument
from marketdata.services.history import Provenance

LONGEST_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class IntradayResult:
    """What a load did: bars read, bars that are new or differ, and the range."""

    symbol: str
    minutes: int
    bars: int
    changed: int
    first: datetime
    last: datetime


def intraday_store(
    *, instrument: Instrument, minutes: int, chunks: Iterable[IntArray], provenance: Provenance, now: datetime
) -> IntradayResult:
    """Load chunks of bars (seconds, open, high, low, close in millionths, volume; ascending) in one transaction.

    Coarser bars are rolled from them. Where they came from is kept as an event of the feed. Repeating a load changes
    nothing. Raises Invalid for bars that cannot be, and when there are none.
    """
    with transaction.atomic(durable=True):
        return intraday_store_in_tx(
            instrument=instrument, minutes=minutes, chunks=chunks, provenance=provenance, now=now
        )


def intraday_store_in_tx(
    *, instrument: Instrument, minutes: int, chunks: Iterable[IntArray], provenance: Provenance, now: datetime
) -> IntradayResult:
    """`intraday_store` in the caller's transaction."""
    if not 0 < minutes < 1440:
        raise Invalid("bad_request", "Bars of a part of a day have 1 to 1439 minutes.", {"field": "minutes"})
    stream = _Stream(instrument.pk, minutes, chunks, int(now.timestamp()))
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST_SECONDS}s'")
    stage_create()
    total = copy_in(COPY_STAGE, stream.columns())
    if not total:
        raise Invalid("no_rows", "There are no bars.")
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {STAGE}")
    first, last = (datetime.fromtimestamp(each, tz=UTC) for each in (stream.first, stream.last))
    partitions_ensure(first, last)
    changed = stage_merge()
    if changed:
        bars_roll([instrument.pk], minutes=minutes, first=first, last=last)
    result = IntradayResult(instrument.symbol, minutes, total, changed, first, last)
    _record(result, provenance)
    return result


class _Stream:
    """Chunks on their way to the staging table: checked, counted, with the first and the last time seen."""

    def __init__(self, instrument_id: int, minutes: int, chunks: Iterable[IntArray], now: int) -> None:
        self.instrument_id, self.minutes, self.chunks, self.now = instrument_id, minutes, chunks, now
        self.first, self.last = 0, -1

    def columns(self) -> Iterator[dict[str, Any]]:
        """The chunks as columns for COPY."""
        for table in self.chunks:
            if not len(table):
                continue
            checked(table, minutes=self.minutes, after=self.last, now=self.now)
            if self.last < 0:
                self.first = int(table[0, TIME])
            self.last = int(table[-1, TIME])
            yield {
                "instrument_id": self.instrument_id,
                "minutes": self.minutes,
                "at": table[:, TIME] * MICRO,
                "open": table[:, OPEN],
                "high": table[:, HIGH],
                "low": table[:, LOW],
                "close": table[:, CLOSE],
                "volume": table[:, VOLUME],
                "trades": np.zeros(len(table), dtype=np.int64),
            }


def _record(result: IntradayResult, provenance: Provenance) -> None:
    """Where the bars came from, for who asks later."""
    FeedEvent.objects.create(
        kind=FeedEvent.Kind.BACKFILL,
        provider=provenance.source[:24],
        message=f"{result.bars} bars of {result.minutes} min of {result.symbol}, {result.changed} new or changed",
        details={
            "symbol": result.symbol,
            "minutes": result.minutes,
            "bars": result.bars,
            "changed": result.changed,
            "first": result.first.isoformat(),
            "last": result.last.isoformat(),
            "source": provenance.source,
            "licence": provenance.licence,
        },
    )
