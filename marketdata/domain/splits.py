"""Split ratios, exact. Pure."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np

from marketdata.domain.replay import IntArray


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


def split_ratio(splits: Sequence[tuple[date, Decimal]], day: date, basis: date) -> Fraction:
    """What a price traded on `day` is multiplied by to be in the basis of `basis`."""
    ratio = Fraction(1)
    for ex_date, value in splits:
        if basis < ex_date <= day:
            ratio *= Fraction(value)
        elif day < ex_date <= basis:
            ratio /= Fraction(value)
    return ratio
