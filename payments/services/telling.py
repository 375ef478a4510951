"""What people are told about their money."""

from accounts.services.notices import notify_in_tx
from core.money import Money
from payments.models import Payment


def payment_tell_in_tx(payment: Payment, status: str, message: str) -> None:
    """Tell the person that a payment moves; each status once."""
    notify_in_tx(
        user_id=payment.user_id,
        kind="payment",
        dedupe=f"payment:{payment.pk}:{status}",
        params={"amount": str(Money(payment.total_minor, payment.currency)), "status": status, "message": message},
        url=f"/billing/payments/{payment.public_id}",
    )
