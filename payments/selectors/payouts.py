"""Reads of payouts and of what is owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from core.errors import NotFound
from core.models import LedgerAccount, Posting
from payments.domain import chart
from payments.domain.papers import StatementLine
from payments.models import Payee, Payout
from payments.selectors.books import balances


@dataclass(frozen=True, slots=True)
class OwedView:
    """What a person may ask for, and what is on its way, in minor units of a currency."""

    currency: str
    available_minor: int
    reserved_minor: int


@dataclass(frozen=True, slots=True)
class PayoutStepView:
    """A step of a timeline."""

    status: str
    label: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PayoutView:
    """A payout as its receiver may see it."""

    id: int
    public_id: UUID
    amount_minor: int
    currency: str
    status: str
    status_label: str
    payee: str
    reason: str
    failure: str
    not_before: datetime
    created_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    is_simulated: bool
    steps: tuple[PayoutStepView, ...] = ()

    @property
    def may_cancel(self) -> bool:
        """Whether the person may still take it back."""
        return self.status in ("requested", "reviewed")


@dataclass(frozen=True, slots=True)
class PayeeView:
    """Where a person is paid."""

    id: int
    provider: str
    country: str
    currency: str
    label: str
    is_ready: bool
    missing: tuple[str, ...]
    changed_at: datetime


def owed_to(user_id: int) -> list[OwedView]:
    """What is owed to a person, by currency."""
    free, held = balances(chart.payable(user_id)), balances(chart.reserved(user_id))
    available = {currency: -minor for (code, currency), minor in free.items() if code == chart.payable(user_id)}
    reserved = {currency: -minor for (code, currency), minor in held.items() if code == chart.reserved(user_id)}
    currencies = sorted({*available, *reserved})
    return [OwedView(one, available.get(one, 0), reserved.get(one, 0)) for one in currencies]


def payee_row(user_id: int) -> Payee | None:
    """The payee in force."""
    return Payee.objects.filter(user_id=user_id, is_active=True).first()


def payee_of(user_id: int) -> PayeeView | None:
    """Where a person is paid, as they may see it."""
    row = payee_row(user_id)
    if row is None:
        return None
    return PayeeView(
        row.pk, row.provider, row.country, row.currency, row.label, row.is_ready, tuple(row.missing), row.changed_at
    )


def payouts_of(user_id: int) -> QuerySet[Payout]:
    """A person's payouts, the newest first; pages of it become views by `payout_view_of`."""
    return Payout.objects.filter(user_id=user_id).select_related("payee").order_by("-pk")


def payout_view_of(row: Payout, *, with_steps: bool = False) -> PayoutView:
    """A row as its receiver may see it."""
    labels = dict(Payout.Status.choices)
    steps = row.steps.order_by("pk")[:50] if with_steps else ()
    return PayoutView(
        id=row.pk,
        public_id=row.public_id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        status=row.status,
        status_label=str(labels[Payout.Status(row.status)]),
        payee=row.payee.label,
        reason=row.reason,
        failure=row.failure,
        not_before=row.not_before,
        created_at=row.created_at,
        sent_at=row.sent_at,
        settled_at=row.settled_at,
        is_simulated=row.provider == "sandbox",
        steps=tuple(
            PayoutStepView(step.status, str(labels.get(step.status, step.status)), step.note, step.created_at)
            for step in steps
        ),
    )


def payout_get(public_id: UUID | str, user_id: int) -> PayoutView:
    """One payout of a person, with its timeline. Raises NotFound."""
    try:
        row = payouts_of(user_id).filter(public_id=public_id).first()
    except ValidationError:
        row = None
    if row is None:
        raise NotFound("payout_not_found", "There is no such payout.")
    return payout_view_of(row, with_steps=True)


def statement_of(user_id: int, *, since: datetime, until: datetime, most: int = 5_000) -> list[StatementLine]:
    """What was owed, asked for and came back in a time, the oldest first."""
    rows = Posting.objects.filter(
        account__book=LedgerAccount.Book.REAL,
        account__code=chart.payable(user_id),
        journal__created_at__gte=since,
        journal__created_at__lt=until,
    )
    rows = rows.select_related("journal").order_by("journal__created_at", "pk")[:most]
    return [
        StatementLine(
            row.journal.created_at,
            row.journal.kind,
            row.journal.memo,
            row.journal.reference,
            -row.amount_minor,
            row.currency,
        )
        for row in rows
    ]
