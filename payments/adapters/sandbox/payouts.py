"""Payees and payouts of the sandbox."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from payments.adapters.sandbox import store
from payments.domain.ports import MovementKind, ProviderError
from payments.models import SandboxObject

STEP = timedelta(seconds=10)
FAILS, RETURNS = "0000", "0001"  # the last digits of test accounts that refuse, and that send back


def payee_fill(ref: str, *, bank: str, digits: str) -> SandboxObject:
    """The payee says where the money goes to."""
    with transaction.atomic(durable=True):
        row = store.find("payee", ref, lock=True)
        store.change(row, "updated", is_ready=True, missing=[], label=f"{bank[:40]}, ending {digits}", digits=digits)
        return row


def send(payee_ref: str, *, our_ref: str, amount: int, currency: str, description: str) -> SandboxObject:
    """Money leaves for a payee; in the caller's transaction."""
    payee = store.find("payee", payee_ref)
    if not payee.data["is_ready"]:
        raise ProviderError("payee_not_ready", "The payee has not said where the money goes to.")
    data = {
        "status": "pending", "amount": amount, "currency": currency, "payee": payee_ref, "digits": payee.data["digits"],
        "failure_code": "", "failure": "", "description": description,
        "moves_at": (timezone.now() + STEP).isoformat(),
    }  # fmt: skip
    row = store.make("payout", data, our_ref=our_ref, parent_ref=payee_ref)
    store.move(MovementKind.PAYOUT, row.ref, -amount, currency)
    return row


def advance(ref: str) -> None:
    """The next step of a payout: in transit, paid; or failed, or returned, for the accounts that do."""
    with transaction.atomic(durable=True):
        row = store.find("payout", ref, lock=True)
        data = row.data
        soon = (timezone.now() + STEP).isoformat()
        if data["status"] == "pending":
            store.change(row, "in_transit", status="in_transit", moves_at=soon)
        elif data["status"] == "in_transit" and data["digits"] == FAILS:
            _back(row, "account_closed", "The bank account is closed.")
        elif data["status"] == "in_transit":
            store.change(row, "paid", status="paid", moves_at=soon if data["digits"] == RETURNS else None)
        elif data["status"] == "paid" and data["digits"] == RETURNS:
            _back(row, "returned", "The bank has sent the money back.")


def _back(row: SandboxObject, code: str, text: str) -> None:
    store.change(row, "failed", status="failed", failure_code=code, failure=text, moves_at=None)
    store.move(MovementKind.PAYOUT_FAILED, row.ref, row.data["amount"], row.data["currency"])
