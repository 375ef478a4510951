"""The board in Redis: what is written is what is read, in whole, in part, and around somebody."""

import numpy as np
import pytest

from contests.adapters import board
from core.redis import client


def table(accounts: list[int], *, most: int = 10**6) -> np.ndarray:
    draw = np.random.default_rng(len(accounts))
    rest = [draw.integers(-most, most, len(accounts)) for _ in range(board.COLUMNS - 1)]
    return np.array([accounts, *rest], dtype=np.int64)


@pytest.fixture
def shown():
    columns = table([70, 3, 2**40, 12, 9, 55, 31, 8])
    board.board_write(1, meta={"tick": 4, "total": 8}, columns=columns)
    return columns


@pytest.mark.parametrize("most", [10**6, 2**62], ids=["narrow", "wide"])
def test_all_of_it_comes_back(most):
    columns = table([5, 1, 9], most=most)
    board.board_write(1, meta={"tick": 4}, columns=columns)
    meta, found = board.board_read(1, head_only=False)
    assert meta == {"tick": 4}
    assert found.tolist() == columns.tolist()
    assert board.board_read(1, head_only=True)[1].tolist() == columns.tolist()


@pytest.mark.parametrize(
    ("start", "count", "rows"),
    [(0, 3, slice(0, 3)), (5, 3, slice(5, 8)), (6, 10, slice(6, 8)), (8, 3, slice(8, 8)), (-4, 2, slice(0, 2))],
    ids=["first", "last", "beyond the end", "after the end", "before the start"],
)
def test_a_stretch_is_cut_out(shown, start, count, rows):
    found = board.board_slice(1, start=start, count=count)
    assert found.meta == {"tick": 4, "total": 8}
    assert found.columns.tolist() == shown[:, rows].tolist()


@pytest.mark.parametrize("place", range(8), ids=[f"place {place + 1}" for place in range(8)])
def test_everybody_is_found_with_their_neighbours(shown, place):
    found = board.board_slice(1, start=0, count=3, around=int(shown[0, place]))
    first = max(place - 1, 0)
    assert found.columns.tolist() == shown[:, first : first + 3].tolist()


def test_who_is_not_on_it_sees_the_first_rows(shown):
    assert board.board_slice(1, start=0, count=2, around=4).columns.tolist() == shown[:, :2].tolist()
    assert board.board_slice(1, start=0, count=2, around=2**50).columns.tolist() == shown[:, :2].tolist()


def test_a_smaller_table_takes_the_place_of_a_larger_one(shown):
    smaller = table([3, 9])
    board.board_write(1, meta={"tick": 5}, columns=smaller)
    assert board.board_read(1, head_only=False)[1].tolist() == smaller.tolist() != shown.tolist()
    empty = table([])
    board.board_write(1, meta={"tick": 6}, columns=empty)
    assert board.board_slice(1, start=0, count=9, around=3).columns.shape == (board.COLUMNS, 0)
    assert board.board_read(1, head_only=False)[1].shape == (board.COLUMNS, 0)


def test_nothing_is_shown_when_nothing_was_or_a_part_is_gone(shown):
    assert board.board_slice(2, start=0, count=5) is None
    assert board.board_read(2, head_only=False) is None
    client().delete(f"contest:1:standings:{board.COLUMNS}:ids")
    assert board.board_slice(1, start=0, count=5) is None
    assert board.board_read(1, head_only=False) is None


def test_ranks_that_were_told_are_kept():
    told = np.array([[4, 2**41], [2, 1]], dtype=np.int64)
    assert board.told_read(1) is None
    board.told_write(1, told)
    assert board.told_read(1).tolist() == told.tolist()
