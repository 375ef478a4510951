"""The comparison of pairs on plain rows: bounded, symmetric, blind to order, and silent about honest crowds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.domain.pairs import pair_leads
from trading.domain.pairs_figures import Lead, score_of, strongest, tail_decades, tail_of
from trading.tests.pair_rows import SECOND, copy_of, crowd, found, trades

SIZES = (4, 15, 40)


@pytest.mark.parametrize("batch", range(4), ids=["batch-0", "batch-1", "batch-2", "batch-3"])
def test_honest_crowds_are_not_flagged_in_two_hundred_seeds(batch):
    for seed in range(batch * 50, batch * 50 + 50):
        rng = np.random.default_rng(seed)
        people, hours = SIZES[seed % 3], (0.3, 2, 9)[seed // 3 % 3]
        rows = trades(*crowd(rng, people, hours))
        assert found(pair_leads(rows, frozenset())) == set(), seed


def test_in_a_crowd_of_three_hundred_the_planted_pairs_are_found_and_nobody_else():
    rng = np.random.default_rng(7)
    rows = crowd(rng, 300, 6)
    planted = [copy_of(rows, 20, 301, rng), copy_of(rows, 40, 302, rng, part=0.8),
               copy_of(rows, 60, 303, rng, flip=True)]  # fmt: skip
    leads = pair_leads(trades(*np.concatenate([rows, *planted], axis=1)), frozenset())
    assert found(leads) == {("mirrored", 20, 301), ("mirrored", 40, 302), ("opposite", 60, 303)}
    best = max(leads, key=lambda lead: lead.score)
    assert best.evidence["together"] >= 5
    assert all(len(match["orders"]) == 2 for match in best.evidence["matches"])
    assert sum(len(match["orders"]) for match in best.evidence["matches"]) <= 50


def test_a_dense_crowd_hides_nobody():
    rng = np.random.default_rng(3)
    rows = crowd(rng, 800, 0.25)
    rows = np.concatenate([rows, copy_of(rows, 700, 801, rng)], axis=1)
    assert ("mirrored", 700, 801) in found(pair_leads(trades(*rows), frozenset()))


def test_agents_are_compared_with_people_and_not_with_each_other():
    rng = np.random.default_rng(5)
    rows = crowd(rng, 40, 5)
    rows = np.concatenate([rows, copy_of(rows, 3, 41, rng), copy_of(rows, 8, 42, rng)], axis=1)
    assert found(pair_leads(trades(*rows), frozenset({3, 41, 8}))) == {("mirrored", 8, 42)}


@pytest.mark.parametrize("apart", [0, 1_800], ids=["one-burst", "two-bursts"])
def test_a_burst_is_one_moment_however_many_orders_are_in_it(apart):
    at = np.concatenate([np.arange(12), np.arange(12) + apart]) * SECOND // 4
    both = np.concatenate([at, at + SECOND // 2])
    rows = trades(np.repeat([1, 2], 24), np.tile(np.arange(12), 4), np.ones(48), both)
    assert pair_leads(rows, frozenset()) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_the_pair_score_is_bounded_blind_to_order_and_to_which_account_is_which(seed, flip):
    rng = np.random.default_rng(seed)
    rows = crowd(rng, 6, 1)
    rows = np.concatenate([rows, copy_of(rows, 2, 7, rng, flip=flip)], axis=1)
    scores = {(lead.kind, lead.account, lead.other): lead.score for lead in pair_leads(trades(*rows), frozenset())}
    assert all(0 <= score <= 100 for score in scores.values())
    mixed = rows[:, rng.permutation(rows.shape[1])]
    again = pair_leads(trades(*mixed), frozenset())
    assert {(lead.kind, lead.account, lead.other): lead.score for lead in again} == scores
    turned = rows.copy()
    turned[0] = 8 - turned[0]
    other = pair_leads(trades(*turned), frozenset())
    assert {(lead.kind, 8 - (lead.other or 0), 8 - lead.account): lead.score for lead in other} == scores


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 200), st.integers(0, 200), st.floats(0, 1))
def test_the_tail_is_what_summing_gives_and_never_negative(hits, trials, chance):
    decades = tail_decades(hits, trials, min(chance, 0.999))
    assert 0 <= decades <= 99
    assert 0 <= score_of(chance, decades) <= 100
    assert tail_decades(hits + 1, trials, min(chance, 0.999)) >= decades or hits >= trials


def test_the_tail_of_known_cases():
    assert tail_decades(10, 10, 0.1) == pytest.approx(10)
    assert tail_decades(2, 2, 0.5) == pytest.approx(-np.log10(0.25))
    assert tail_decades(5, 10, 0.6) == 0
    assert tail_of(2, np.array([0.1, 0.01])) == pytest.approx(3)
    assert tail_of(7, np.full(20, 0.1)) == pytest.approx(tail_decades(7, 20, 0.1))
    assert tail_of(1, np.full(20, 0.1)) == 0


def test_the_strongest_come_first_and_weak_ones_not_at_all():
    leads = [Lead("mirrored", account, None, score, {}) for account, score in ((1, 59), (2, 60), (3, 90))]
    assert [lead.account for lead in strongest(leads, 5)] == [3, 2]
    assert [lead.account for lead in strongest(leads, 1)] == [3]
