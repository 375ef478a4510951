"""Payouts of profit as their traders see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from propfirm.models import PropActivity, PropPayout

_LABELS = {
    "payout_requested": "Asked for", "payout_reviewed": "Looked at", "payout_approved": "Approved",
    "payout_rejected": "Not approved", "payout_cancelled": "Taken back", "payout_paid": "Paid",
    "payout_failed": "Failed", "payout_returned": "Returned by the bank",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PropPayoutStep:
    """A step of a payout."""

    status: str
    label: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PropPayoutView:
    """A payout of profit. Amounts are minor units; `paid_status` is how the money itself stands, "" before that."""

    public_id: UUID
    number: str
    currency: str
    gross_minor: int
    trader_minor: int
    firm_minor: int
    refund_minor: int
    removed_minor: int
    split_percent: Decimal
    status: str
    label: str
    reason: str
    verdict_id: int
    paid_id: UUID | None
    paid_status: str
    created_at: datetime
    decided_at: datetime | None
    steps: tuple[PropPayoutStep, ...]

    @property
    def may_cancel(self) -> bool:
        """Whether the trader may still take it back."""
        return self.status in (PropPayout.Status.REQUESTED, PropPayout.Status.REVIEWED)


def payouts_query(account_id: int) -> QuerySet[PropPayout]:
    """The payouts of an account, the newest first; `payout_views` of a page of it."""
    return PropPayout.objects.filter(account_id=account_id).select_related("account", "payout").order_by("-pk")


def payouts_of(user_id: int) -> QuerySet[PropPayout]:
    """The payouts of all accounts of a person, the newest first."""
    rows = PropPayout.objects.filter(account__owner_id=user_id)
    return rows.select_related("account", "payout").order_by("-pk")


def payout_views(rows: Iterable[PropPayout]) -> list[PropPayoutView]:
    """Rows with their steps, in one statement more."""
    found = list(rows)
    steps: dict[str, list[PropPayoutStep]] = {}
    activities = PropActivity.objects.filter(
        account_id__in={row.account_id for row in found},
        kind__in=_LABELS,
        data__payout__in=[str(row.public_id) for row in found],
    )
    for item in activities.order_by("pk"):
        step = PropPayoutStep(item.kind.removeprefix("payout_"), _LABELS[item.kind], item.message, item.created_at)
        steps.setdefault(str(item.data["payout"]), []).append(step)
    return [_view(row, steps.get(str(row.public_id), [])) for row in found]


def _view(row: PropPayout, steps: list[PropPayoutStep]) -> PropPayoutView:
    paid: dict[str, Any] = {"paid_id": None, "paid_status": ""}
    label = row.get_status_display()
    if row.payout is not None:
        paid = {"paid_id": row.payout.public_id, "paid_status": row.payout.status}
        label = row.payout.get_status_display()
    return PropPayoutView(
        public_id=row.public_id,
        number=row.account.number,
        currency=row.currency,
        gross_minor=row.gross_minor,
        trader_minor=row.trader_minor,
        firm_minor=row.firm_minor,
        refund_minor=row.refund_minor,
        removed_minor=row.removed_minor,
        split_percent=row.split_percent,
        status=row.status,
        label=str(label),
        reason=row.reason,
        verdict_id=row.verdict_id,
        created_at=row.created_at,
        decided_at=row.decided_at,
        steps=tuple(steps),
        **paid,
    )
