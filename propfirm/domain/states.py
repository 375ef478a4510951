"""What an account of the firm may become, and how payouts and disputes move. Pure."""

from __future__ import annotations

PENDING, ACTIVE, FUNDED = "pending", "active", "funded"
FAILED, EXPIRED, CLOSED, VOID = "failed", "expired", "closed", "void"

# Accounts that trade.
LIVE = (ACTIVE, FUNDED)
ENDED = (FAILED, EXPIRED, CLOSED)

# A failed or expired account comes back by a reset, a free retry or a verdict that was undone.
MOVES: dict[str, frozenset[str]] = {
    PENDING: frozenset({ACTIVE, FUNDED, VOID}),
    ACTIVE: frozenset({FUNDED, FAILED, EXPIRED, CLOSED}),
    FUNDED: frozenset({FAILED, EXPIRED, CLOSED}),
    FAILED: frozenset({ACTIVE, FUNDED, CLOSED}),
    EXPIRED: frozenset({ACTIVE, FUNDED, CLOSED}),
    CLOSED: frozenset(),
    # Money that comes after the page had closed is still taken: the account opens then.
    VOID: frozenset({ACTIVE, FUNDED}),
}

EVALUATION, FUNDED_KIND = "evaluation", "funded"
PURPOSES = {EVALUATION: "challenge", FUNDED_KIND: "funded"}
# What an account is while a phase of a kind runs.
STATUS_OF = {EVALUATION: ACTIVE, FUNDED_KIND: FUNDED}


def may_become(now: str, then: str) -> bool:
    """Whether an account goes from one status to another."""
    return then in MOVES[now]
