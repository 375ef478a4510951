"""Split ratios, exact. Pure."""

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import numpy as np

from marketdata.domain.replay import IntArray

_EIGHT_PLACES = Decimal("0.00000001")


def round_ratio(values: IntArray, ratio: Fraction) -> IntArray:
    """values * ratio, rounded half-even, exact whatever the size."""
    num, den = ratio.numerator, ratio.denominator
    if num == 1 and den == 1:
        return values
    peak = int(values.max(initial=0))
    wide = peak * num >= 2**62 or den >= 2**61
    exact = values.astype(object) if wide else values
    whole, rest = exact * num // den, exact * num % den
    up = (2 * rest > den) | ((2 * rest == den) & (whole % 2 == 1))
    return np.asarray(whole + up, dtype=np.int64)


def round_rows(table: IntArray, factors: Sequence[Fraction]) -> IntArray:
    """Each row of a table times its own factor, rounded half-even."""
    scaled = table.copy()
    for factor in set(factors):
        rows = [row for row, own in enumerate(factors) if own == factor]
        scaled[rows] = round_ratio(table[rows], factor)
    return scaled


def split_ratio(splits: Sequence[tuple[date, Decimal]], day: date, basis: date) -> Fraction:
    """What a price traded on `day` is multiplied by to be in the basis of `basis`."""
    ratio = Fraction(1)
    for ex_date, value in splits:
        if basis < ex_date <= day:
            ratio *= Fraction(value)
        elif day < ex_date <= basis:
            ratio /= Fraction(value)
    return ratio


def scaled_cash(cash: Decimal, ratio: Fraction) -> Decimal:
    """An amount per share in another basis, to eight places, half-even."""
    with localcontext() as context:
        context.prec = 50
        exact = cash * ratio.numerator / ratio.denominator
        return exact.quantize(_EIGHT_PLACES, rounding=ROUND_HALF_EVEN)
