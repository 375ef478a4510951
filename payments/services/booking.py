"""Journals of a payment: what came in, where it went, and what went back. Everything in the caller's transaction.

The payment's own columns say what has been booked; a journal is the difference to what should be, and its reference
carries the new amount, so that the ledger itself refuses a second one.
"""

from __future__ import annotations

from payments.domain import chart
from payments.domain.sharing import parts_between
from payments.models import Dispute, Payment, Refund
from payments.services import books

Legs = list[tuple[str, int]]
CHARGED_CURRENCY = "charged_currency"


def currency_of(payment: Payment) -> str:
    """The currency that was charged: the payment's, unless the provider charged another."""
    return str(payment.params.get(CHARGED_CURRENCY, "")) or payment.currency


def capture_book_in_tx(payment: Payment, captured_minor: int) -> None:
    """Book what has come in, up to `captured_minor`, to the person's own account."""
    delta = captured_minor - payment.captured_minor
    if delta <= 0:
        return
    books.post_in_tx(
        kind="capture",
        reference=f"payment:{payment.pk}:captured:{captured_minor}",
        currency=currency_of(payment),
        legs=[(chart.clearing(payment.provider), delta), (chart.customer(payment.user_id), -delta)],
        memo=payment.title,
    )
    payment.captured_minor = captured_minor


def allocate_in_tx(payment: Payment) -> None:
    """Move the price from the person's account to its shares: once, with what was bought. What has gone back is not."""
    if payment.allocated_minor or not payment.captured_minor:
        return
    gone = payment.refunded_minor + payment.lost_minor
    parts = parts_between(
        payment.shares,
        total=payment.total_minor,
        tax=payment.tax_minor,
        country=payment.tax_country,
        before=gone,
        after=payment.total_minor,
    )
    books.post_in_tx(
        kind="allocation",
        reference=f"payment:{payment.pk}:allocated",
        currency=payment.currency,
        legs=[
            (chart.customer(payment.user_id), payment.total_minor - gone),
            *((code, -part) for code, part in parts.items()),
        ],
        memo=payment.title,
    )
    payment.allocated_minor = payment.total_minor
    payment.deferred_minor = parts.get(chart.DEFERRED_PLANS, 0)


def refund_book_in_tx(payment: Payment, refund: Refund, target_minor: int) -> None:
    """Book a refund up to `target_minor`: what it takes from the shares, and out of our money at the provider."""
    delta = target_minor - refund.booked_minor
    if not delta:
        return
    refund.bookings += 1
    books.post_in_tx(
        kind="refund",
        reference=f"refund:{refund.pk}:{refund.bookings}",
        currency=currency_of(payment),
        legs=[*_taken_back(payment, delta), (chart.clearing(payment.provider), -delta)],
        memo=refund.reason,
    )
    refund.booked_minor = target_minor
    payment.refunded_minor += delta


def dispute_book_in_tx(payment: Payment, dispute: Dispute, *, held_minor: int, lost_minor: int) -> None:
    """Book a dispute: what the provider holds back just now, and what is lost for good."""
    held, lost = held_minor - dispute.held_minor, lost_minor - dispute.lost_minor
    if not held and not lost:
        return
    dispute.bookings += 1
    books.post_in_tx(
        kind="dispute",
        reference=f"dispute:{dispute.pk}:{dispute.bookings}",
        currency=currency_of(payment),
        legs=[
            (chart.dispute(payment.provider), held),
            *_taken_back(payment, lost),
            (chart.clearing(payment.provider), -held - lost),
        ],
        memo=dispute.reason,
    )
    dispute.held_minor, dispute.lost_minor = held_minor, lost_minor
    payment.lost_minor += lost


def _taken_back(payment: Payment, delta: int) -> Legs:
    """From which accounts an amount that leaves comes; of a negative one, to which it returns."""
    if not payment.allocated_minor:
        return [(chart.customer(payment.user_id), delta)]
    gone = payment.refunded_minor + payment.lost_minor
    parts = parts_between(
        payment.shares,
        total=payment.total_minor,
        tax=payment.tax_minor,
        country=payment.tax_country,
        before=gone,
        after=gone + delta,
    )
    legs: Legs = []
    for code, minor in parts.items():
        legs += _plan_legs(payment, minor) if code == chart.DEFERRED_PLANS else [(code, minor)]
    return legs


def _plan_legs(payment: Payment, minor: int) -> Legs:
    """What is not earned yet goes first; what returns is to be earned again."""
    unearned = min(minor, payment.deferred_minor)
    payment.deferred_minor -= unearned
    payment.recognised_minor -= minor - unearned
    return [(chart.DEFERRED_PLANS, unearned), (chart.REVENUE_PLANS, minor - unearned)]
