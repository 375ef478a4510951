"""Row locks of the payments app.

Order: subscription -> payment -> refund, dispute -> payee -> payout -> ledger account.
"""

from typing import TypeVar

from django.db.models import Model, QuerySet

from core.errors import NotFound
from core.models import LedgerAccount
from payments.models import Payee, Payment, Payout, Refund, Subscription

Row = TypeVar("Row", bound=Model)


def payment_lock(payment_id: int) -> Payment:
    """Lock one payment until the transaction ends. Raises NotFound."""
    return _one(Payment.objects.filter(pk=payment_id), "payment")


def payment_find_lock(*, provider: str, **ref: str) -> Payment | None:
    """Lock the payment with this reference at a provider (checkout_ref, charge_ref or invoice_ref), if there is one."""
    if not all(ref.values()):
        return None
    return Payment.objects.select_for_update(no_key=True).filter(provider=provider, **ref).first()


def payment_public_lock(public_id: str) -> Payment | None:
    """Lock the payment of a public id, if there is one."""
    return Payment.objects.select_for_update(no_key=True).filter(public_id=public_id).first()


def refund_lock(refund_id: int) -> Refund:
    """Lock one refund; after its payment. Raises NotFound."""
    return _one(Refund.objects.filter(pk=refund_id), "refund")


def subscription_find_lock(*, provider: str, ref: str) -> Subscription | None:
    """Lock the subscription with this reference at a provider, if there is one."""
    return Subscription.objects.select_for_update(no_key=True).filter(provider=provider, ref=ref).first()


def payee_lock(payee_id: int) -> Payee:
    """Lock one payee; before their payouts. Raises NotFound."""
    return _one(Payee.objects.filter(pk=payee_id), "payee")


def payout_lock(payout_id: int) -> Payout:
    """Lock one payout until the transaction ends. Raises NotFound."""
    return _one(Payout.objects.filter(pk=payout_id), "payout")


def ledger_account_lock(account_id: int) -> None:
    """Lock a ledger account, so that its balance cannot be spent twice; last of all."""
    LedgerAccount.objects.select_for_update(no_key=True).filter(pk=account_id).values_list("pk").first()


def _one(rows: QuerySet[Row], name: str) -> Row:
    row = rows.select_for_update(no_key=True, of=("self",)).first()
    if row is None:
        raise NotFound(f"{name}_not_found", f"There is no such {name}.")
    return row
