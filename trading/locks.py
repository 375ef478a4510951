"""Every row lock of the trading app. Global order: account -> order -> position -> ledger.

The lock and the load are one statement (trading/sql/order_path.sql), so that a decision costs one round trip.
"""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
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
    ids: int = 0,
    side: str | None = None,
    skip_locked: bool = False,
) -> Snapshot | None:
    """Lock the account until the transaction ends and load what a decision about it needs; None when there is none.

    `ids` takes that many order ids; with `skip_locked` an account that another transaction holds counts as not there.
    """
    wanted: dict[str, Any] = {}
    if order_id is not None:
        wanted["order_id"] = order_id
    elif listing_id is not None:
        wanted["listing_id"] = listing_id
    if key is not None:
        wanted |= {"scope": scope, "key": key}
    if day_start is not None:
        wanted["day_start"] = day_start.isoformat()
    if ids:
        wanted |= {"ids": ids, "side": side}
    if skip_locked:
        wanted["skip_locked"] = True
    with connection.cursor() as cursor:
        # As text: the numbers of rows become exact Decimals here, never floats.
        cursor.execute("SELECT trading_snapshot(%s, %s::jsonb)::text", [account_id, json.dumps(wanted)])
        row: Any = cursor.fetchone()
    return None if row[0] is None else Snapshot.from_json(json.loads(row[0], parse_float=Decimal))


def plan_apply(data: dict[str, Any]) -> None:
    """Write a whole decision about the account locked by `account_snapshot` in one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT trading_apply(%s::jsonb)", [json.dumps(data)])


def accounts_barrier(*, group_id: int) -> list[int]:
    """Lock every account of a group in id order: whoever was deciding has finished when this returns."""
    query = Account.objects.select_for_update(no_key=True).filter(group_id=group_id).order_by("id")
    return list(query.values_list("id", flat=True))
