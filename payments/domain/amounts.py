"""Discounts, taxes, shares and revenue over time, exact to the minor unit. Pure.

Every function rounds once, half-even, and what it splits adds up to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

BASIS = 10_000


@dataclass(frozen=True, slots=True)
class Total:
    """What somebody pays: `subtotal - discount` is taxed; all in minor units."""

    subtotal: int
    discount: int
    tax: int

    @property
    def net(self) -> int:
        """Before tax."""
        return self.subtotal - self.discount

    @property
    def total(self) -> int:
        """What is charged."""
        return self.net + self.tax


def rounded(value: Fraction) -> int:
    """The nearest integer, halves to the even one."""
    return round(value)


def discount_of(subtotal: int, *, percent_bp: int = 0, amount: int = 0) -> int:
    """What a coupon takes off: basis points of the subtotal, or an amount, never more than there is."""
    return min(subtotal, rounded(Fraction(subtotal * percent_bp, BASIS)) + amount)


def total_of(subtotal: int, *, discount: int = 0, tax_bp: int = 0) -> Total:
    """The total with tax of `tax_bp` basis points on top of what is left after the discount."""
    if subtotal < 0 or not 0 <= discount <= subtotal or tax_bp < 0:
        raise ValueError("a total is made of a subtotal, a discount within it and a tax rate, none negative")
    return Total(subtotal, discount, rounded(Fraction((subtotal - discount) * tax_bp, BASIS)))


def tax_of(tax: int, total: int, amount: int) -> int:
    """How much of `amount`, a part of a taxed total, is tax."""
    return rounded(Fraction(tax * amount, total)) if total else 0


def shared(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights; the parts differ from exact shares by less than 1 and add up to the amount."""
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("weights are not negative and not all zero")
    parts, given, seen = [], 0, 0
    for weight in weights:
        seen += weight
        until = rounded(Fraction(amount * seen, whole))
        parts.append(until - given)
        given = until
    return parts


def earned(amount: int, start: datetime, end: datetime, now: datetime) -> int:
    """How much of what was paid for [start, end) has been earned by `now`: straight line, all of it at the end."""
    if now >= end or end <= start:
        return amount
    if now <= start:
        return 0
    return rounded(amount * Fraction((now - start) // _MICRO, (end - start) // _MICRO))


def prorated(old: int, new: int, start: datetime, end: datetime, now: datetime) -> int:
    """What is due now for the rest of a period at the new amount, less what was paid for it; never negative."""
    left_old = old - earned(old, start, end, now)
    left_new = new - earned(new, start, end, now)
    return max(0, left_new - left_old)


_MICRO = datetime.resolution
