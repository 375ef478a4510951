"""Two accounts that trade the same (or the opposite) within seconds of each other, again and again. Pure.

All pairs are never looked at. Accounts that share a moment in a symbol are candidates while a moment is shared by few;
where the crowd is dense, two moments in a row that few share. Only the likeliest candidates are compared in full.

What chance explains is estimated around each trade: the other traded that symbol and side so often within ten minutes,
and so much of everyone's trading of these minutes fell into the same seconds. A price that makes everybody trade at
once makes nobody suspicious, and neither does a common lunch hour.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from trading.domain.pairs_figures import MOST_ORDERS, Floats, Ints, Lead, Trades, corrected, score_of, tail_of

MIRRORED, OPPOSITE = "mirrored", "opposite"
WITHIN_US = 5_000_000  # two orders are together when they were placed within so many microseconds
AROUND_US = 600_000_000
LEAST_MOMENTS = 5
LEAST_HITS = 3
CROWD = 16  # accounts that share a moment; of more, chance is the better explanation
MOST_PAIRS = 5_000
MOST_TRADES = 1_000  # of an account, the newest
PRIOR = 20.0  # how many trades the even spread over the minutes around weighs against what the crowd did

_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class _Book:
    """Trades sorted by account and time. `keys` order them by symbol, side and time, for windows by binary search."""

    trades: Trades
    starts: Ints  # where each account begins, and the end
    keys: Ints
    flipped: Ints  # the keys of the opposite side
    every: Ints  # all keys, ascending
    span: int


@dataclass(frozen=True, slots=True)
class _Met:
    """One direction of a comparison: moments of one account, of which the other was there in `hits`."""

    hits: int
    chances: Floats  # of each moment, that the other is there by chance
    rows: Ints  # of the trades that were met

    @property
    def trials(self) -> int:
        """How many moments."""
        return len(self.chances)


def pair_leads(trades: Trades, agents: Set[int]) -> list[Lead]:
    """Mirrored and opposite trades of pairs. Agents of the house are compared with people, not with each other."""
    if len(trades) < 2 * LEAST_MOMENTS:
        return []
    book = _book(trades)
    owners = book.trades.account[book.starts[:-1]]
    candidates = _candidates(book, np.isin(owners, np.fromiter(agents, dtype=np.int64, count=len(agents))))
    compared = float(len(owners)) * (len(owners) - 1)  # pairs, each in two ways
    leads = []
    for first, second in candidates:
        for kind in (MIRRORED, OPPOSITE):
            lead = _compare(book, first, second, kind, compared)
            if lead is not None:
                leads.append(lead)
    return leads


def _book(trades: Trades) -> _Book:
    trades = trades.take(np.lexsort((trades.order, trades.placed_us, trades.account)))
    _, starts, counts = np.unique(trades.account, return_index=True, return_counts=True)
    newest = np.arange(len(trades)) - np.repeat(starts + counts, counts) >= -MOST_TRADES
    trades = trades.take(newest)
    _, starts = np.unique(trades.account, return_index=True)
    _, listing = np.unique(trades.listing, return_inverse=True)
    at = trades.placed_us - trades.placed_us.min() + AROUND_US
    span = int(at.max()) + 2 * AROUND_US
    lane = listing.reshape(-1).astype(np.int64) * 2
    buys = (trades.side > 0).astype(np.int64)
    keys, flipped = (lane + buys) * span + at, (lane + 1 - buys) * span + at
    return _Book(trades, np.append(starts, len(trades)).astype(np.int64), keys, flipped, np.sort(keys), span)


def _candidates(book: _Book, agents: Any) -> list[tuple[int, int]]:
    """The pairs of account numbers that shared the most moments, at most `MOST_PAIRS`."""
    trades, number = book.trades, len(book.starts) - 1
    account = np.repeat(np.arange(number, dtype=np.int64), np.diff(book.starts))
    codes = []
    for offset in (0, WITHIN_US):
        moment = (trades.placed_us + offset) // (2 * WITHIN_US)
        one = _mixed(trades.listing.astype(np.uint64), moment.astype(np.uint64))
        same = account[1:] == account[:-1]
        turn = (trades.side[1:] * trades.side[:-1] + 1).astype(np.uint64)
        two = _mixed(_mixed(one[:-1], one[1:]), turn)[same]
        codes += [_shared(one, account, number), _shared(two, account[1:][same], number)]
    pairs, hits = np.unique(np.concatenate(codes), return_counts=True)
    first, second = pairs // number, pairs % number
    few = np.diff(book.starts) < LEAST_MOMENTS
    good = np.flatnonzero((hits >= LEAST_HITS) & ~(agents[first] & agents[second]) & ~few[first] & ~few[second])
    order = good[np.lexsort((pairs[good], -hits[good]))][:MOST_PAIRS]
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))


def _mixed(left: Any, right: Any) -> Any:
    """One number for two; two numbers rarely share it, and then only a candidate too many is compared."""
    mixed = (left * _MIX) ^ (right + _MIX + (left << np.uint64(6)) + (left >> np.uint64(2)))
    return (mixed ^ (mixed >> np.uint64(29))) * _MIX


def _shared(keys: Any, account: Ints, number: int) -> Ints:
    """Every pair of accounts that share a key with at most `CROWD` others, as first * number + second."""
    order = np.lexsort((account, keys))
    keys, account = keys[order], account[order]
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = (keys[1:] != keys[:-1]) | (account[1:] != account[:-1])
    keys, account = keys[fresh], account[fresh]
    _, starts, sizes = np.unique(keys, return_index=True, return_counts=True)
    found = [np.empty(0, dtype=np.int64)]
    for size in range(2, CROWD + 1):
        at = starts[sizes == size]
        if len(at):
            members = account[at[:, None] + np.arange(size)]
            left, right = np.triu_indices(size, 1)
            found.append((members[:, left] * number + members[:, right]).reshape(-1))
    return np.concatenate(found)


def _compare(book: _Book, first: int, second: int, kind: str, compared: float) -> Lead | None:
    there = _met(book, first, second, kind)
    back = _met(book, second, first, kind) if there else None
    if there is None or back is None:
        return None
    hits = min(there.hits, back.hits)
    # Both ways must be unlikely: somebody who trades all the time is always there.
    decades = corrected(min(tail_of(hits, one.chances) for one in (there, back)), compared)
    share = hits / min(there.trials, back.trials)
    score = score_of(share, decades)
    if not score:
        return None
    evidence = {
        "together": hits,
        "moments": [there.trials, back.trials],
        "expected": round(float(max(there.chances.sum(), back.chances.sum())), 2),
        "share_pct": round(100 * share, 1),
        "decades": round(decades, 1),
        **_matches(book, there.rows, second, kind),
    }
    accounts = book.trades.account[book.starts[[first, second]]].tolist()
    return Lead(kind, accounts[0], accounts[1], score, evidence)


def _met(book: _Book, one: int, other: int, kind: str) -> _Met | None:
    """How often `other` was there when `one` traded, and how often chance would have had it there; None for rarely."""
    rows = np.arange(book.starts[one], book.starts[one + 1])
    wanted = (book.keys if kind == MIRRORED else book.flipped)[rows]
    mine = np.sort(book.keys[rows])
    theirs = np.sort(book.keys[book.starts[other] : book.starts[other + 1]])
    near = _between(theirs, wanted, WITHIN_US)
    moment = book.trades.placed_us[rows] // (2 * WITHIN_US)
    hits = len(np.unique(moment[near > 0]))
    if hits < LEAST_MOMENTS:
        return None
    local = _between(theirs, wanted, AROUND_US)

    def crowd(within: int) -> Any:
        mixed = _between(book.every, wanted, within) - _between(theirs, wanted, within)
        return mixed - _between(mine, wanted, within)

    cells = AROUND_US / WITHIN_US
    odds = (crowd(WITHIN_US) + PRIOR / cells) / (crowd(AROUND_US) + PRIOR)
    absent = (1 - np.minimum(odds, 1.0)) ** local
    moment = np.unique(moment, return_inverse=True)[1].reshape(-1)
    missed = np.ones(int(moment.max()) + 1)
    np.multiply.at(missed, moment, absent)
    return _Met(hits, 1 - missed, rows[near > 0])


def _between(keys: Ints, around: Ints, within: int) -> Any:
    """How many of the ascending keys are within a distance of each."""
    return np.searchsorted(keys, around + within, "right") - np.searchsorted(keys, around - within, "left")


def _matches(book: _Book, met: Ints, second: int, kind: str) -> dict[str, Any]:
    """The newest trades that were together, each with its nearest counterpart, and who came first how often."""
    start, end = int(book.starts[second]), int(book.starts[second + 1])
    theirs = np.argsort(book.keys[start:end]) + start
    keys = book.keys[theirs]
    wanted = (book.keys if kind == MIRRORED else book.flipped)[met]
    right = np.clip(np.searchsorted(keys, wanted), 0, len(keys) - 1)
    left = np.maximum(right - 1, 0)
    nearest = theirs[np.where(np.abs(keys[left] - wanted) <= np.abs(keys[right] - wanted), left, right)]
    trades = book.trades
    gaps = trades.placed_us[nearest] - trades.placed_us[met]
    shown = [
        {
            "listing": int(trades.listing[one]), "side": "buy" if trades.side[one] > 0 else "sell",
            "at_us": int(trades.placed_us[one]), "seconds": round(float(gap) / 1e6, 2),
            "orders": [int(trades.order[one]), int(trades.order[two])],
        }
        for one, two, gap in list(zip(met, nearest, gaps, strict=True))[-MOST_ORDERS // 2 :]
    ]  # fmt: skip
    return {
        "first_led": int((gaps > 0).sum()), "second_led": int((gaps < 0).sum()),
        "median_seconds": round(float(np.median(np.abs(gaps))) / 1e6, 2), "matches": shown,
    }  # fmt: skip
