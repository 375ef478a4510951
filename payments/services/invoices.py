"""Invoices and credit notes, numbered without a gap: drawn under a lock, in the transaction that uses the number."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Length
from django.utils import timezone

from accounts.models import Profile, User
from payments.domain.amounts import tax_of
from payments.models import Invoice, Payment, Refund

_SERIES = {Invoice.Kind.INVOICE: "INV", Invoice.Kind.CREDIT_NOTE: "CN"}


def invoice_issue_in_tx(payment: Payment) -> Invoice:
    """The invoice of a payment; the one that there is, when it has been made."""
    found = Invoice.objects.filter(payment=payment, kind=Invoice.Kind.INVOICE).first()
    if found is not None:
        return found
    return Invoice.objects.create(
        number=_number_in_tx(Invoice.Kind.INVOICE),
        kind=Invoice.Kind.INVOICE,
        user_id=payment.user_id,
        payment=payment,
        currency=payment.currency,
        net_minor=payment.total_minor - payment.tax_minor,
        tax_minor=payment.tax_minor,
        total_minor=payment.total_minor,
        document=_document(payment, payment.title),
    )


def credit_note_issue_in_tx(refund: Refund) -> Invoice:
    """The credit note of a refund; the one that there is, when it has been made."""
    found = Invoice.objects.filter(refund=refund).first()
    if found is not None:
        return found
    payment = refund.payment
    invoice = invoice_issue_in_tx(payment)
    before = -(payment.invoices.filter(kind=Invoice.Kind.CREDIT_NOTE).aggregate(sum=Sum("total_minor"))["sum"] or 0)
    after = before + refund.amount_minor
    # As the books do it: several refunds together give back exactly the tax that one would.
    tax = tax_of(payment.tax_minor, payment.total_minor, after) - tax_of(payment.tax_minor, payment.total_minor, before)
    return Invoice.objects.create(
        number=_number_in_tx(Invoice.Kind.CREDIT_NOTE),
        kind=Invoice.Kind.CREDIT_NOTE,
        user_id=payment.user_id,
        payment=payment,
        refund=refund,
        currency=payment.currency,
        net_minor=tax - refund.amount_minor,
        tax_minor=-tax,
        total_minor=-refund.amount_minor,
        document=_document(payment, f"Refund: {payment.title}") | {"of": invoice.number, "reason": refund.reason},
    )


def _number_in_tx(kind: str) -> str:
    year = timezone.now().year
    prefix = f"{_SERIES[Invoice.Kind(kind)]}-{year}-"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"invoice:{prefix}"])
    # A longer number is a later one, beyond a million a year.
    rows = Invoice.objects.filter(number__startswith=prefix).order_by(Length("number").desc(), "-number")
    last = rows.values_list("number", flat=True).first()
    return f"{prefix}{int(last.rsplit('-', 1)[1]) + 1 if last else 1:06d}"


def _document(payment: Payment, line: str) -> dict[str, Any]:
    """What stands on the paper; kept, because names and addresses change and papers do not."""
    person = User.objects.get(pk=payment.user_id)
    country = Profile.objects.filter(user_id=payment.user_id).values_list("country", flat=True).first() or ""
    return {
        "seller": settings.SELLER,
        "buyer": {"name": person.display_name, "country": country},
        "lines": [
            {
                "text": line,
                "subtotal_minor": payment.subtotal_minor,
                "discount_minor": payment.discount_minor,
                "period": [payment.params.get("period_start", ""), payment.params.get("period_end", "")],
            }
        ],
        "tax": {"name": payment.tax_name, "bp": payment.tax_bp, "country": payment.tax_country},
        "payment": str(payment.public_id),
        "provider": payment.provider,
        "is_simulated": payment.provider == "sandbox",
    }
