"""Every row lock of the trading app. Global order: account -> order -> position -> ledger.

The lock and the load are one statement (trading/sql/order_path.sql), so that a decision costs one round trip.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import connection

from trading.domain.snapshot import Snapshot
from trading.models import Account


def account_snapshot(
    *,
    account_id: int,
    listing_id: int | None = None,
    order_id: int | None = None,
    scope: str | None = None,
    key: str | None = None,
    day_start: datetime | None = None,
) -> Snapshot | None:
    """Lock the account until the transaction ends and load what a decision about it needs; None when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT trading_snapshot(%s, %s, %s, %s, %s, %s)", [account_id, listing_id, order_id, scope, key, day_start]
        )
        row: Any = cursor.fetchone()
    return None if row[0] is None else Snapshot.from_json(json.loads(row[0]))


def plan_apply(data: dict[str, Any]) -> None:
    """Write a whole decision about the account locked by `account_snapshot` in one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT trading_apply(%s::jsonb)", [json.dumps(data)])


def accounts_barrier(*, group_id: int) -> list[int]:
    """Lock every account of a group in id order: whoever was deciding has finished when this returns."""
    query = Account.objects.select_for_update(no_key=True).filter(group_id=group_id).order_by("id")
    return list(query.values_list("id", flat=True))
