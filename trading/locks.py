"""Every row lock of the trading app. Global order: account -> order -> position -> ledger.

The lock and the load are one statement (trading/sql/order_path.sql), so that a decision costs one round trip.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from django.db import connection

from core.postgres import direct
from trading.domain.snapshot import Snapshot
from trading.models import Account, EnforcementPause

_SNAPSHOT = direct.Statement(b"trading_snapshot", b"SELECT trading_snapshot($1::bigint, $2::jsonb)::text")
_APPLY = direct.Statement(b"trading_apply", b"SELECT trading_apply($1::jsonb)")
# The functions are volatile and the scan keeps the order of its arrays: one account after the other.
_SNAPSHOTS = """
SELECT trading_snapshot(w.account_id, jsonb_build_object('order_id', w.order_id, 'skip_locked', true))::text
FROM unnest(%s::bigint[], %s::bigint[]) AS w(account_id, order_id)
"""


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
    # As text: the numbers of rows become exact Decimals here, never floats.
    row = direct.run(_SNAPSHOT, (account_id, json.dumps(wanted)))
    return None if row is None or row[0] is None else Snapshot.from_json(json.loads(row[0], parse_float=Decimal))


def orders_snapshot(wanted: Sequence[tuple[int, int]]) -> list[Snapshot | None]:
    """Lock several accounts at once, each for one of its orders: (account, order), no account twice.

    In the order given, and without ever waiting: None for an account that another transaction holds (or that is not
    there), so that whoever holds these cannot be part of a deadlock over accounts.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SNAPSHOTS, [[account_id for account_id, _ in wanted], [order_id for _, order_id in wanted]])
        rows = [row[0] for row in cursor.fetchall()]
    return [None if row is None else Snapshot.from_json(json.loads(row, parse_float=Decimal)) for row in rows]


def plans_apply(plans: Sequence[dict[str, Any]]) -> None:
    """Write decisions about several accounts, each locked by `orders_snapshot`, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT trading_apply(d) FROM jsonb_array_elements(%s::jsonb) d", [json.dumps(plans)])


def plan_apply(data: dict[str, Any], *, last: bool = False) -> None:
    """Write a whole decision about the account locked by `account_snapshot` in one statement.

    `last`: nothing follows it in the transaction, so the commit goes out with it.
    """
    direct.run(_APPLY, (orjson.dumps(data).decode(),), last=last)


def accounts_lock(account_ids: Sequence[int]) -> list[Account]:
    """Lock accounts in id order until the transaction ends; their rows with their groups."""
    query = Account.objects.select_related("group").select_for_update(no_key=True, of=("self",))
    return list(query.filter(pk__in=account_ids).order_by("id"))


def accounts_barrier(*, group_id: int) -> list[int]:
    """Lock every account of a group in id order: whoever was deciding has finished when this returns."""
    query = Account.objects.select_for_update(no_key=True).filter(group_id=group_id).order_by("id")
    return list(query.values_list("id", flat=True))


def pause_lock(pause_id: int) -> EnforcementPause | None:
    """Lock a pause of enforcement until the transaction ends; None when there is none."""
    query = EnforcementPause.objects.select_related("listing").select_for_update(no_key=True, of=("self",))
    return query.filter(pk=pause_id).first()
