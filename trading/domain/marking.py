"""Marking: equity of many accounts at once, exact in integer minor units. Pure.

Equity = cash + sum over positions of round_half_even(quantity x last price). Every position is rounded once.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_SAFE = 2**62


def scaled(value: Decimal, places: int) -> int | None:
    """`value` as an integer count of 10**-places, or None when that is not exact."""
    shifted = value.scaleb(places)
    whole = int(shifted)
    return whole if shifted == whole else None


def values_minor(quantities: list[Decimal], prices: list[Decimal], exponent: int) -> Ints:
    """Each position's value in minor units (currency exponent `exponent`), half-even; vectorised when that is exact."""
    units = [scaled(quantity, 0) for quantity in quantities]
    marks = [scaled(price, exponent) for price in prices]
    if None not in units and None not in marks:
        most_units = max((abs(unit) for unit in units if unit is not None), default=0)
        most_marks = max((abs(mark) for mark in marks if mark is not None), default=0)
        if most_units * most_marks < _SAFE:
            # Whole units at whole minor-unit prices: the product is exact and needs no rounding.
            return np.array(units, dtype=np.int64) * np.array(marks, dtype=np.int64)
    factor = 10**exponent
    exact = [round(Fraction(q) * Fraction(p) * factor) for q, p in zip(quantities, prices, strict=True)]
    return np.array(exact, dtype=np.int64)


def equities(account_ids: Ints, cash: Ints, owners: Ints, values: Ints) -> Ints:
    """Equity per account. `account_ids` ascending; `owners` names the account of each of `values`."""
    equity = cash.copy()
    if len(owners):
        np.add.at(equity, np.searchsorted(account_ids, owners), values)
    return equity
