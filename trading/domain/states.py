"""The order state table. A move that is not here cannot happen: PostgreSQL refuses it as well.

DENIED is our own refusal before the order reached a venue; REJECTED is a venue's. HELD is the leg of a bracket that
waits for its entry; TRIGGERED a stop whose price was reached. A move from a state to itself records a change of the
order that rests on (an amendment by a corporate action, a deferral).
"""

from __future__ import annotations

INITIALIZED = "initialized"
DENIED = "denied"
HELD = "held"
ACCEPTED = "accepted"
TRIGGERED = "triggered"
REJECTED = "rejected"
PARTIALLY_FILLED = "partially_filled"
FILLED = "filled"
CANCELED = "canceled"
EXPIRED = "expired"
REPLACED = "replaced"

# Orders that the venue works: they may fill, and they hold what they have reserved.
OPEN = frozenset({ACCEPTED, TRIGGERED, PARTIALLY_FILLED})
# Orders that have not ended: those, and the legs that wait.
LIVE = OPEN | {HELD}
TERMINAL = frozenset({DENIED, REJECTED, FILLED, CANCELED, EXPIRED, REPLACED})

_ENDS = frozenset({CANCELED, EXPIRED, REPLACED})
TRANSITIONS: dict[str, frozenset[str]] = {
    INITIALIZED: frozenset({DENIED, ACCEPTED, HELD}),
    HELD: _ENDS | {HELD, ACCEPTED},
    ACCEPTED: _ENDS | {ACCEPTED, TRIGGERED, PARTIALLY_FILLED, FILLED, REJECTED},
    TRIGGERED: _ENDS | {TRIGGERED, PARTIALLY_FILLED, FILLED, REJECTED},
    PARTIALLY_FILLED: _ENDS | {PARTIALLY_FILLED, FILLED, TRIGGERED},
    **{status: frozenset() for status in TERMINAL},
}
MOVES = tuple(sorted((before, after) for before, afters in TRANSITIONS.items() for after in afters))

# Why an order that rested has ended, by the code stored with it.
ENDINGS = {
    "canceled": "Cancelled on request.",
    "day_over": "The day is over.",
    "trading_ended": "Trading ended.",
    "date_passed": "Its date has passed.",
    "auction_over": "The auction is over.",
    "ioc_remainder": "What could not be filled at once was cancelled.",
    "fok_not_filled": "It could not be filled whole at once.",
    "oco_filled": "The other leg was filled.",
    "entry_ended": "Its entry ended without a fill.",
    "nothing_to_reduce": "There is no position left to reduce.",
    "not_enough_buying_power": "There was not enough buying power when it was to be filled.",
    "delisted": "The instrument has left the market.",
    "corporate_action": "A corporate action left nothing of it.",
    "kill_switch": "The kill switch was used.",
    "flattened": "The account was flattened.",
    "margin_call": "The account fell below its close-out margin.",
    "intraday_close": "An intraday account is flat at the close.",
    "locked": "The account was locked.",
    "replaced": "Replaced by another order.",
}


def check(from_status: str, to_status: str) -> None:
    """Raise ValueError for a move that the table does not hold."""
    if to_status not in TRANSITIONS.get(from_status, frozenset()):
        raise ValueError(f"an order cannot go from {from_status} to {to_status}")
