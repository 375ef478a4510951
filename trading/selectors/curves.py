"""Equity curves of several accounts at the same moments, thinned: what a chart of a whole contest needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

MOST_LINES, MOST_MOMENTS = 60, 500

# Evenly among an account's points, the first and the last always.
_MOMENTS = """
SELECT tick, market_at FROM (
    SELECT tick, market_at, row_number() OVER (ORDER BY tick) - 1 AS place, count(*) OVER () AS total
    FROM trading_equitypoint WHERE account_id = %(account)s) AS p
WHERE place IN (0, total - 1)
    OR place * %(steps)s / greatest(total - 1, 1) > (place - 1) * %(steps)s / greatest(total - 1, 1)
ORDER BY tick
"""
_CURVES = """
SELECT a.id, m.place, p.equity_minor
FROM unnest(%s::bigint[]) AS a(id)
CROSS JOIN unnest(%s::int[]) WITH ORDINALITY AS m(tick, place)
CROSS JOIN LATERAL (
    SELECT equity_minor FROM trading_equitypoint
    WHERE account_id = a.id AND tick <= m.tick ORDER BY tick DESC LIMIT 1) AS p
"""


def curve_moments(account_id: int, most: int) -> list[tuple[int, datetime]]:
    """(tick, market time) of at most `most` points of an account's curve, oldest first, evenly among all it has."""
    most = max(2, min(most, MOST_MOMENTS))
    with connection.cursor() as cursor:
        cursor.execute(_MOMENTS, {"account": account_id, "steps": most - 1})
        return [(tick, at) for tick, at in cursor.fetchall()]


def curves_at(account_ids: Sequence[int], ticks: Sequence[int]) -> dict[int, list[int | None]]:
    """Each account's equity (minor units) at each of these ticks; None before its first point. One statement for all.

    The first 60 accounts and 500 ticks are read.
    """
    ids, moments = list(account_ids)[:MOST_LINES], list(ticks)[:MOST_MOMENTS]
    found: dict[int, list[int | None]] = {account_id: [None] * len(moments) for account_id in ids}
    with connection.cursor() as cursor:
        cursor.execute(_CURVES, [ids, moments])
        for account_id, place, equity in cursor.fetchall():
            found[account_id][place - 1] = equity
    return found
