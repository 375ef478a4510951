"""Columns as bytes: what comes out is what went in, and it is small."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from contests.domain.packing import pack, unpack

LEAST, MOST = -(2**63), 2**63 - 1


@given(
    arrays.arrays(
        np.int64,
        arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
        elements=st.integers(LEAST, MOST),
    )
)
def test_what_is_packed_comes_back(table):
    assert np.array_equal(unpack(pack(table)), table)


def test_nobody_is_a_table_too():
    assert unpack(pack(np.empty((3, 0), dtype=np.int64))).shape == (3, 0)


def test_lists_are_taken_as_well():
    assert unpack(pack([[1, 2], [3, 4]])).tolist() == [[1, 2], [3, 4]]


def test_the_extremes_wrap_and_come_back():
    table = [[LEAST, MOST, LEAST, 0, MOST]]
    assert unpack(pack(table)).tolist() == table


def test_ranks_and_account_numbers_take_next_to_nothing():
    n = 100_000
    rng = np.random.default_rng(1)
    accounts = np.arange(10_000, 10_000 + n)
    values = np.sort(rng.integers(50_000_000, 200_000_000, n))[::-1]
    packed = pack(np.stack([accounts, np.arange(1, n + 1), values]).astype(np.int64))
    assert packed[2:5] == bytes([1, 1, 1]), "all three are smaller as differences"
    assert len(packed) < 3 * n * 8 / 8


def test_noise_is_stored_as_it_is():
    noise = np.random.default_rng(2).integers(0, 1000, 5_000)
    assert pack([noise.tolist()])[2] == 0


@pytest.mark.parametrize("columns", [[], [1, 2, 3], [[1], [2, 3]]], ids=["nothing", "one dimension", "ragged"])
def test_what_is_no_table_is_refused(columns):
    with pytest.raises(ValueError, match=r"columns|inhomogeneous|shape"):
        pack(columns)


@pytest.mark.parametrize(
    "packed",
    [b"", b"\x01", b"\x02\x01\x00", b"\x01\x00", b"\x01\x01\x00garbage", pack([[1, 2]])[:-4]],
    ids=["empty", "short", "another version", "no columns", "garbage", "cut off"],
)
def test_what_was_not_packed_is_refused(packed):
    with pytest.raises(ValueError, match="no packed columns"):
        unpack(packed)
