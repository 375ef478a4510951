"""Which status may follow which. Pure. A payment's `succeeded` may come after `expired`: the provider's word counts."""

from __future__ import annotations

from collections.abc import Mapping

INITIATED, REQUIRES_ACTION, PROCESSING = "initiated", "requires_action", "processing"
SUCCEEDED, FAILED, EXPIRED = "succeeded", "failed", "expired"
REFUNDED, DISPUTED = "refunded", "disputed"

# A failed attempt may be followed by another on the same page; a page may be paid on in the second that it expires.
PAYMENT: Mapping[str, frozenset[str]] = {
    INITIATED: frozenset({REQUIRES_ACTION, PROCESSING, SUCCEEDED, FAILED, EXPIRED, DISPUTED, REFUNDED}),
    REQUIRES_ACTION: frozenset({PROCESSING, SUCCEEDED, FAILED, EXPIRED, DISPUTED, REFUNDED}),
    PROCESSING: frozenset({REQUIRES_ACTION, SUCCEEDED, FAILED, EXPIRED, DISPUTED, REFUNDED}),
    FAILED: frozenset({REQUIRES_ACTION, PROCESSING, SUCCEEDED, EXPIRED, DISPUTED, REFUNDED}),
    EXPIRED: frozenset({SUCCEEDED, DISPUTED, REFUNDED}),
    SUCCEEDED: frozenset({REFUNDED, DISPUTED}),
    DISPUTED: frozenset({SUCCEEDED, REFUNDED}),
    REFUNDED: frozenset({SUCCEEDED, DISPUTED}),  # a refund that fails at the bank
}
OPEN_PAYMENTS = frozenset({INITIATED, REQUIRES_ACTION, PROCESSING})
PAID_PAYMENTS = frozenset({SUCCEEDED, DISPUTED, REFUNDED})
# Disputes that nobody has decided yet: their money is held.
UNDECIDED = ("open", "under_review")

REQUESTED, REVIEWED, APPROVED = "requested", "reviewed", "approved"
SENDING, SENT, PAID, RETURNED = "sending", "sent", "paid", "returned"
REJECTED, CANCELLED = "rejected", "cancelled"

# `sending`: the provider is being asked, so nobody may conclude anything; `failed` and `returned` are payable again.
PAYOUT: Mapping[str, frozenset[str]] = {
    REQUESTED: frozenset({REVIEWED, REJECTED, CANCELLED}),
    REVIEWED: frozenset({APPROVED, REJECTED, CANCELLED}),
    APPROVED: frozenset({SENDING, REJECTED}),
    SENDING: frozenset({SENT, PAID, FAILED}),
    SENT: frozenset({PAID, FAILED}),
    PAID: frozenset({RETURNED}),
    FAILED: frozenset(),
    RETURNED: frozenset(),
    REJECTED: frozenset(),
    CANCELLED: frozenset(),
}
RESERVED_PAYOUTS = frozenset({REQUESTED, REVIEWED, APPROVED, SENDING})
UNSETTLED_PAYOUTS = RESERVED_PAYOUTS | {SENT}


def may_become(table: Mapping[str, frozenset[str]], now: str, then: str) -> bool:
    """Whether the table allows the step; staying is no step."""
    return then in table[now]
