"""Reads of payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from core.errors import NotFound
from payments.adapters import registry
from payments.models import Payment


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of a timeline."""

    status: str
    label: str
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PaymentView:
    """A payment as its buyer may see it; amounts in minor units of `currency`."""

    id: int
    public_id: UUID
    user_id: int
    kind: str
    reference: str
    title: str
    interval: str
    status: str
    status_label: str
    currency: str
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    tax_name: str
    tax_bp: int
    total_minor: int
    captured_minor: int
    refunded_minor: int
    provider: str
    is_simulated: bool
    url: str
    expires_at: datetime | None
    problem: str
    failure: str
    granted_at: datetime | None
    revoked_at: datetime | None
    succeeded_at: datetime | None
    created_at: datetime
    steps: tuple[StepView, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it may still be paid."""
        return self.status in ("initiated", "requires_action", "processing", "failed")

    @property
    def is_settled(self) -> bool:
        """Whether nothing more happens by itself: handed over, refused, given up or given back."""
        return not self.is_open and bool(self.granted_at or self.problem or self.status in ("expired", "refunded"))


def view_of(payment: Payment, *, with_steps: bool = False) -> PaymentView:
    """A row as others may see it."""
    steps = payment.steps.order_by("pk")[:100] if with_steps else ()
    labels = dict(Payment.Status.choices)
    return PaymentView(
        id=payment.pk,
        public_id=payment.public_id,
        user_id=payment.user_id,
        kind=payment.kind,
        reference=payment.reference,
        title=payment.title,
        interval=payment.interval,
        status=payment.status,
        status_label=labels[Payment.Status(payment.status)],
        currency=payment.currency,
        subtotal_minor=payment.subtotal_minor,
        discount_minor=payment.discount_minor,
        tax_minor=payment.tax_minor,
        tax_name=payment.tax_name,
        tax_bp=payment.tax_bp,
        total_minor=payment.total_minor,
        captured_minor=payment.captured_minor,
        refunded_minor=payment.refunded_minor,
        provider=payment.provider,
        is_simulated=payment.provider == registry.SANDBOX,
        url=payment.url if payment.status in ("initiated", "requires_action", "failed") else "",
        expires_at=payment.expires_at,
        problem=payment.problem,
        failure=payment.failure,
        granted_at=payment.granted_at,
        revoked_at=payment.revoked_at,
        succeeded_at=payment.succeeded_at,
        created_at=payment.created_at,
        steps=tuple(
            StepView(row.status, str(labels.get(row.status, row.status)), row.note, row.created_at) for row in steps
        ),
    )


def payment_view(public_id: UUID | str, user_id: int | None = None) -> PaymentView:
    """One payment with its timeline; of this person, when one is named. Raises NotFound."""
    try:
        rows = Payment.objects.filter(public_id=public_id)
        payment = (rows if user_id is None else rows.filter(user_id=user_id)).first()
    except ValidationError:
        payment = None
    if payment is None:
        raise NotFound("payment_not_found", "There is no such payment.")
    return view_of(payment, with_steps=True)


def checkout_ref_of(public_id: UUID | str, *, provider: str = "") -> str:
    """The provider's reference of the page of a payment; of this provider, when one is named. Empty without one."""
    rows = Payment.objects.filter(public_id=public_id)
    rows = rows.filter(provider=provider) if provider else rows
    return rows.values_list("checkout_ref", flat=True).first() or ""


def payments_of(user_id: int) -> QuerySet[Payment]:
    """A person's payments, the newest first; pages of it become views by `view_of`."""
    return Payment.objects.filter(user_id=user_id).order_by("-pk")
