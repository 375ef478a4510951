"""The columnar book equals exact fractions whatever happens to it; ranks equal a plain sort."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.domain.book import NO_PROFIT, Book, half_even, ranks, tie_order
from trading.domain.marking import values_minor

ACCOUNTS, LISTINGS = st.integers(1, 4), st.integers(1, 5)
QUANTITIES = st.one_of(
    st.integers(-1000, 1000).map(Decimal),
    st.decimals(-1000, 1000, places=3),
    st.sampled_from([Decimal("0.5"), Decimal("-2.5"), Decimal(2**34), Decimal(-(10**7)), Decimal(0)]),
)
PRICES = st.one_of(
    st.integers(1, 10**6).map(lambda units: Decimal(units) / 100),
    st.decimals("0.0001", 9999, places=4),
    st.sampled_from([Decimal("0.005"), Decimal("1.015"), Decimal("123456.78"), Decimal("0.00000000000000001")]),
)
STEPS = st.one_of(
    st.tuples(st.just("cash"), ACCOUNTS, st.integers(-(10**12), 10**12)),
    st.tuples(st.just("position"), ACCOUNTS, LISTINGS, QUANTITIES, st.integers(-(10**9), 10**9)),
    st.tuples(st.just("position"), ACCOUNTS, LISTINGS, st.integers(-9, 9).map(Decimal), st.integers(-99, 99)),
    st.tuples(st.just("price"), LISTINGS, PRICES),
    st.tuples(st.just("drop"), ACCOUNTS),
    st.tuples(st.just("close"), ACCOUNTS, LISTINGS),
)


class Plain:
    """The same book as dictionaries and fractions."""

    def __init__(self):
        self.cash, self.held, self.price = {}, {}, {}

    def take(self, step):
        kind, *rest = step
        if kind == "cash":
            self.cash[rest[0]] = rest[1]
        elif kind == "price":
            self.price[rest[0]] = rest[1]
        elif kind == "drop":
            self.cash.pop(rest[0], None)
            self.held = {key: item for key, item in self.held.items() if key[0] != rest[0]}
        elif kind == "close" or not rest[2]:
            self.held.pop((rest[0], rest[1]), None)
        else:
            self.held[rest[0], rest[1]] = (rest[2], rest[3])

    def profits(self, account):
        for (owner, listing), (quantity, cost) in self.held.items():
            if owner == account:
                value = round(Fraction(quantity) * Fraction(self.price.get(listing, 0)) * 100)
                yield value, cost

    def equity(self, account):
        return self.cash[account] + sum(value for value, _ in self.profits(account))


def feed(book, step):
    kind, *rest = step
    if kind == "cash":
        book.upsert_account(rest[0], rest[1])
    elif kind == "price":
        book.set_prices({rest[0]: rest[1]})
    elif kind == "drop":
        book.remove_account(rest[0])
    elif kind == "close":
        book.remove_position(*rest)
    else:
        book.upsert_position(*rest)


@settings(max_examples=400, deadline=None)
@given(st.lists(STEPS, max_size=60), st.integers(0, 3), st.integers(1, 3))
def test_the_book_is_exact_whatever_happens(steps, places, layers):
    book, plain = Book(quantity_places=places, capacity=1, layers=layers), Plain()
    for step in (*(("cash", account, account) for account in range(1, 5)), *steps):
        if step[0] in ("position", "drop", "close") and step[1] not in plain.cash:
            with pytest.raises(KeyError):
                feed(book, step)
            continue
        feed(book, step)
        plain.take(step)
        book.mark()
    equity, balance, worst = book.mark(), book.balance(), book.worst()
    assert sorted(book.account_ids[book.live].tolist()) == sorted(plain.cash)
    for account, cash in plain.cash.items():
        slot, held = book.slot(account), list(plain.profits(account))
        assert equity[slot] == plain.equity(account)
        assert balance[slot] == cash + sum(cost for _, cost in held)
        assert worst[slot] == min((value - cost for value, cost in held), default=NO_PROFIT)
    free = np.setdiff1d(np.arange(book.size), book.live)
    assert not equity[free].any()


def test_many_positions_spill_over_and_become_a_layer():
    book = Book(layers=1, capacity=2)
    for account in range(1, 301):
        book.upsert_account(account, 0)
        for listing in range(1, 4):
            book.upsert_position(account, listing, Decimal(listing), 0)
    book.set_prices({listing: Decimal(listing) for listing in range(1, 4)})
    assert book.mark().tolist() == [1400] * 300
    for account in range(1, 301):
        book.upsert_position(account, 2, Decimal(0), 0)
    assert book.mark().tolist() == [1000] * 300


def test_a_position_closed_in_the_overflow_counts_no_more():
    book = Book(layers=1)
    book.upsert_account(1, 0)
    for listing in (1, 2, 3):
        book.upsert_position(1, listing, Decimal(listing), 10)
    assert book.mark(dict.fromkeys((1, 2, 3), Decimal(1))).tolist() == [600]
    book.remove_position(1, 3)
    assert (book.mark().tolist(), book.worst().tolist()) == ([300], [90])
    book.remove_account(1)
    assert book.mark().tolist() == [0]


def test_a_product_beyond_64_bits_is_still_exact():
    book = Book(quantity_places=3)
    book.upsert_account(1, 0)
    book.upsert_position(1, 1, Decimal(500_000_000), 7)
    assert book.mark({1: Decimal("999999.9999")}).tolist() == [49_999_999_995_000_000]
    assert book.worst().tolist() == [49_999_999_995_000_000 - 7]


def test_an_equity_beyond_64_bits_is_refused_not_wrapped():
    book = Book()
    book.upsert_account(1, 2**62)
    book.upsert_position(1, 1, Decimal(2**62) / 100, 0)
    with pytest.raises(OverflowError):
        book.mark({1: Decimal(1)})


def test_marks_equal_those_of_the_marking_module():
    quantities = [Decimal(3), Decimal("0.5"), Decimal(-7)]
    prices = [Decimal("1.115"), Decimal("0.01"), Decimal("2.005")]
    book = Book(quantity_places=1)
    book.upsert_account(1, 0)
    for listing, quantity in enumerate(quantities):
        book.upsert_position(1, listing, quantity, 0)
    assert book.mark(dict(enumerate(prices)))[0] == values_minor(quantities, prices, 2).sum()


def test_a_currency_without_cents_and_a_foreign_price():
    book = Book(exponent=0)
    book.upsert_account(9, 1000)
    book.upsert_position(9, 1, Decimal(3), 0)
    assert book.mark({1: Decimal("10.5") * Decimal("1.0123")}).tolist() == [1032]


def test_account_ids_are_positive_and_unknown_ones_refused():
    with pytest.raises(ValueError, match="positive"):
        Book().upsert_account(0, 1)
    with pytest.raises(KeyError):
        Book().upsert_position(1, 1, Decimal(1), 1)


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1), st.integers(1, 6))
def test_half_even_is_that_of_fractions(values, places):
    found = half_even(np.array(values, dtype=np.int64), np.int64(10**places))
    assert found.tolist() == [round(Fraction(value, 10**places)) for value in values]


SCORES = st.one_of(st.integers(-3, 3), st.integers(-(2**62), 2**62))


@given(st.lists(st.tuples(SCORES, st.integers(0, 2), st.integers(0, 1)), max_size=60))
def test_ranks_share_ties_and_break_them_by_the_keys(rows):
    scores, first, second = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    for ties in ((), (first,), (first, second)):
        keys = [(-int(scores[i]), *(int(key[i]) for key in ties)) for i in range(len(rows))]
        order, rank = ranks(scores, tie_order(*ties) if ties else None)
        assert order.tolist() == sorted(range(len(rows)), key=lambda index, keys=keys: (keys[index], index))
        assert rank.tolist() == [1 + sum(other < key for other in keys) for key in keys]
