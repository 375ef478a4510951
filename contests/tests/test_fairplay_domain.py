"""The detectors on plain rows: bounded, symmetric, blind to order, and silent about honest crowds."""

from dataclasses import replace

import numpy as np

from contests.domain.fairplay import Prices, Shared, illiquid, shared_identity, stale_prices
from contests.domain.fairplay_words import evidence_words
from trading.domain.pairs import pair_leads
from trading.tests.pair_rows import DAY, SECOND, START, copy_of, crowd, found, trades


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
