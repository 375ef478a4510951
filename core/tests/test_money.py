"""Money is exact, whatever is done with it."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DomainError
from core.money import Money, exponent, to_major, to_minor

CURRENCIES = st.sampled_from(["USD", "EUR", "INR", "JPY", "KWD"])
MINOR = st.integers(-(10**18), 10**18)
AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False, places=8)


@given(MINOR, CURRENCIES)
def test_minor_to_major_and_back_loses_nothing(minor, currency):
    assert to_minor(to_major(minor, currency), currency) == minor
    assert -to_major(minor, currency).as_tuple().exponent == exponent(currency)


@given(AMOUNTS, CURRENCIES)
def test_rounding_is_half_even_and_within_half_a_unit(amount, currency):
    minor = to_minor(amount, currency)
    unit = Decimal(1).scaleb(-exponent(currency))
    assert abs(to_major(minor, currency) - amount) <= unit / 2
    assert to_major(minor, currency) == amount.quantize(unit, rounding=ROUND_HALF_EVEN)


@given(MINOR, MINOR, MINOR, CURRENCIES)
def test_addition_is_exact(a, b, c, currency):
    x, y, z = Money(a, currency), Money(b, currency), Money(c, currency)
    assert (x + y) + z == x + (y + z)
    assert x - y == x + (-y)
    assert x + y - y == x
    assert (x < y) == (a < b)
    assert (x <= y) == (a <= b)


@given(MINOR)
def test_text_of_money_can_be_read_back(minor):
    money = Money(minor, "USD")
    assert Money.of(str(money.amount), "USD") == money


def test_currencies_do_not_mix():
    with pytest.raises(ValueError, match="currencies differ"):
        Money(1, "USD") + Money(1, "EUR")


@pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity", "ten", ""])
def test_what_is_no_amount_is_refused(raw):
    with pytest.raises(DomainError):
        Money.of(raw, "USD")


@pytest.mark.parametrize("minor", [1.0, True, "1", Decimal(1)])
def test_minor_units_are_integers(minor):
    with pytest.raises(TypeError):
        Money(minor, "USD")
