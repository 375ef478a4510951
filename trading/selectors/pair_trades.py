"""The orders that somebody decided on and that filled, as columns for the detectors of `trading.domain.pairs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection

from trading.domain.pairs import MOST_TRADES
from trading.domain.pairs_figures import Trades

MOST_ORDERS = 400_000  # the newest
_CHUNK = 20_000
# Nobody decided on these at that moment: exits that wait, and what the house does to an account.
_BY_ITSELF = ["margin", "intraday", "rules", "kill_switch"]

# One row an order, with the quote of its first fill. A resting order was decided on when it was placed.
_COLUMNS = """
SELECT DISTINCT ON (f.order_id) f.order_id, f.account_id, f.listing_id, CASE f.side WHEN 'buy' THEN 1 ELSE -1 END,
    (extract(epoch FROM o.created_at) * 1000000)::bigint, (extract(epoch FROM f.market_at) * 1000000)::bigint,
    CASE WHEN o.accepted_tick = (f.quote->>'tick')::int THEN o.accepted_tick ELSE -1 END,
    o.filled_quantity::float8, coalesce(o.average_price, f.price)::float8,
    coalesce((f.quote->>'last')::float8, f.price::float8), coalesce((f.quote->>'volume')::float8, 0)
"""
_OF_GROUP = f"""{_COLUMNS}
FROM trading_fill f JOIN trading_account a ON a.id = f.account_id JOIN trading_order o ON o.id = f.order_id
WHERE a.group_id = %s AND o.role = '' AND o.source <> ALL(%s) AND f.order_id > %s
ORDER BY f.order_id, f.id
"""
_OLDEST = """
SELECT coalesce((SELECT o.id FROM trading_order o JOIN trading_account a ON a.id = o.account_id
    WHERE a.group_id = %s AND o.filled_quantity > 0 ORDER BY o.id DESC OFFSET %s LIMIT 1), 0)
"""
_OF_ACCOUNTS = f"""{_COLUMNS}
FROM unnest(%s::bigint[]) AS a(id) CROSS JOIN LATERAL (
    SELECT * FROM trading_fill
    WHERE account_id = a.id AND market_at >= %s AND market_at <= %s ORDER BY id DESC LIMIT %s
) f JOIN trading_order o ON o.id = f.order_id
WHERE o.role = '' AND o.source <> ALL(%s)
ORDER BY f.order_id DESC, f.id
LIMIT %s
"""  # noqa: S608


def trades_of_group(group_id: int) -> Trades:
    """The newest orders of a group's accounts that filled and that somebody decided on, at most MOST_ORDERS."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, [group_id, MOST_ORDERS])
        cursor.execute(_OF_GROUP, [group_id, _BY_ITSELF, cursor.fetchone()[0]])
        return _columns(cursor)


def trades_of_accounts(account_ids: Sequence[int], *, since: datetime, until: datetime) -> Trades:
    """Such orders of some accounts whose first fill lies in a span of market time, both ends included.

    Of each account at most the newest 1,000 fills, as many as the comparison of pairs looks at; of all together at
    most the newest MOST_ORDERS orders.
    """
    with connection.cursor() as cursor:
        cursor.execute(_OF_ACCOUNTS, [list(account_ids), since, until, MOST_TRADES, _BY_ITSELF, MOST_ORDERS])
        return _columns(cursor)


def _columns(cursor: Any) -> Trades:
    """What a query found, as columns; a block at a time, so that few rows are held twice."""
    blocks = []
    while chunk := cursor.fetchmany(_CHUNK):
        blocks.append(np.array(chunk, dtype=np.float64))
    table = np.concatenate(blocks).T if blocks else np.empty((11, 0))
    return Trades(*(column.astype(np.int64) for column in table[:7]), *table[7:])
