"""Executions."""

from __future__ import annotations

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
