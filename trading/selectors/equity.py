"""Equity curves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import TruncDate

from trading.models import EquityPoint

MAX_POINTS = 5000


# By places in time, each found by the index: as quick for a long curve as for a short one.
_WHOLE = """
SELECT DISTINCT ON (p.tick) p.market_at, p.equity_minor
FROM (SELECT min(tick)::bigint AS first, max(tick)::bigint AS last FROM trading_equitypoint
    WHERE account_id = %(account)s) AS ends
CROSS JOIN generate_series(0, %(steps)s) AS place
CROSS JOIN LATERAL (
    SELECT tick, market_at, equity_minor FROM trading_equitypoint
    WHERE account_id = %(account)s AND tick <= ends.first + (ends.last - ends.first) * place / %(steps)s
    ORDER BY tick DESC LIMIT 1) AS p
ORDER BY p.tick
"""


def equity_curve(account_id: int, *, points: int = 1000) -> list[tuple[datetime, int]]:
    """(market time, equity in minor units) from the first point to the last, oldest first.

    Of a curve of more than `points` ticks, that many evenly in time.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WHOLE, {"account": account_id, "steps": max(1, min(points, MAX_POINTS) - 1)})
        return list(cursor.fetchall())


def _points(account_id: int, start: datetime | None, end: datetime | None) -> QuerySet[EquityPoint]:
    rows = EquityPoint.objects.filter(account_id=account_id)
    if start is not None:
        rows = rows.filter(market_at__gte=start)
    return rows if end is None else rows.filter(market_at__lt=end)


def equity_points(
    account_id: int,
    *,
    by_day: bool = False,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = MAX_POINTS,
) -> list[tuple[datetime, int, int]]:
    """(market time, equity, cash) of the newest `limit` points in [start, end), oldest first, in minor units.

    `by_day` keeps the last point of each day in UTC.
    """
    rows = _points(account_id, start, end)
    if by_day:
        days = rows.annotate(day=TruncDate("market_at", tzinfo=UTC)).order_by("-day", "-tick").distinct("day")
        found = days.values_list("market_at", "equity_minor", "cash_minor", "day")[:limit]
        return [(at, equity, cash) for at, equity, cash, _ in reversed(found)]
    return list(reversed(rows.order_by("-tick").values_list("market_at", "equity_minor", "cash_minor")[:limit]))


def point_before(account_id: int, at: datetime) -> tuple[datetime, int, int] | None:
    """The last point before a moment, as in `equity_points`."""
    rows = EquityPoint.objects.filter(account_id=account_id, market_at__lt=at).order_by("-tick")
    return rows.values_list("market_at", "equity_minor", "cash_minor").first()


_SPARKLINES = """
SELECT a.id, p.equity_minor FROM unnest(%s::bigint[]) AS a(id)
CROSS JOIN LATERAL (
    SELECT tick, equity_minor FROM trading_equitypoint WHERE account_id = a.id ORDER BY tick DESC LIMIT %s
) p ORDER BY a.id, p.tick
"""


def sparklines(account_ids: Sequence[int], points: int = 60) -> dict[int, list[int]]:
    """The newest `points` equities (minor units) of each account, oldest first; one statement for all."""
    result: dict[int, list[int]] = {account_id: [] for account_id in account_ids}
    with connection.cursor() as cursor:
        cursor.execute(_SPARKLINES, [list(account_ids), min(points, 500)])
        for account_id, equity in cursor.fetchall():
            result[account_id].append(equity)
    return result


def equity_at(group_id: int, tick: int) -> dict[int, int]:
    """The equity (minor units) of each account of a group that has a point at a tick."""
    rows = EquityPoint.objects.filter(account__group_id=group_id, tick=tick)
    return dict(rows.values_list("account_id", "equity_minor"))
