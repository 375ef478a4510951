"""Reads of invoices and credit notes."""

import re

from django.db.models import QuerySet

from core.errors import NotFound
from payments.domain.papers import Paper
from payments.models import Invoice

_NUMBER = re.compile(r"[A-Z]{2,3}-\d{4}-\d{6,12}")


def invoices_of(user_id: int) -> QuerySet[Invoice]:
    """A person's papers, the newest first."""
    return Invoice.objects.filter(user_id=user_id).select_related("payment", "refund").order_by("-pk")


def paper_get(number: str, user_id: int) -> Paper:
    """One paper of a person. Raises NotFound."""
    found = invoices_of(user_id).filter(number=number).first() if _NUMBER.fullmatch(number) else None
    if found is None:
        raise NotFound("invoice_not_found", "There is no such invoice.")
    return paper_of(found)


def paper_of(found: Invoice) -> Paper:
    """A row as others may see it."""
    return Paper(
        number=found.number,
        kind=found.kind,
        issued_at=found.issued_at,
        currency=found.currency,
        net_minor=found.net_minor,
        tax_minor=found.tax_minor,
        total_minor=found.total_minor,
        document=found.document,
    )
