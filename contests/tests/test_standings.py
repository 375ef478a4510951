"""The exact ranking, against a naive sort."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contests.domain.standings import Field, rank, return_bps, return_text, standings_hash

small = st.integers(-3, 3)
wide = st.integers(-(2**62), 2**62)
rows = st.lists(st.tuples(small | wide, small | wide, st.integers(0, 3), st.integers(0, 2)), max_size=40)


def _field(items: list[tuple[int, int, int, int]]) -> Field:
    def column(i: int) -> np.ndarray:
        return np.array([item[i] for item in items], dtype=np.int64)

    return Field(np.arange(1, len(items) + 1, dtype=np.int64)[::-1].copy(), column(0), column(1), column(2), column(3))


@given(rows)
def test_ranking_equals_the_naive_sort(items):
    ids = list(range(len(items), 0, -1))
    naive = sorted(range(len(items)), key=lambda i: (items[i][3] <= 0, -items[i][0], -items[i][1], items[i][2], ids[i]))
    got = rank(_field(items))
    assert list(got.order) == naive
    traded = [i for i in naive if items[i][3] > 0]
    assert got.ranked == len(traded)
    assert [got.rank[i] for i in traded] == list(range(1, len(traded) + 1))
    assert all(got.rank[i] == 0 for i in naive if items[i][3] <= 0)


def test_ties_fall_to_cash_then_to_who_joined_earlier_then_to_the_account():
    field = Field(
        *(np.array(c, dtype=np.int64) for c in ([4, 3, 2, 1], [9, 9, 9, 9], [1, 5, 5, 5], [0, 7, 7, 6], [1] * 4))
    )
    assert list(rank(field).order) == [3, 2, 1, 0]


def test_floats_and_uneven_columns_are_refused():
    one = np.array([1], dtype=np.int64)
    with pytest.raises(TypeError):
        Field(one, np.array([1.0]), one, one, one)
    with pytest.raises(ValueError, match="length"):
        Field(one, one, one, one, np.array([1, 2], dtype=np.int64))


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**14))
def test_return_is_rounded_half_even_in_exact_arithmetic(value, initial):
    assert return_bps(value, initial) == round(Fraction((value - initial) * 10_000, initial))


@pytest.mark.parametrize(
    ("value", "text"), [(112_34, "12.34"), (100_00, "0.00"), (99_95, "-0.05"), (50_00, "-50.00"), (350_00, "250.00")]
)
def test_return_text(value, text):
    assert return_text(value, 100_00) == text


def test_the_hash_sees_one_minor_unit():
    base = [(1, "Ada", 100, 50, 2)]
    assert standings_hash(base) == standings_hash(list(base))
    assert standings_hash(base) != standings_hash([(1, "Ada", 101, 50, 2)])
