"""Razorpay's objects, said in our words. Amounts are paise already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.domain.ports import (
    ChargeState,
    CheckoutState,
    DisputeState,
    PayeeState,
    PayoutState,
    RefundState,
)

_CHARGE = {"created": "requires_action", "authorized": "processing", "captured": "succeeded", "refunded": "succeeded",
           "failed": "failed"}  # fmt: skip
_REFUND = {"processed": "succeeded", "failed": "failed"}
_PAYOUT = {"queued": "pending", "pending": "pending", "scheduled": "pending", "processing": "in_transit",
           "processed": "paid", "rejected": "failed", "cancelled": "failed", "reversed": "failed",
           "failed": "failed"}  # fmt: skip


def came_in(payment: dict[str, Any]) -> bool:
    """Whether a payment's money has come in. What nobody captured Razorpay gives back by itself: refunded as well."""
    return payment["status"] == "captured" or (payment["status"] == "refunded" and payment.get("captured") is not False)


def our_id(text: Any) -> str:
    """A public id of ours, or nothing: what is done by hand at Razorpay has references of its own."""
    try:
        return str(UUID(str(text)))
    except ValueError:
        return ""


def our_ref_of(order: dict[str, Any]) -> str:
    """The public id of the payment that an order of ours is for; empty for those of others on the same account."""
    ref = our_id(order.get("receipt"))
    return ref if notes_of(order).get("our_ref") == ref else ""


def notes_of(data: dict[str, Any]) -> dict[str, str]:
    """The notes of an object; without any Razorpay gives an empty list."""
    notes = data.get("notes")
    return notes if isinstance(notes, dict) else {}


def moment(seconds: int | None) -> datetime | None:
    """A time of Razorpay's."""
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


def checkout_state(order: dict[str, Any], payments: Sequence[dict[str, Any]], url: str) -> CheckoutState:
    """An order with the attempts to pay it. Only one that brought money is named: the next is another payment."""
    taken = [row for row in payments if came_in(row)]
    best = max(taken, key=lambda row: (row["status"] == "captured", -row.get("created_at", 0)), default=None)
    is_held = any(row["status"] == "authorized" for row in payments)
    return CheckoutState(
        ref=order["id"],
        our_ref=our_ref_of(order),
        status="complete" if best or is_held or order["status"] == "paid" else "open",
        url=url,
        charge_ref=best["id"] if best else "",
    )


def charge_state(
    data: dict[str, Any], our_ref: str, refunds: Sequence[dict[str, Any]], disputes: Sequence[dict[str, Any]]
) -> ChargeState:
    """A payment with what became of it; without money it is only an attempt, and names no payment of ours."""
    is_in = came_in(data)
    return ChargeState(
        ref=data["id"],
        our_ref=our_ref if is_in else "",
        status=_CHARGE.get(data["status"], "processing") if is_in or data["status"] != "refunded" else "failed",
        amount_minor=data["amount"],
        captured_minor=data["amount"] if is_in else 0,
        currency=data["currency"].upper(),
        refunds=tuple(refund_state(row) for row in refunds),
        disputes=tuple(dispute_state(row) for row in disputes),
        failure_code=data.get("error_code") or "",
        failure=data.get("error_description") or "",
        instrument=f"upi:{data['vpa'].lower()}" if data.get("vpa") else "",
    )


def refund_state(data: dict[str, Any]) -> RefundState:
    """A refund."""
    return RefundState(
        ref=data["id"],
        charge_ref=data["payment_id"],
        our_ref=our_id(notes_of(data).get("our_ref")),
        status=_REFUND.get(data["status"], "pending"),
        amount_minor=data["amount"],
        currency=data["currency"].upper(),
        failure="Razorpay could not give it back." if data["status"] == "failed" else "",
    )


def dispute_state(data: dict[str, Any]) -> DisputeState:
    """A dispute; `closed` is lost when money was kept for it."""
    kept = int(data.get("amount_deducted") or 0)
    status = data["status"]
    if status == "closed":
        status = "lost" if kept else "won"
    return DisputeState(
        ref=data["id"],
        charge_ref=data["payment_id"],
        status=status if status in ("open", "under_review", "won", "lost") else "open",
        amount_minor=data["amount"],
        currency=data["currency"].upper(),
        withdrawn_minor=0 if status == "won" else kept,
        reason=data.get("reason_code") or "",
        due_at=moment(data.get("respond_by")),
    )


def payee_state(data: dict[str, Any]) -> PayeeState:
    """A fund account: a bank account by its last digits, or a UPI address with its middle left out."""
    is_active = bool(data.get("active"))
    return PayeeState(
        ref=data["id"],
        is_ready=is_active,
        country="IN",
        currency="INR",
        missing=() if is_active else ("account",),
        label=_label(data),
    )


def _label(data: dict[str, Any]) -> str:
    if data.get("account_type") == "vpa":
        name, _, bank = str((data.get("vpa") or {}).get("address", "")).partition("@")
        return f"UPI {name[:2]}…@{bank}"
    account = data.get("bank_account") or {}
    bank = account.get("bank_name") or str(account.get("ifsc", ""))[:4]
    return f"{bank}, ending {str(account.get('account_number', ''))[-4:]}"


def payout_state(data: dict[str, Any]) -> PayoutState:
    """A payout; one that was processed may come back later, as reversed."""
    status = _PAYOUT.get(data["status"], "pending")
    why = data.get("status_details") or {}
    is_failed = status == "failed"
    return PayoutState(
        ref=data["id"],
        our_ref=our_id(data.get("reference_id")),
        status=status,
        amount_minor=data["amount"],
        currency=data["currency"].upper(),
        failure_code=str(why.get("reason") or data["status"])[:60] if is_failed else "",
        failure=str(why.get("description") or f"The payout was {data['status']}.")[:300] if is_failed else "",
    )
