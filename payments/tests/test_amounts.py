"""Exact amounts, whatever they are."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from payments.domain import amounts
from payments.domain.sharing import parts_between, parts_of

MINOR = st.integers(0, 10**12)
START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(-10, 40 * 86_400).map(lambda seconds: START + timedelta(seconds=seconds))
END = START + timedelta(days=31)
SHARES = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 1_000)), min_size=1, max_size=6).filter(
    lambda rows: any(weight for _, weight in rows)
)


@given(MINOR, st.integers(1, 10_000), st.integers(0, 5_000))
def test_a_total_adds_up_and_a_discount_is_within_it(subtotal, percent, tax):
    off = amounts.discount_of(subtotal, percent_bp=percent)
    assert 0 <= off <= subtotal
    total = amounts.total_of(subtotal, discount=off, tax_bp=tax)
    assert total.total == subtotal - off + total.tax
    assert abs(total.tax * 10_000 - total.net * tax) <= 5_000


@given(MINOR, st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any))
def test_shares_add_up_and_are_off_by_less_than_one(amount, weights):
    parts = amounts.shared(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


@given(SHARES, st.integers(1, 10**9), st.integers(0, 10**6), st.lists(st.integers(0, 100), max_size=8))
def test_refunds_in_any_pieces_take_back_exactly_what_was_given(shares, net, tax, cuts):
    rows = [(f"revenue:{name}", "revenue", weight) for name, weight in shares]
    total = net + tax
    whole = parts_of(rows, total=total, tax=tax, country="IN", amount=total)
    assert sum(whole.values()) == total
    marks = sorted({0, total, *(total * cut // 100 for cut in cuts)})
    left = dict(whole)
    for before, after in pairwise(marks):
        moved = parts_between(rows, total=total, tax=tax, country="IN", before=before, after=after)
        assert sum(moved.values()) == after - before
        for account, minor in moved.items():
            left[account] -= minor
    assert not any(left.values())


@given(MINOR, MOMENTS, MOMENTS)
def test_what_is_earned_grows_and_ends_at_all_of_it(amount, one, two):
    first, second = sorted((one, two))
    before, after = (amounts.earned(amount, START, END, at) for at in (first, second))
    assert 0 <= before <= after <= amount
    assert amounts.earned(amount, START, END, END) == amount


@given(MINOR, MINOR, MOMENTS)
def test_a_change_costs_at_most_the_difference_and_never_less_than_nothing(old, new, now):
    due = amounts.prorated(old, new, START, END, now)
    assert 0 <= due <= max(0, new - old) + 1
