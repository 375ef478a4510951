"""The detectors on plain rows: bounded, symmetric, blind to order, and silent about honest crowds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contests.domain.fairplay import (
    SHOWN,
    Lead,
    Prices,
    Shared,
    Trades,
    illiquid,
    score_of,
    shared_identity,
    stale_prices,
    strongest,
    tail_decades,
    tail_of,
)
from contests.domain.fairplay_pairs import pair_leads
from contests.domain.fairplay_words import evidence_words

START = 1_700_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND


def trades(account, listing, side, at, **more):
    """Columns as trades; `at` in microseconds from the start."""
    number = len(account)
    whole = {name: np.asarray(more.get(name, default), dtype=np.int64) for name, default in (
        ("order", np.arange(1, number + 1)), ("account", account), ("listing", listing), ("side", side),
        ("placed_us", np.asarray(at) + START), ("market_us", np.asarray(at) + START),
        ("tick", np.zeros(number)))}  # fmt: skip
    part = {name: np.asarray(more.get(name, default), dtype=np.float64) for name, default in (
        ("quantity", np.ones(number)), ("price", np.full(number, 100.0)), ("last", np.full(number, 100.0)),
        ("volume", np.full(number, 1e6)))}  # fmt: skip
    return Trades(**whole, **part)


def crowd(rng, people, hours, listings=4, most=50):
    """Honest traders: each at times of their own, a third of it when the news comes, which everyone reads alike."""
    blocks = []
    span = int(hours * 3600 * SECOND)
    news = rng.integers(0, span, 10)
    for account in range(1, people + 1):
        number = int(rng.integers(8, most))
        at, symbol = rng.integers(0, span, number), rng.integers(0, listings, number)
        side = np.where(rng.random(number) < 0.5, 1, -1)
        item, reads = rng.integers(0, 10, number), rng.random(number) < 0.33
        at[reads] = (news[item] + rng.exponential(6 * SECOND, number).astype(np.int64))[reads]
        symbol[reads], side[reads] = (item % listings)[reads], np.where(item % 2, 1, -1)[reads]
        blocks.append(np.stack([np.full(number, account), symbol, side, at]))
    return np.concatenate(blocks, axis=1)


def copy_of(rows, account, as_account, rng, *, flip=False, part=1.0):
    own = rows[:, rows[0] == account]
    own = own[:, rng.random(own.shape[1]) < part].copy()
    own[0] = as_account
    own[3] += rng.integers(SECOND // 2, 3 * SECOND, own.shape[1])
    if flip:
        own[2] *= -1
    return own


def found(leads):
    return {(lead.kind, lead.account, lead.other) for lead in leads if lead.score >= SHOWN}


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


def test_what_people_share_adds_up_and_large_clusters_are_not_all_pairs():
    clusters = [Shared(1, "device", 70, (1, 2)), Shared(2, "ip", 20, (2, 1)), Shared(3, "ip", 23, tuple(range(10, 40)))]
    leads = shared_identity(clusters)
    assert (leads[0].account, leads[0].other, leads[0].score) == (1, 2, 76)
    assert len(leads) == 1 + 29
    assert shared_identity(reversed(clusters)) == leads


def ticking(rng, accounts, hunter=None, number=60):
    """A live market that ticks every ten seconds; a hunter trades in the last second with the next move in sight."""
    ticks = np.arange(2_000) * 10 * SECOND + START
    walk = 100 + np.cumsum(rng.normal(0, 0.2, 2_000))
    prices = Prices(np.ones(2_000, dtype=np.int64), ticks, walk)
    account = np.repeat(np.arange(1, accounts + 1), number)
    tick = rng.integers(0, 1_998, len(account))
    side = np.where(rng.random(len(account)) < 0.5, 1, -1)
    phase = rng.random(len(account))
    if hunter:
        mine = account == hunter
        phase[mine] = 0.9
        side[mine] = np.where(walk[tick[mine] + 1] > walk[tick[mine]], 1, -1)
    at = ticks[tick] + (phase * 10 * SECOND).astype(np.int64) - START
    return trades(account, np.ones(len(account)), side, at, tick=tick, last=walk[tick]), prices, ticks


def test_who_hunts_stale_prices_is_found_and_nobody_else():
    rows, prices, ticks = ticking(np.random.default_rng(1), 100, hunter=42)
    assert found(stale_prices(rows, prices, 0, ticks)) == {("stale_prices", 42, None)}
    lead = max(stale_prices(rows, prices, 0, ticks), key=lambda one: one.score)
    assert len(lead.evidence["orders"]) <= 50
    assert lead.evidence["late_and_gained"] > 5 * lead.evidence["expected"]


def test_honest_traders_of_a_live_market_are_not_flagged_in_two_hundred_seeds():
    for seed in range(200):
        rows, prices, ticks = ticking(np.random.default_rng(seed), 10)
        assert found(stale_prices(rows, prices, 0, ticks)) == set(), seed


def test_trading_late_without_a_gain_is_no_finding():
    rows, prices, ticks = ticking(np.random.default_rng(2), 30, hunter=5)
    losing = np.where(rows.account == 5, -rows.side, rows.side)
    assert found(stale_prices(replace(rows, side=losing), prices, 0, ticks)) == set()


def pumping(rng, *, share, favoured):
    """An account that is `share` of a symbol's volume on each of twenty days, and a crowd that is hardly any."""
    days = np.arange(20)
    moves = rng.normal(0, 0.02, 21)
    price = 10 * np.cumprod(1 + moves)
    side = np.sign(price[1:] - price[:-1]) if favoured else np.where(rng.random(20) < 0.5, 1, -1)
    account = np.concatenate([np.full(20, 1), np.tile([2, 3, 4], 20)])
    day = np.concatenate([days, np.repeat(days, 3)])
    begin = START // DAY * DAY - START
    rows = trades(
        account, np.ones(80), np.concatenate([side, np.ones(60)]), begin + day * DAY + 36_000 * SECOND,
        quantity=np.where(account == 1, share * 1_000, 2), price=price[day], volume=np.full(80, 1_000.0),
    )  # fmt: skip
    at = START // DAY * DAY + np.arange(21) * DAY + 1
    return rows, Prices(np.ones(21, dtype=np.int64), at, price)


def test_who_moves_an_illiquid_symbol_is_found_and_who_is_merely_large_is_not():
    rng = np.random.default_rng(4)
    assert found(illiquid(*pumping(rng, share=0.4, favoured=True))) == {("illiquid", 1, None)}
    assert found(illiquid(*pumping(rng, share=0.01, favoured=True))) == set()
    flagged = [found(illiquid(*pumping(np.random.default_rng(s), share=0.4, favoured=False))) for s in range(200)]
    assert flagged == [set()] * 200


def test_nothing_comes_of_nothing():
    none = trades([], [], [], [])
    prices = Prices(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    assert pair_leads(none, frozenset()) == illiquid(none, prices) == stale_prices(none, prices, 0, none.order) == []


def test_the_strongest_come_first_and_weak_ones_not_at_all():
    leads = [Lead("mirrored", account, None, score, {}) for account, score in ((1, 59), (2, 60), (3, 90))]
    assert [lead.account for lead in strongest(leads, 5)] == [3, 2]
    assert [lead.account for lead in strongest(leads, 1)] == [3]


def test_every_kind_of_evidence_has_words():
    rng = np.random.default_rng(7)
    rows = crowd(rng, 30, 6)
    leads = pair_leads(trades(*np.concatenate([rows, copy_of(rows, 20, 31, rng)], axis=1)), frozenset())
    leads += shared_identity([Shared(1, "device", 70, (1, 2))])
    leads += stale_prices(*_with_start(ticking(rng, 20, hunter=2)))
    leads += illiquid(*pumping(rng, share=0.4, favoured=True))
    assert {lead.kind for lead in leads} >= {"mirrored", "shared_identity", "stale_prices", "illiquid"}
    for lead in leads:
        evidence = {**lead.evidence, "accounts": [lead.account, lead.other or 0]}
        words = evidence_words(lead.kind, evidence, {lead.account: "Ada", lead.other or 0: "Bob"})
        assert "Ada" in " ".join(words)


def _with_start(made):
    rows, prices, ticks = made
    return rows, prices, 0, ticks
