"""Executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import QuerySet

from trading.domain.views import FillView
from trading.models import Fill

MAX_FILLS = 1000


def fills_query(account_id: int) -> QuerySet[Fill]:
    """Fills of an account, newest first."""
    return Fill.objects.select_related("listing", "account").filter(account_id=account_id).order_by("-id")


def fill_view(row: Fill) -> FillView:
    """A stored fill as others see it."""
    return FillView(
        id=row.pk,
        order_id=row.order_id,
        symbol=row.listing.symbol,
        side=row.side,
        quantity=row.quantity,
        price=row.price,
        notional_minor=row.notional_minor,
        fee_minor=row.fee_minor,
        realized_minor=row.realized_minor,
        cash_after_minor=row.cash_after_minor,
        currency=row.account.currency,
        market_at=row.market_at,
        created_at=row.created_at,
        quote=row.quote,
        charges=row.charges,
        fx=row.fx,
    )


def fills(account_id: int, *, limit: int = 100) -> list[FillView]:
    """The newest fills of an account."""
    return [fill_view(row) for row in fills_query(account_id)[: min(limit, MAX_FILLS)]]


_NEWEST_OF_EACH = """
SELECT f.id FROM unnest(%s::bigint[], %s::timestamptz[]) AS a(id, until)
CROSS JOIN LATERAL (
    SELECT id FROM trading_fill
    WHERE account_id = a.id AND created_at <= a.until AND id < %s ORDER BY id DESC LIMIT %s
) f ORDER BY f.id DESC LIMIT %s
"""
_NEWEST_OF_GROUP = """
SELECT max(f.id) FROM trading_account a
CROSS JOIN LATERAL (SELECT id FROM trading_fill WHERE account_id = a.id ORDER BY id DESC LIMIT 1) f
WHERE a.group_id = %s AND a.fills_count > 0
"""
LAST_ID = 2**63 - 1
# Ids of fills, of all accounts, that a feed of a group looks back over: what it costs does not grow with the platform.
LOOK_BACK = 200_000


@dataclass(frozen=True, slots=True)
class FeedFill:
    """What others may be shown of a fill. Quantity in units, price in the listing's currency, `at` is wall time."""

    id: int
    account_id: int
    side: str
    quantity: Decimal
    symbol: str
    price: Decimal
    tick_size: Decimal
    at: datetime
    market_at: datetime


_FEED = ("id", "account_id", "side", "quantity", "listing__symbol", "price", "listing__instrument__tick_size",
         "created_at", "market_at")  # fmt: skip


def fills_seen(until: Mapping[int, datetime], *, before: int | None = None, limit: int = 50) -> list[FeedFill]:
    """The newest fills of some accounts, each up to a wall moment of its own; `before`: with lower ids only."""
    if not until:
        return []
    size = min(limit, MAX_FILLS)
    with connection.cursor() as cursor:
        cursor.execute(
            _NEWEST_OF_EACH, [list(until), list(until.values()), LAST_ID if before is None else before, size, size]
        )
        ids = [row[0] for row in cursor.fetchall()]
    return [FeedFill(*row) for row in Fill.objects.filter(pk__in=ids).order_by("-id").values_list(*_FEED)]


def fills_of_group(
    group_id: int, *, until: datetime, before: int | None = None, limit: int = 50, is_closed: bool = False
) -> list[FeedFill]:
    """The newest fills of a group's accounts up to a wall moment, as far as LOOK_BACK reaches.

    It reaches back from `before`; without one from the newest fill of all, or of this group once it has closed.
    """
    start = before
    if start is None and is_closed:
        with connection.cursor() as cursor:
            cursor.execute(_NEWEST_OF_GROUP, [group_id])
            start = (cursor.fetchone()[0] or 0) + 1
    elif start is None:
        start = (Fill.objects.order_by("-id").values_list("id", flat=True).first() or 0) + 1
    rows = Fill.objects.filter(account__group_id=group_id, id__lt=start, id__gte=max(start - LOOK_BACK, 0))
    found = rows.filter(created_at__lte=until).order_by("-id").values_list(*_FEED)
    return [FeedFill(*row) for row in found[: min(limit, MAX_FILLS)]]
