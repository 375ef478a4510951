"""Accounts, and who may see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet

from core.errors import Denied, NotFound
from trading.domain.margin import Exposure, margin_of
from trading.domain.ports import Access, account_access
from trading.domain.purposes import PRACTICE
from trading.domain.snapshot import terms_of
from trading.domain.types import Actor
from trading.domain.views import AccountView, GroupMarks
from trading.models import Account, Position
from trading.selectors.marks import Marks, marks_at


def _accounts() -> QuerySet[Account]:
    return Account.objects.select_related("owner", "market", "group", "mark")


def _account_view(row: Account, margin_power: int | None) -> AccountView:
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
        other_minor=row.other_minor,
        is_margin=row.is_margin,
        lock_reason=row.lock_reason,
        locked_until=row.locked_until,
        margin_power_minor=margin_power,
    )


def _margin_powers(rows: Sequence[Account]) -> dict[int, int]:
    """Buying power of the margin accounts among `rows` at the quotes in force; one statement for all positions."""
    margin = [row for row in rows if row.is_margin]
    if not margin:
        return {}
    held: dict[int, list[tuple[int, Any, int]]] = {row.pk: [] for row in margin}
    found = Position.objects.filter(account_id__in=list(held)).exclude(quantity=0)
    for account_id, listing_id, quantity, cost in found.values_list(
        "account_id", "listing_id", "quantity", "cost_minor"
    ):
        held[account_id].append((listing_id, quantity, cost))
    kept: dict[tuple[int, str], Marks] = {}
    powers = {}
    for row in margin:
        key = (row.market_id, row.currency)
        marks = kept[key] = kept.get(key) or marks_at(*key)
        exposures = [Exposure(ident, size, marks.value_minor(ident, size, cost)) for ident, size, cost in held[row.pk]]
        terms = terms_of(row.terms)
        excess = margin_of(row.cash_minor, exposures, terms).excess_minor - row.reserved_minor
        powers[row.pk] = int(excess * terms.leverage)
    return powers


def may_see(row: Account, viewer: Actor | None) -> bool:
    """Whether the viewer may look at an account.

    An agent's is public. Others are their owner's, the operators', and whoever's their purpose lets look: a team's, or
    everyone's after a contest.
    """
    if row.owner.kind == "agent":
        return True
    if viewer is not None and (viewer.is_staff or viewer.user_id == row.owner_id):
        return True
    return account_access(row.purpose, row.pk, None if viewer is None else viewer.user_id) >= Access.SEE


def may_trade(account: AccountView, viewer: Actor | None) -> bool:
    """Whether an account is the viewer's to trade: as its owner, or as one of those who share it."""
    if viewer is None or viewer.user_id is None:
        return False
    if viewer.user_id == account.owner_id:
        return True
    return account_access(account.purpose, account.id, viewer.user_id) == Access.TRADE


def account_get(account_id: int, viewer: Actor | None) -> AccountView:
    """One account: the owner's own, an agent's (public), or any for an operator. Raises NotFound otherwise."""
    row = _accounts().filter(pk=account_id).first()
    if row is None or not may_see(row, viewer):
        raise NotFound("account_not_found", "There is no such account.")
    return account_views([row])[0]


def may_listen(user: Any, account_id: int) -> bool:
    """Whether a user may follow the live channel of an account."""
    row = Account.objects.select_related("owner").filter(pk=account_id).first()
    return row is not None and may_see(row, Actor(user_id=user.pk, is_staff=user.is_operator))


def accounts_query(viewer: Actor | None) -> QuerySet[Account]:
    """The accounts that the viewer may see, newest first: their own and the agents'; all for an operator."""
    rows = _accounts().order_by("-id")
    if viewer is not None and viewer.is_staff:
        return rows
    agents = rows.filter(owner__kind="agent").exclude(group__is_listed=False)
    return agents if viewer is None else rows.filter(owner_id=viewer.user_id) | agents


def account_views(rows: Iterable[Account]) -> list[AccountView]:
    """Views of rows of `accounts_query`."""
    found = list(rows)
    powers = _margin_powers(found)
    return [_account_view(row, powers.get(row.pk)) for row in found]


def accounts_for_user(user_id: int, limit: int = 200) -> list[AccountView]:
    """A user's own accounts, newest first."""
    return account_views(_accounts().filter(owner_id=user_id).order_by("-id")[:limit])


def accounts_by_ids(account_ids: Sequence[int]) -> dict[int, AccountView]:
    """Views by id, for callers that already know that they may see them."""
    return {view.id: view for view in account_views(_accounts().filter(pk__in=account_ids))}


def own_account(user_id: int, account_id: int | None) -> int:
    """The account of a user that a request means: the one named, or the only active one.

    Raises NotFound when it is not the user's, Denied `account_required` when none is named and there is no single one.
    """
    rows = Account.objects.filter(owner_id=user_id)
    if account_id is not None:
        if not rows.filter(pk=account_id).exists():
            raise NotFound("account_not_found", "There is no such account.")
        return account_id
    found = list(rows.filter(status="active").order_by("-id").values_list("id", flat=True)[:2])
    if len(found) != 1:
        words = "You have several accounts" if found else "You have no account yet"
        raise Denied("account_required", f"{words}: send the account_id to trade on.")
    return found[0]


def practice_account_of(user_id: int) -> int | None:
    """A person's practice account, unless they have none."""
    rows = Account.objects.filter(owner_id=user_id, purpose=PRACTICE).exclude(status=Account.Status.CLOSED)
    return rows.values_list("id", flat=True).first()


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
