"""Asking a provider about one payment, because a person wants to know."""

from core.errors import Conflict, NotFound, Unavailable
from payments.domain.ports import ObjectKind, ProviderError
from payments.models import Payment
from payments.services.sync import object_sync


def payment_ask(*, payment_id: int) -> None:
    """Fetch what the provider knows of a payment and apply it. Raises NotFound, Conflict, Unavailable."""
    payment = Payment.objects.filter(pk=payment_id).first()
    if payment is None:
        raise NotFound("payment_not_found", "There is no such payment.")
    known = ((ObjectKind.CHECKOUT, payment.checkout_ref), (ObjectKind.INVOICE, payment.invoice_ref))
    asked = [(kind, ref) for kind, ref in (*known, (ObjectKind.CHARGE, payment.charge_ref)) if ref]
    if not payment.provider or not asked:
        raise Conflict("payment_without_provider", "No provider knows of this payment.")
    try:
        for kind, ref in asked:
            object_sync(payment.provider, kind, ref)
    except ProviderError as error:
        raise Unavailable("payment_provider_unavailable", f"The provider says: {error.message}") from error
