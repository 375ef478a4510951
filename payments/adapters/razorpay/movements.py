"""Razorpay's lists as one statement: payments, refunds, disputes, settlements, and payouts of RazorpayX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from payments.adapters.razorpay.states import TAKEN, moment
from payments.domain.ports import Movement, MovementKind, ProviderError

PAGE, MOST_LINES = 100, 100_000
Lists = Callable[[dict[str, Any]], dict[str, Any]]
# How to ask for a list, how to read a row of it, and what is asked besides the time.
Part = tuple[Lists, Callable[[dict[str, Any]], Iterator[Movement]], dict[str, Any]]


def listed(ask: Lists, wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All of a list, page by page. Raises ProviderError `statement_too_long`."""
    for skip in range(0, MOST_LINES, PAGE):
        items = ask({**wanted, "count": PAGE, "skip": skip})["items"]
        yield from items
        if len(items) < PAGE:
            return
    raise ProviderError("statement_too_long", "Ask for a shorter time.")


def _line(
    row: dict[str, Any], part: str, kind: MovementKind, amount: int, fee: int = 0, *, at: str = "created_at"
) -> Movement:
    when = moment(row.get(at) or row["created_at"])
    assert when is not None
    return Movement(f"{row['id']}:{part}", kind, row["id"], amount, fee, row.get("currency", "INR").upper(), when)


def of_payment(row: dict[str, Any]) -> Iterator[Movement]:
    """What came in; `fee` holds the tax on it."""
    if row["status"] in TAKEN - {"authorized"}:
        yield _line(row, "in", MovementKind.CHARGE, row["amount"], int(row.get("fee") or 0))


def of_refund(row: dict[str, Any]) -> Iterator[Movement]:
    """What was given back."""
    if row["status"] == "processed":
        yield _line(row, "out", MovementKind.REFUND, -row["amount"])


def of_dispute(row: dict[str, Any]) -> Iterator[Movement]:
    """What is kept of us, and came back."""
    kept = int(row.get("amount_deducted") or 0)
    if kept:
        yield _line(row, "out", MovementKind.DISPUTE, -kept)
        if row["status"] == "won":
            yield _line(row, "back", MovementKind.DISPUTE_RETURNED, kept)


def of_settlement(row: dict[str, Any]) -> Iterator[Movement]:
    """What went to our bank."""
    if row["status"] == "processed":
        yield _line(row, "out", MovementKind.TO_BANK, -row["amount"])


def of_payout(row: dict[str, Any]) -> Iterator[Movement]:
    """What was paid to somebody, with fees, and what came back of it."""
    fee = int(row.get("fees") or 0)
    if row["status"] in ("processed", "reversed"):
        yield _line(row, "out", MovementKind.PAYOUT, -row["amount"], fee)
    if row["status"] == "reversed":
        yield _line(row, "back", MovementKind.PAYOUT_FAILED, row["amount"], -fee, at="reversed_at")


def statement(
    lists: Sequence[Part],
    *,
    since: datetime,
    until: datetime,
) -> list[Movement]:
    """All lines of a time, the oldest first."""
    span = {"from": int(since.timestamp()), "to": int(until.timestamp()) + 1}
    lines = [line for ask, read, more in lists for row in listed(ask, {**span, **more}) for line in read(row)]
    return sorted(lines, key=lambda line: (line.at, line.ref))
