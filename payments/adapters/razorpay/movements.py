"""Razorpay's lists as one statement: payments, refunds, disputes, settlements, and payouts of RazorpayX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from payments.adapters.razorpay.states import came_in, moment
from payments.domain.ports import Movement, MovementKind, ProviderError

PAGE, MOST_LINES = 100, 100_000
Row = dict[str, Any]
Lists = Callable[[Row], Row]
Reader = Callable[[Row, datetime], Iterator[Movement]]


@dataclass(frozen=True, slots=True)
class Part:
    """How to ask for a list and read a row of it, how many days before the time it begins, and what else is asked.

    A list goes by when its rows were made. What became of them later is looked for that far back.
    """

    ask: Lists
    read: Reader
    back: int
    more: Row = field(default_factory=dict)


def listed(ask: Lists, wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All of a list, page by page. Raises ProviderError `statement_too_long`."""
    for skip in range(0, MOST_LINES, PAGE):
        items = ask({**wanted, "count": PAGE, "skip": skip})["items"]
        yield from items
        if len(items) < PAGE:
            return
    raise ProviderError("statement_too_long", "Ask for a shorter time.")


def _line(
    row: Row, part: str, kind: MovementKind, amount: int, fee: int = 0, *, at: datetime | None = None
) -> Movement:
    when = at or moment(row["created_at"])
    assert when is not None
    return Movement(f"{row['id']}:{part}", kind, row["id"], amount, fee, row.get("currency", "INR").upper(), when)


# Readers of a row. Lines are kept as they were first seen, so one whose time Razorpay does not tell is dated `seen`.


def of_payment(row: Row, seen: datetime) -> Iterator[Movement]:  # noqa: ARG001
    """What came in; `fee` holds the tax on it."""
    if came_in(row):
        yield _line(row, "in", MovementKind.CHARGE, row["amount"], int(row.get("fee") or 0))


def of_refund(row: Row, seen: datetime) -> Iterator[Movement]:
    """What was given back: taken from our balance when the refund is made, returned when the bank did not take it."""
    yield _line(row, "out", MovementKind.REFUND, -row["amount"])
    if row["status"] == "failed":
        yield _line(row, "back", MovementKind.REFUND_FAILED, row["amount"], at=seen)


def of_dispute(row: Row, seen: datetime) -> Iterator[Movement]:
    """What is kept of us, often weeks after the dispute began, and came back."""
    kept = int(row.get("amount_deducted") or 0)
    if kept:
        yield _line(row, "out", MovementKind.DISPUTE, -kept, at=seen)
        if row["status"] == "won":
            yield _line(row, "back", MovementKind.DISPUTE_RETURNED, kept, at=seen)


def of_settlement(row: Row, seen: datetime) -> Iterator[Movement]:  # noqa: ARG001
    """What went to our bank."""
    if row["status"] == "processed":
        yield _line(row, "out", MovementKind.TO_BANK, -row["amount"])


def of_payout(row: Row, seen: datetime) -> Iterator[Movement]:
    """What was paid to somebody, with its fee (which holds the tax), and what came back of it."""
    fee, is_back = int(row.get("fees") or 0), row["status"] in ("reversed", "failed")
    if is_back or row["status"] in ("processing", "processed"):
        yield _line(row, "out", MovementKind.PAYOUT, -row["amount"], fee)
    if is_back:
        yield _line(
            row, "back", MovementKind.PAYOUT_FAILED, row["amount"], -fee, at=moment(row.get("reversed_at")) or seen
        )


# Days back: refunds that fail and payouts that are reversed within two weeks; disputes may take half a year. Payments a
# week more than refunds, to know which refunds are of payments that never came in.
PAYOUTS_BACK = 14
LISTS: dict[str, tuple[Reader, int]] = {
    "payments": (of_payment, 21),
    "refunds": (of_refund, 14),
    "disputes": (of_dispute, 180),
    "settlements": (of_settlement, 0),
}


def statement(lists: Sequence[Part], *, since: datetime, until: datetime) -> list[Movement]:
    """All lines of a time, the oldest first, with the beginnings of what ended in it. Raises ProviderError."""
    seen = until - timedelta(seconds=1)
    rows = [(part.read, row) for part in lists for row in listed(part.ask, _span(part, since, until))]
    never = {row["id"] for read, row in rows if read is of_payment and row["status"] == "refunded" and not came_in(row)}
    found = [line for read, row in rows if row.get("payment_id") not in never for line in read(row, seen)]
    lines = [line for line in found if line.kind is not MovementKind.CHARGE or line.at >= since]
    return sorted(lines, key=lambda line: (line.at, line.ref))


def _span(part: Part, since: datetime, until: datetime) -> Row:
    start = since - timedelta(days=part.back)
    return {**part.more, "from": int(start.timestamp()), "to": int(until.timestamp()) + 1}
