"""Fair play: what is further from chance than honest trading comes. Pure; `trading.domain.pairs` compares accounts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from trading.domain.pairs_figures import (
    MOST_ORDERS,
    Floats,
    Ints,
    Lead,
    Trades,
    corrected,
    score_of,
    tail_decades,
)

Rows = NDArray[np.intp]

SHARED, STALE, ILLIQUID = "shared_identity", "stale_prices", "illiquid"
DAY_US = 86_400_000_000

LATE = 0.8  # the last fifth of the time between two price updates
LEAST_LATE, LEAST_STALE_TRADES = 8, 20
LARGE_SHARE = 0.05  # of a session's volume
FULL_SHARE = 0.25
LEAST_EPISODES = 4
ILLIQUID_DECADES = 3.0
LUCK = 0.6  # how often a price moves on in the direction of a large trade by itself; more than half: prices trend
LARGE_CLUSTER = 5  # of more users than these, each is compared with the first only


@dataclass(frozen=True, slots=True)
class Prices:
    """Last prices as they were known: parallel columns, ascending by listing and market time in microseconds."""

    listing: Ints
    at_us: Ints
    price: Floats

    def after(self, listing: Ints, at_us: Ints) -> Floats:
        """The first price of each listing at or after each moment; NaN where there is none yet."""
        found = np.full(len(listing), np.nan)
        for one in np.unique(listing).tolist():
            low, high = np.searchsorted(self.listing, [one, one + 1])
            rows = np.flatnonzero(listing == one)
            at = low + np.searchsorted(self.at_us[low:high], at_us[rows])
            known = at < high
            found[rows[known]] = self.price[at[known]]
        return found


@dataclass(frozen=True, slots=True)
class Shared:
    """Accounts whose owners share a device, an address or a payment instrument; `score` as it was given there."""

    lead_id: int
    kind: str
    score: int
    accounts: tuple[int, ...]


def shared_identity(clusters: Iterable[Shared]) -> list[Lead]:
    """Pairs of accounts whose owners may be one person: what they share adds up."""
    found: dict[tuple[int, int], list[Shared]] = {}
    for cluster in clusters:
        accounts = sorted(set(cluster.accounts))
        pairs = (
            combinations(accounts, 2) if len(accounts) <= LARGE_CLUSTER else ((accounts[0], x) for x in accounts[1:])
        )
        for pair in pairs:
            found.setdefault(pair, []).append(cluster)
    leads = []
    for (first, second), seen in sorted(found.items()):
        seen.sort(key=lambda one: (-one.score, one.lead_id))
        doubt = math.prod(1 - min(one.score, 100) / 100 for one in seen)
        evidence = {
            "shared": [
                {"lead_id": one.lead_id, "kind": one.kind, "score": one.score, "people": len(set(one.accounts))}
                for one in seen[:MOST_ORDERS]
            ]
        }
        leads.append(Lead(SHARED, first, second, round(100 * (1 - doubt)), evidence))
    return leads


def stale_prices(trades: Trades, prices: Prices, first_tick: int, ticks_us: Ints) -> list[Lead]:
    """Who trades just before prices are renewed, and to their gain: they may see the next price elsewhere.

    `ticks_us`: wall time of the market's ticks from `first_tick` on. Trades whose tick has no successor do not count;
    of several in a symbol and tick one does.
    """
    place = trades.tick - first_tick
    trades = trades.take((place >= 0) & (place < len(ticks_us) - 1))
    place = trades.tick - first_tick
    if not len(trades):
        return []
    starts, ends = ticks_us[place], ticks_us[place + 1]
    phase = (trades.placed_us - starts) / np.maximum(ends - starts, 1)
    moved = (prices.after(trades.listing, ends) - trades.last) * trades.side
    keys = np.stack([trades.account, trades.listing, trades.tick])
    _, ones = np.unique(keys, axis=1, return_index=True)
    good = np.zeros(len(trades), dtype=bool)
    good[ones] = True
    rows = np.flatnonzero(good & (phase >= 0) & (phase < 1) & ~np.isnan(moved))
    trades, late, gains = trades.take(rows), phase[rows] >= LATE, moved[rows] > 0
    chance = (1 - LATE) * _gain_chance(trades, gains)
    return _stale_leads(trades, late, gains, chance)


def _gain_chance(trades: Trades, gains: NDArray[np.bool_]) -> Floats:
    """How often such a trade gains by the next price: everyone's share on that symbol and side, at least half."""
    _, group = np.unique(trades.listing * 2 + (trades.side > 0), return_inverse=True)
    share = np.bincount(group, weights=gains) / np.maximum(np.bincount(group), 1)
    return np.asarray(np.clip(share, 0.5, 0.95)[group], dtype=np.float64)


def _stale_leads(trades: Trades, late: NDArray[np.bool_], gains: NDArray[np.bool_], chance: Floats) -> list[Lead]:
    leads = []
    order = np.argsort(trades.account, kind="stable")
    accounts, starts, counts = np.unique(trades.account[order], return_index=True, return_counts=True)
    for one in np.flatnonzero(counts >= LEAST_STALE_TRADES).tolist():
        account, mine = int(accounts[one]), order[starts[one] : starts[one] + counts[one]]
        hits = mine[late[mine] & gains[mine]]
        if len(hits) < LEAST_LATE:
            continue
        expected = float(chance[mine].mean())
        decades = corrected(tail_decades(len(hits), len(mine), expected), len(accounts))
        excess = (len(hits) / len(mine) - expected) / (1 - expected)
        evidence = {
            "trades": len(mine), "late": int(late[mine].sum()), "late_and_gained": len(hits),
            "expected": round(expected * len(mine), 2), "decades": round(decades, 1),
            "orders": sorted(trades.order[hits].tolist())[-MOST_ORDERS:],
        }  # fmt: skip
        leads.append(Lead(STALE, account, None, score_of(excess, decades), evidence))
    return leads


def illiquid(trades: Trades, prices: Prices) -> list[Lead]:
    """Who trades a large share of a symbol's volume, after which its price moves on in their favour, again and again.

    An episode is an account's trading in a symbol on one market day; its price is looked at a market day later.
    """
    trades = trades.take(trades.volume > 0)
    if not len(trades):
        return []
    day = trades.market_us // DAY_US
    keys, first, group = np.unique(
        np.stack([trades.account, trades.listing, day]), axis=1, return_index=True, return_inverse=True
    )
    group = group.reshape(-1)
    gross = np.bincount(group, weights=trades.quantity)
    net = np.bincount(group, weights=trades.quantity * trades.side)
    paid = np.bincount(group, weights=trades.quantity * trades.price) / gross
    share = gross / trades.volume[first]
    later = prices.after(keys[1], (keys[2] + 1) * DAY_US)
    gain = (later / paid - 1) * np.sign(net)
    large = np.flatnonzero((share >= LARGE_SHARE) & (net != 0) & ~np.isnan(gain))
    accounts, counts = np.unique(keys[0][large], return_counts=True)
    leads = []
    for account in accounts[counts >= LEAST_EPISODES].tolist():
        mine = large[keys[0][large] == account]
        leads.append(
            _illiquid_lead(trades, account, group, mine, keys[1][mine], share[mine], gain[mine], len(accounts))
        )
    return [lead for lead in leads if lead.score]


def _illiquid_lead(
    trades: Trades, account: int, group: Rows, mine: Rows, listing: Ints, share: Floats, gain: Floats, compared: int
) -> Lead:
    hits = int((gain > 0).sum())
    decades = corrected(tail_decades(hits, len(mine), LUCK), compared)
    size = min(float(share.mean()) / FULL_SHARE, 1.0)
    evidence = {
        "episodes": len(mine), "gained": hits, "mean_share_pct": round(100 * float(share.mean()), 1),
        "mean_move_pct": round(100 * float(gain.mean()), 2), "decades": round(decades, 1),
        "listings": sorted(set(listing.tolist()))[:MOST_ORDERS],
        "orders": sorted(trades.order[np.isin(group, mine)].tolist())[-MOST_ORDERS:],
    }  # fmt: skip
    return Lead(ILLIQUID, account, None, score_of(size, decades, ILLIQUID_DECADES), evidence)
