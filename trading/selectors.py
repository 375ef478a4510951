"""The reads of trading. They return frozen values, never rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from core.errors import NotFound
from core.money import exponent, major_text, to_major, to_minor
from marketdata import selectors as market_selectors
from marketdata.domain.types import Quote
from trading.domain import states
from trading.domain.types import Actor, OrderView, maybe_plain, plain
from trading.domain.views import AccountView, FillView, GroupMarks, PositionView, TransitionView
from trading.models import Account, EquityPoint, Fill, Order, OrderTransition, Position

MAX_ROWS = 1000


def _accounts() -> QuerySet[Account]:
    return Account.objects.select_related("owner", "market", "group", "mark")


def _account_view(row: Account) -> AccountView:
    mark = getattr(row, "mark", None)
    return AccountView(
        id=row.pk,
        owner_id=row.owner_id,
        owner_name=row.owner.display_name,
        owner_kind=row.owner.kind,
        label=row.label,
        purpose=row.purpose,
        market_id=row.market_id,
        market_slug=row.market.slug,
        group_id=row.group_id,
        group_status=row.group.status if row.group else None,
        currency=row.currency,
        status=row.status,
        initial_minor=row.initial_minor,
        cash_minor=row.cash_minor,
        reserved_minor=row.reserved_minor,
        realized_minor=row.realized_minor,
        fees_minor=row.fees_minor,
        fills_count=row.fills_count,
        open_orders_count=row.open_orders_count,
        equity_minor=mark.equity_minor if mark else row.cash_minor,
        marked_at=mark.market_at if mark else None,
        created_at=row.created_at,
    )


def _may_see(row: Account, viewer: Actor | None) -> bool:
    if row.owner.kind == "agent":
        return True
    return viewer is not None and (viewer.is_staff or viewer.user_id == row.owner_id)


def account_get(account_id: int, viewer: Actor | None) -> AccountView:
    """One account: the owner's own, an agent's (public), or any for an operator. Raises NotFound otherwise."""
    row = _accounts().filter(pk=account_id).first()
    if row is None or not _may_see(row, viewer):
        raise NotFound("account_not_found", "There is no such account.")
    return _account_view(row)


def may_listen(user: Any, account_id: int) -> bool:
    """Whether a user may follow the live channel of an account."""
    row = Account.objects.select_related("owner").filter(pk=account_id).first()
    return row is not None and _may_see(row, Actor(user_id=user.pk, is_staff=user.is_staff))


def accounts_query(viewer: Actor | None) -> QuerySet[Account]:
    """The accounts that the viewer may see, newest first: their own and the agents'; all for an operator."""
    rows = _accounts().order_by("-id")
    if viewer is not None and viewer.is_staff:
        return rows
    agents = rows.filter(owner__kind="agent").exclude(group__is_listed=False)
    return agents if viewer is None else rows.filter(owner_id=viewer.user_id) | agents


def account_views(rows: Iterable[Account]) -> list[AccountView]:
    """Views of rows of `accounts_query`."""
    return [_account_view(row) for row in rows]


def accounts_for_user(user_id: int, limit: int = 200) -> list[AccountView]:
    """A user's own accounts, newest first."""
    return account_views(_accounts().filter(owner_id=user_id).order_by("-id")[:limit])


def accounts_by_ids(account_ids: Sequence[int]) -> dict[int, AccountView]:
    """Views by id, for callers that already know that they may see them."""
    return {row.pk: _account_view(row) for row in _accounts().filter(pk__in=account_ids)}


def positions(account_id: int, *, include_closed: bool = False) -> list[PositionView]:
    """Holdings of an account at the latest prices, by symbol."""
    rows = (
        Position.objects.select_related("listing", "account").filter(account_id=account_id).order_by("listing__symbol")
    )
    rows = rows if include_closed else rows.exclude(quantity=0)
    found = list(rows[:MAX_ROWS])
    if not found:
        return []
    market_id = found[0].account.market_id
    by_listing = {quote.listing_id: quote for quote in market_selectors.quotes_all(market_id).values()}
    currencies = {item.id: item.currency for item in market_selectors.listings(market_id)}
    return [_position_view(row, by_listing.get(row.listing_id), currencies.get(row.listing_id)) for row in found]


def _position_view(row: Position, quote: Quote | None, listed_in: str | None) -> PositionView:
    """A position at its quote (at its cost when there is none), in the account's currency at the stored rate."""
    currency = row.account.currency
    last = None if quote is None else quote.last
    value = row.cost_minor
    if quote is not None:
        same = listed_in in (None, currency)
        fx = Decimal(1) if same else market_selectors.fx_rate(str(listed_in), currency, quote.at.date()) or Decimal(1)
        value = to_minor(row.quantity * quote.last * fx, currency)
    average = Decimal(0) if not row.quantity else to_major(row.cost_minor, currency) / row.quantity
    return PositionView(
        symbol=row.listing.symbol,
        name=row.listing.name,
        quantity=row.quantity,
        reserved_quantity=row.reserved_quantity,
        avg_price=average.quantize(Decimal(1).scaleb(-exponent(currency) - 2)),
        last=last,
        cost_minor=row.cost_minor,
        value_minor=value,
        unrealized_minor=value - row.cost_minor,
        realized_minor=row.realized_minor,
        currency=currency,
    )


def holdings(account_ids: Sequence[int]) -> dict[int, dict[str, tuple[Decimal, Decimal]]]:
    """(signed quantity, quantity of a long free to sell) by symbol, for many accounts in one statement."""
    found: dict[int, dict[str, tuple[Decimal, Decimal]]] = {account_id: {} for account_id in account_ids}
    rows = Position.objects.filter(account_id__in=account_ids).exclude(quantity=0).order_by("account_id", "listing_id")
    for account_id, symbol, quantity, reserved in rows.values_list(
        "account_id", "listing__symbol", "quantity", "reserved_quantity"
    ):
        found[account_id][symbol] = (quantity, max(quantity - reserved, Decimal(0)))
    return found


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


def orders(account_id: int, *, open_only: bool = False, limit: int = 100) -> list[OrderView]:
    """The newest orders of an account."""
    return order_views(list(orders_query(account_id, open_only=open_only)[: min(limit, MAX_ROWS)]))


def order_get(order_id: int, viewer: Actor | None) -> OrderView:
    """One order, under the same rule as its account. Raises NotFound."""
    row = Order.objects.select_related("account__owner").filter(pk=order_id).first()
    if row is None or not _may_see(row.account, viewer):
        raise NotFound("order_not_found", "There is no such order.")
    return order_views([row])[0]


def order_transitions(order_id: int) -> list[TransitionView]:
    """The life of an order, oldest step first."""
    rows = OrderTransition.objects.filter(order_id=order_id).order_by("id")[:MAX_ROWS]
    return [TransitionView(row.from_status, row.to_status, row.reason, row.market_at, row.created_at) for row in rows]


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
    )


def fills(account_id: int, *, limit: int = 100) -> list[FillView]:
    """The newest fills of an account."""
    return [fill_view(row) for row in fills_query(account_id)[: min(limit, MAX_ROWS)]]


def equity_curve(account_id: int, *, limit: int = 1000) -> list[tuple[datetime, int]]:
    """(market time, equity in minor units) of the newest `limit` points, oldest first."""
    rows = EquityPoint.objects.filter(account_id=account_id).order_by("-tick").values_list("market_at", "equity_minor")
    return list(reversed(rows[: min(limit, 5000)]))


_MARKS = """
SELECT a.id, coalesce(m.equity_minor, a.cash_minor), coalesce(m.cash_minor, a.cash_minor), a.fills_count
FROM trading_account a LEFT JOIN trading_accountmark m ON m.account_id = a.id WHERE a.group_id = %s ORDER BY a.id
"""


def group_marks(group_id: int) -> GroupMarks:
    """Latest marks of all accounts of a group, in account-id order."""
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, [group_id])
        table = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 4)
    return GroupMarks(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


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
