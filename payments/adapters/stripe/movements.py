"""Stripe's balance transactions as lines of a statement."""

from __future__ import annotations

from typing import Any

from payments.adapters.stripe.money import from_stripe
from payments.adapters.stripe.states import moment, ref_of
from payments.domain.ports import Movement, MovementKind

_KINDS = {
    "charge": MovementKind.CHARGE, "payment": MovementKind.CHARGE,
    "refund": MovementKind.REFUND, "payment_refund": MovementKind.REFUND,
    "refund_failure": MovementKind.REFUND_FAILED, "payment_failure_refund": MovementKind.REFUND_FAILED,
    "transfer": MovementKind.PAYOUT, "transfer_refund": MovementKind.PAYOUT_FAILED,
    "transfer_cancel": MovementKind.PAYOUT_FAILED, "transfer_failure": MovementKind.PAYOUT_FAILED,
    "payout": MovementKind.TO_BANK, "payout_failure": MovementKind.FROM_BANK, "payout_cancel": MovementKind.FROM_BANK,
}  # fmt: skip
_FEES = frozenset({"stripe_fee", "tax_fee", "network_cost", "application_fee"})


def movement(data: dict[str, Any]) -> Movement:
    """A line; a fee that is a line of its own has no amount, only the fee."""
    currency, source = data["currency"].upper(), data.get("source")
    amount, fee = from_stripe(data["amount"], currency), from_stripe(data.get("fee") or 0, currency)
    kind = _KINDS.get(data["type"], MovementKind.OTHER)
    if data["type"] == "adjustment" and isinstance(source, dict) and source.get("object") == "dispute":
        kind = MovementKind.DISPUTE if amount < 0 else MovementKind.DISPUTE_RETURNED
    if data["type"] in _FEES:
        amount, fee = 0, fee - amount
    ref = ref_of(source)
    if kind is MovementKind.CHARGE and isinstance(source, dict):
        ref = ref_of(source.get("payment_intent")) or ref
    if kind is MovementKind.PAYOUT_FAILED and isinstance(source, dict):
        ref = ref_of(source.get("transfer")) or ref
    at = moment(data["created"])
    assert at is not None
    return Movement(data["id"], kind, ref, amount, fee, currency, at, data.get("description") or "")
