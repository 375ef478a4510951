"""Reads that only pages need. Frozen values, never rows; whoever calls has checked who may see them."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q

from trading.domain.fees import Charge
from trading.domain.types import OrderView
from trading.domain.views import FillView
from trading.models import Fill, Order
from trading.selectors import fill_view, order_views

MAX_LINKED = 50
MAX_FILLS = 500


def order_fills(order_id: int) -> list[FillView]:
    """The fills of an order, oldest first, with their charges and quotes."""
    rows = Fill.objects.select_related("listing", "account").filter(order_id=order_id).order_by("id")
    return [fill_view(row) for row in rows[:MAX_FILLS]]


def linked_orders(order_id: int) -> list[OrderView]:
    """What hangs together with an order: its entry, legs and siblings, what it replaced and what replaced it."""
    row = Order.objects.filter(pk=order_id).values("link_id", "replaces_id", "replaced_by_id").first()
    if row is None:
        return []
    group = row["link_id"] or order_id
    ids = [found for found in (row["replaces_id"], row["replaced_by_id"], group) if found]
    rows = Order.objects.select_related("account").filter(Q(pk__in=ids) | Q(link_id=group) | Q(link_id=order_id))
    return order_views(list(rows.exclude(pk=order_id).order_by("id")[:MAX_LINKED]))


_CHARGES = """
SELECT coalesce(kind, 'commission'), sum(coalesce(minor::bigint, f.fee_minor))::bigint FROM trading_fill f
LEFT JOIN LATERAL jsonb_each_text(f.charges) AS c(kind, minor) ON true
WHERE f.account_id = %s GROUP BY 1 ORDER BY 2 DESC, 1
"""


def charges_by_kind(account_id: int) -> list[Charge]:
    """What an account has paid so far, by kind, the most first; what was paid before kinds were kept is commission."""
    with connection.cursor() as cursor:
        cursor.execute(_CHARGES, [account_id])
        return [Charge(kind, minor) for kind, minor in cursor.fetchall() if minor]


def symbols_traded(account_id: int) -> list[str]:
    """The symbols that an account has sent orders in, for filters."""
    rows = Order.objects.filter(account_id=account_id).order_by("symbol").values_list("symbol", flat=True).distinct()
    return list(rows[:200])
