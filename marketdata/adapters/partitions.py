"""The monthly partitions of intraday bars: made when the first bar of a month comes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import connection, transaction

from core.errors import Invalid

MAX_MONTHS = 720
_LOCK = 0x4D4250  # one process at a time makes partitions


def partitions_ensure(first: datetime, last: datetime) -> int:
    """Make the partitions that bars from `first` to `last` need; how many were missing.

    A partition is made apart and then attached, which stops nobody from reading or writing the others. Raises Invalid
    for a range of more than sixty years.
    """
    months = list(_months(first, last))
    names = [_name(month) for month in months]
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relispartition", [names])
        known = {row[0] for row in cursor.fetchall()}
    missing = [(name, month) for name, month in zip(names, months, strict=True) if name not in known]
    if not missing:
        return 0
    made = 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        for name, month in missing:
            cursor.execute("SELECT 1 FROM pg_class WHERE relname = %s AND relispartition", [name])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE TABLE {name} (LIKE marketdata_intradaybar INCLUDING ALL)")
                cursor.execute(
                    f"ALTER TABLE marketdata_intradaybar ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
                    [month, _next(month)],
                )
                made += 1
    return made


def _months(first: datetime, last: datetime) -> Iterator[datetime]:
    month = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = last.astimezone(UTC)
    if (end.year - month.year) * 12 + end.month - month.month > MAX_MONTHS:
        raise Invalid("range_too_long", "Bars of more than sixty years at once are not taken.", {"field": "range"})
    while month <= end:
        yield month
        month = _next(month)


def _next(month: datetime) -> datetime:
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _name(month: datetime) -> str:
    return f"marketdata_intradaybar_y{month.year:04d}m{month.month:02d}"
