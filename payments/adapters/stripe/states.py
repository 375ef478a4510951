"""Stripe's objects, said in our words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from payments.adapters.stripe.money import from_stripe
from payments.domain.ports import (
    ChargeState,
    CheckoutState,
    DisputeState,
    InvoiceState,
    PayeeState,
    PayoutState,
    RefundState,
    SubscriptionState,
)

_CHARGE = {
    "requires_payment_method": "requires_action", "requires_confirmation": "requires_action",
    "requires_action": "requires_action", "requires_capture": "processing", "processing": "processing",
    "succeeded": "succeeded", "canceled": "canceled",
}  # fmt: skip
_REFUND = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}
_DISPUTE = {
    "warning_needs_response": "open", "needs_response": "open", "appeal_needs_response": "open",
    "warning_under_review": "under_review", "under_review": "under_review", "appeal_under_review": "under_review",
    "won": "won", "prevented": "won", "warning_closed": "won", "lost": "lost",
}  # fmt: skip
_SUBSCRIPTION = {
    "incomplete": "incomplete", "incomplete_expired": "canceled", "trialing": "trialing", "active": "active",
    "past_due": "past_due", "unpaid": "past_due", "canceled": "canceled", "paused": "paused",
}  # fmt: skip
_REASON = {"subscription_create": "first", "subscription_cycle": "renewal", "subscription_update": "change"}
_INVOICE = {"draft": "open", "open": "open", "paid": "paid", "void": "void", "uncollectible": "uncollectible"}


def plain(found: Any) -> dict[str, Any]:
    """An object of the client as a dict, all the way down."""
    return found if isinstance(found, dict) else dict(found.to_dict())


def ref_of(value: Any) -> str:
    """The id of something that is an id, an expanded object, or nothing."""
    if isinstance(value, dict):
        return str(value.get("id", ""))
    return str(value or "")


def moment(seconds: int | None) -> datetime | None:
    """A time of Stripe's."""
    return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


def checkout_state(data: dict[str, Any]) -> CheckoutState:
    """A Checkout Session; complete and unpaid is still being paid for."""
    return CheckoutState(
        ref=data["id"],
        our_ref=data.get("client_reference_id") or (data.get("metadata") or {}).get("our_ref", ""),
        status=data["status"],
        url=data.get("url") or "",
        charge_ref=ref_of(data.get("payment_intent")),
        subscription_ref=ref_of(data.get("subscription")),
        customer_ref=ref_of(data.get("customer")),
    )


def charge_state(
    data: dict[str, Any],
    refunds: Sequence[dict[str, Any]],
    disputes: Sequence[dict[str, Any]],
    invoice_ref: str,
) -> ChargeState:
    """A PaymentIntent with what became of its charge."""
    currency = data["currency"].upper()
    error = data.get("last_payment_error") or {}
    status = _CHARGE[data["status"]]
    if data["status"] == "requires_payment_method" and error:
        status = "failed"
    return ChargeState(
        ref=data["id"],
        our_ref=(data.get("metadata") or {}).get("our_ref", ""),
        status=status,
        amount_minor=from_stripe(data["amount"], currency),
        captured_minor=from_stripe(data.get("amount_received") or 0, currency),
        currency=currency,
        customer_ref=ref_of(data.get("customer")),
        invoice_ref=invoice_ref,
        refunds=tuple(refund_state(row) for row in refunds),
        disputes=tuple(dispute_state(row) for row in disputes),
        failure_code=error.get("decline_code") or error.get("code") or "",
        failure=error.get("message") or "",
        instrument=_instrument(data.get("latest_charge")),
    )


def _instrument(charge: object) -> str:
    """The fingerprint of the card or account that a charge was made with."""
    details = (charge.get("payment_method_details") or {}) if isinstance(charge, dict) else {}
    found = details.get(details.get("type") or "") or {}
    return f"stripe:{found['fingerprint']}" if found.get("fingerprint") else ""


def refund_state(data: dict[str, Any]) -> RefundState:
    """A Refund; canceled ones have not happened."""
    currency = data["currency"].upper()
    return RefundState(
        ref=data["id"],
        charge_ref=ref_of(data.get("payment_intent")) or ref_of(data.get("charge")),
        our_ref=(data.get("metadata") or {}).get("our_ref", ""),
        status=_REFUND.get(data.get("status") or "", "pending"),
        amount_minor=from_stripe(data["amount"], currency),
        currency=currency,
        failure=data.get("failure_reason") or "",
    )


def dispute_state(data: dict[str, Any]) -> DisputeState:
    """A Dispute; what is held back is what its balance transactions say."""
    currency = data["currency"].upper()
    moved = sum(line["amount"] for line in data.get("balance_transactions") or [] if isinstance(line, dict))
    return DisputeState(
        ref=data["id"],
        charge_ref=ref_of(data.get("payment_intent")) or ref_of(data.get("charge")),
        status=_DISPUTE.get(data["status"], "open"),
        amount_minor=from_stripe(data["amount"], currency),
        currency=currency,
        withdrawn_minor=max(0, -from_stripe(moved, currency)),
        reason=data.get("reason") or "",
        due_at=moment((data.get("evidence_details") or {}).get("due_by")),
    )


def subscription_state(data: dict[str, Any]) -> SubscriptionState:
    """A Subscription; its period and price are its item's."""
    item = data["items"]["data"][0]
    metadata = data.get("metadata") or {}
    price = (item.get("price") or {}).get("metadata") or {}
    start, end = moment(item["current_period_start"]), moment(item["current_period_end"])
    assert start is not None
    assert end is not None
    return SubscriptionState(
        ref=data["id"],
        our_ref=metadata.get("our_ref", ""),
        status=_SUBSCRIPTION[data["status"]],
        customer_ref=ref_of(data.get("customer")),
        price_code=price.get("price_code") or metadata.get("price_code", ""),
        period_start=start,
        period_end=end,
        cancel_at_period_end=bool(data.get("cancel_at_period_end")),
        ended_at=moment(data.get("ended_at")),
    )


def invoice_line(data: dict[str, Any]) -> dict[str, Any]:
    """The line of a bill that says what it is for: of prorations the one that reaches furthest and is not a credit."""
    lines = data["lines"]["data"]
    return dict(max(lines, key=lambda line: (line["amount"] >= 0, line["period"]["end"], line["amount"])))


def invoice_state(data: dict[str, Any], price_code: str) -> InvoiceState:
    """An Invoice of a subscription."""
    currency = data["currency"].upper()
    line = invoice_line(data)
    paid = [row["payment"] for row in (data.get("payments") or {}).get("data", [])]
    parent = (data.get("parent") or {}).get("subscription_details") or {}
    start, end = moment(line["period"]["start"]), moment(line["period"]["end"])
    assert start is not None
    assert end is not None
    return InvoiceState(
        ref=data["id"],
        subscription_ref=ref_of(parent.get("subscription")),
        status=_INVOICE[data["status"]],
        amount_minor=from_stripe(max(0, data["amount_due"]), currency),
        paid_minor=from_stripe(data["amount_paid"], currency),
        currency=currency,
        price_code=price_code,
        reason=_REASON.get(data.get("billing_reason") or "", "renewal"),
        period_start=start,
        period_end=end,
        charge_ref=next((ref_of(row.get("payment_intent")) for row in paid if row.get("payment_intent")), ""),
        attempts=data.get("attempt_count") or 0,
        next_attempt_at=moment(data.get("next_payment_attempt")),
        pay_url=(data.get("hosted_invoice_url") or "") if data["status"] == "open" else "",
    )


def payee_state(data: dict[str, Any]) -> PayeeState:
    """A connected account."""
    accounts = (data.get("external_accounts") or {}).get("data", [])
    label = f"{accounts[0].get('bank_name') or 'Account'}, ending {accounts[0].get('last4', '')}" if accounts else ""
    can = (data.get("capabilities") or {}).get("transfers") == "active"
    return PayeeState(
        ref=data["id"],
        is_ready=bool(data.get("payouts_enabled")) and can,
        country=data.get("country") or "",
        currency=(data.get("default_currency") or "").upper(),
        missing=tuple((data.get("requirements") or {}).get("currently_due") or ()),
        label=label or (f"Stripe account {data['id'][-6:]}" if data.get("details_submitted") else ""),
    )


def payout_state(data: dict[str, Any]) -> PayoutState:
    """A Transfer to a connected account: it is there at once, until it is reversed."""
    currency = data["currency"].upper()
    is_back = bool(data.get("reversed"))
    return PayoutState(
        ref=data["id"],
        our_ref=data.get("transfer_group") or (data.get("metadata") or {}).get("our_ref", ""),
        status="failed" if is_back else "paid",
        amount_minor=from_stripe(data["amount"], currency),
        currency=currency,
        failure_code="reversed" if is_back else "",
        failure="The transfer was reversed." if is_back else "",
    )
