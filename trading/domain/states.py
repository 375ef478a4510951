"""The order state table. A move that is not here cannot happen.

DENIED is our own refusal before the order reached a venue; REJECTED is a venue's.
"""

from __future__ import annotations

INITIALIZED = "initialized"
DENIED = "denied"
ACCEPTED = "accepted"
REJECTED = "rejected"
PARTIALLY_FILLED = "partially_filled"
FILLED = "filled"
CANCELED = "canceled"
EXPIRED = "expired"

OPEN = frozenset({ACCEPTED, PARTIALLY_FILLED})
TERMINAL = frozenset({DENIED, REJECTED, FILLED, CANCELED, EXPIRED})

TRANSITIONS: dict[str, frozenset[str]] = {
    INITIALIZED: frozenset({DENIED, ACCEPTED}),
    ACCEPTED: frozenset({PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED}),
    PARTIALLY_FILLED: frozenset({PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED}),
    **{status: frozenset() for status in TERMINAL},
}

# Why an order that rested has ended, by the code stored with it.
ENDINGS = {"canceled": "Cancelled on request.", "day_over": "The day is over.", "trading_ended": "Trading ended."}


def check(from_status: str, to_status: str) -> None:
    """Raise ValueError for a move that the table does not hold."""
    if to_status not in TRANSITIONS.get(from_status, frozenset()):
        raise ValueError(f"an order cannot go from {from_status} to {to_status}")
