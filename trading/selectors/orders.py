"""Orders and their lives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from core.errors import NotFound
from core.money import major_text
from trading.domain import states
from trading.domain.types import Actor, OrderView, maybe_plain, plain
from trading.domain.views import TransitionView
from trading.models import Order, OrderTransition
from trading.selectors.accounts import may_see

MAX_ROWS = 1000
LIST_STATUSES = ("open", "closed", "all")


def order_view(row: Order, legs: tuple[int, ...] = ()) -> OrderView:
    """A stored order as others see it. The row's account must be loaded or loadable."""
    return OrderView(
        id=row.pk,
        account_id=row.account_id,
        symbol=row.symbol,
        side=row.side,
        type=row.type,
        time_in_force=row.time_in_force,
        quantity=plain(row.quantity),
        filled_quantity=plain(row.filled_quantity),
        limit_price=maybe_plain(row.limit_price),
        average_price=maybe_plain(row.average_price),
        status=row.status,
        code=row.code,
        message=row.message,
        details=row.details or {},
        client_order_id=row.client_order_id,
        source=row.source,
        market_at=None if row.market_at is None else row.market_at.isoformat(),
        created_at=row.created_at.isoformat(),
        fee=major_text(row.fees_minor, row.account.currency) if row.filled_quantity else None,
        currency=row.account.currency,
        stop_price=maybe_plain(row.stop_price),
        trail_amount=maybe_plain(row.trail_amount),
        trail_percent=maybe_plain(row.trail_percent),
        expires_at=None if row.expires_at is None else row.expires_at.isoformat(),
        reduce_only=row.reduce_only,
        order_class=row.order_class,
        role=row.role,
        parent_id=row.link_id if row.role and row.link_id != row.pk else None,
        legs=legs,
        replaces_id=row.replaces_id,
        replaced_by_id=row.replaced_by_id,
    )


def order_views(rows: Sequence[Order]) -> list[OrderView]:
    """Orders as others see them, each with the ids of its legs; one statement for all of the legs."""
    entries = [row.pk for row in rows if row.order_class != "simple"]
    legs: dict[int, list[int]] = {}
    if entries:
        found = Order.objects.filter(link_id__in=entries).exclude(pk__in=entries).order_by("id")
        for pk, entry in found.values_list("id", "link_id"):
            legs.setdefault(entry or 0, []).append(pk)
    return [order_view(row, tuple(legs.get(row.pk, ()))) for row in rows]


def orders_query(account_id: int, *, open_only: bool = False) -> QuerySet[Order]:
    """Orders of an account, newest first."""
    rows = Order.objects.select_related("account").filter(account_id=account_id).order_by("-id")
    return rows.filter(status__in=states.LIVE) if open_only else rows


def orders_filtered(
    account_id: int,
    *,
    status: str = "all",
    symbol: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    client_order_id: str = "",
) -> QuerySet[Order]:
    """Orders of an account, newest first: `status` open, closed or all; accepted in [since, until) of market time."""
    rows = orders_query(account_id, open_only=status == "open")
    if status == "closed":
        rows = rows.filter(status__in=states.TERMINAL)
    if symbol:
        rows = rows.filter(symbol=symbol)
    if client_order_id:
        rows = rows.filter(client_order_id=client_order_id)
    if since is not None:
        rows = rows.filter(market_at__gte=since)
    return rows if until is None else rows.filter(market_at__lt=until)


def orders(account_id: int, *, open_only: bool = False, limit: int = 100) -> list[OrderView]:
    """The newest orders of an account."""
    return order_views(list(orders_query(account_id, open_only=open_only)[: min(limit, MAX_ROWS)]))


def order_get(order_id: int, viewer: Actor | None) -> OrderView:
    """One order, under the same rule as its account. Raises NotFound."""
    row = Order.objects.select_related("account__owner").filter(pk=order_id).first()
    if row is None or not may_see(row.account, viewer):
        raise NotFound("order_not_found", "There is no such order.")
    return order_views([row])[0]


def order_legs(order: OrderView) -> list[OrderView]:
    """The legs of an order that the viewer has been shown, in the order of their ids."""
    if not order.legs:
        return []
    rows = Order.objects.select_related("account").filter(pk__in=order.legs, account_id=order.account_id)
    return order_views(list(rows.order_by("id")))


def order_transitions(order_id: int) -> list[TransitionView]:
    """The life of an order, oldest step first."""
    rows = OrderTransition.objects.filter(order_id=order_id).order_by("id")[:MAX_ROWS]
    return [TransitionView(row.from_status, row.to_status, row.reason, row.market_at, row.created_at) for row in rows]
