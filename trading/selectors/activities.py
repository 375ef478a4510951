"""All that moved an account's cash or positions, in one feed: fills, their fees, dividends, splits, delistings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import F, IntegerField, Value
from django.db.models.fields import CharField

from trading.domain.views import ActivityView
from trading.models import Adjustment, Fill
from trading.selectors.books import charges_of

_COLUMNS = ("market_at", "rank", "id", "what")


def activities_query(account_id: int, kinds: Sequence[str] = ()) -> Any:
    """(market time, rank, id, kind) of the activities, newest first; `kinds` names those wanted, empty: all."""
    wanted = set(kinds)
    fills = Fill.objects.filter(account_id=account_id)
    changes = Adjustment.objects.filter(account_id=account_id)
    if wanted:
        changes = changes.filter(kind__in=wanted)
    parts: list[Any] = [changes.annotate(rank=_number(0), what=F("kind")).values_list(*_COLUMNS)]
    if not wanted or "fill" in wanted:
        parts.append(fills.annotate(rank=_number(1), what=_word("fill")).values_list(*_COLUMNS))
    if not wanted or "fee" in wanted:
        paid = fills.exclude(fee_minor=0)
        parts.append(paid.annotate(rank=_number(2), what=_word("fee")).values_list(*_COLUMNS))
    first, *rest = parts
    return first.union(*rest, all=True).order_by("-market_at", "-rank", "-id") if rest else first.order_by("-id")


def _number(value: int) -> Value:
    return Value(value, output_field=IntegerField())


def _word(value: str) -> Value:
    return Value(value, output_field=CharField())


def activity_views(rows: Sequence[Any]) -> list[ActivityView]:
    """Views of rows of `activities_query`: two statements, however many."""
    fills = Fill.objects.select_related("listing", "account").in_bulk([row[2] for row in rows if row[1]])
    changes = Adjustment.objects.select_related("listing", "account").in_bulk([row[2] for row in rows if not row[1]])
    found = []
    for _, rank, ident, kind in rows:
        if rank == 0 and ident in changes:
            found.append(_change(changes[ident]))
        elif ident in fills:
            found.append(_fee(fills[ident]) if kind == "fee" else _fill(fills[ident]))
    return found


def _fill(row: Fill) -> ActivityView:
    sign = 1 if row.side == "buy" else -1
    return ActivityView(
        id=f"fill-{row.pk}",
        kind="fill",
        symbol=row.listing.symbol,
        quantity=sign * row.quantity,
        price=row.price,
        cash_minor=-sign * row.notional_minor,
        realized_minor=row.realized_minor,
        currency=row.account.currency,
        order_id=row.order_id,
        details={"side": row.side},
        market_at=row.market_at,
        created_at=row.created_at,
    )


def _fee(row: Fill) -> ActivityView:
    return ActivityView(
        id=f"fee-{row.pk}",
        kind="fee",
        symbol=row.listing.symbol,
        quantity=None,
        price=None,
        cash_minor=-row.fee_minor,
        realized_minor=0,
        currency=row.account.currency,
        order_id=row.order_id,
        details={"charges_minor": {item.kind: item.minor for item in charges_of(row.charges, row.fee_minor)}},
        market_at=row.market_at,
        created_at=row.created_at,
    )


def _change(row: Adjustment) -> ActivityView:
    return ActivityView(
        id=f"adjustment-{row.pk}",
        kind=row.kind,
        symbol=row.listing.symbol if row.listing else "",
        quantity=row.quantity_after - row.quantity_before,
        price=None,
        cash_minor=row.cash_minor,
        realized_minor=row.realized_minor,
        currency=row.account.currency,
        order_id=None,
        details=row.details,
        market_at=row.market_at,
        created_at=row.created_at,
    )
