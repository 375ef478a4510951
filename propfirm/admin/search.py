"""Accounts found by whatever an operator has at hand."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from payments.models import Payment
from propfirm.models import PropAccount, PropCertificate, PropPayout, PropPhase, PropReset

HELP = (
    "An account's number; its owner's email, name or handle; a trading account's id; a payment's public id or its "
    "reference at the provider; a certificate's code; a payout's id."
)
_LARGEST = 2**63 - 1


def accounts_found(rows: QuerySet[PropAccount], text: str) -> QuerySet[PropAccount]:
    """Rows that fit a text. Ids, codes and references must be whole; of a number its beginning, of a name a part."""
    text = text.strip()[:120]
    if not text:
        return rows
    wanted = Q(number__istartswith=text) | Q(owner__email__iexact=text) | Q(owner__handle=text.lower().lstrip("@"))
    wanted |= Q(owner__display_name__icontains=text)
    wanted |= Q(pk__in=PropCertificate.objects.filter(code=text.lower()).values("account_id"))
    payments = Q(checkout_ref=text) | Q(charge_ref=text) | Q(invoice_ref=text)
    payouts = Q(payout__ref=text)
    public_id = _public_id(text)
    if public_id is not None:
        payments |= Q(public_id=public_id)
        payouts |= Q(public_id=public_id) | Q(payout__public_id=public_id)
    if text.isascii() and text.isdigit() and int(text) <= _LARGEST:
        wanted |= Q(pk__in=PropPhase.objects.filter(trading_account_id=int(text)).values("account_id"))
        payouts |= Q(pk=int(text)) | Q(payout_id=int(text))
    paid = Payment.objects.filter(payments).values("pk")
    wanted |= Q(payment__in=paid) | Q(pk__in=PropReset.objects.filter(payment__in=paid).values("account_id"))
    return rows.filter(wanted | Q(pk__in=PropPayout.objects.filter(payouts).values("account_id")))


def _public_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
