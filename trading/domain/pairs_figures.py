"""Trades as columns, leads, and how far something is from chance: what every detector of unfair play shares. Pure.

A detector answers with leads for people to look at: a score from 0 to 100 and the figures behind it, never a verdict.
A score joins how much of somebody's trading is like that with how unlikely chance makes it among all who trade.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SHOWN = 60  # the least score that a moderator is shown
GROWN = 10  # a dismissed lead comes back when its score has grown by so much
FULL_DECADES = 8.0  # chance of one in 10^8, after counting everyone who was compared: as unlikely as it gets
MOST_ORDERS = 50  # named in one lead


@dataclass(frozen=True, slots=True)
class Trades:
    """Orders that somebody decided on and that filled, as parallel columns in any order.

    Side is 1 or -1. `placed_us` is wall time, `market_us` market time, both in microseconds. `tick` is the tick of the
    quote, `last` its last price, `volume` that of the last completed session (0: not known).
    """

    order: Ints
    account: Ints
    listing: Ints
    side: Ints
    placed_us: Ints
    market_us: Ints
    tick: Ints
    quantity: Floats
    price: Floats
    last: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.order)

    def take(self, rows: Any) -> Trades:
        """Some of the rows."""
        return Trades(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Lead:
    """What a detector says about an account, or two; `score` 0 to 100."""

    kind: str
    account: int
    other: int | None
    score: int
    evidence: dict[str, Any]


def tail_decades(hits: int, trials: int, chance: float) -> float:
    """-log10 of the probability of at least `hits` in `trials`, each with `chance`. 0 where chance explains it."""
    if trials <= 0 or hits <= trials * chance:
        return 0.0
    if chance <= 0.0 or hits > trials:
        return 99.0
    log_p, log_q = math.log(chance), math.log1p(-chance)
    most = math.lgamma(trials + 1)
    logs = [
        most - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * log_p + (trials - k) * log_q
        for k in range(hits, trials + 1)
    ]
    top = max(logs)
    total = top + math.log(sum(math.exp(one - top) for one in logs))
    return min(max(-total / math.log(10), 0.0), 99.0)


def tail_of(hits: int, chances: Floats) -> float:
    """`tail_decades` where each trial has a chance of its own."""
    if hits <= chances.sum():
        return 0.0
    spread = np.zeros(len(chances) + 1)
    spread[0] = 1.0
    for chance in chances:
        spread[1:] = spread[1:] * (1 - chance) + spread[:-1] * chance
        spread[0] *= 1 - chance
    tail = float(spread[hits:].sum())
    return 99.0 if tail <= 0.0 else min(max(-math.log10(tail), 0.0), 99.0)


def score_of(share: float, decades: float, full: float = FULL_DECADES) -> int:
    """0 to 100: `share` (0 to 1) of the trading, and how unlikely it is in decades; `full` is as good as impossible."""
    size = math.sqrt(min(max(share, 0.0), 1.0))
    return round(100 * size * min(max(decades / full, 0.0), 1.0))


def corrected(decades: float, compared: float) -> float:
    """Decades left when so many were compared, one of whom was bound to be the luckiest."""
    return max(decades - math.log10(max(compared, 1.0)), 0.0)


def strongest(leads: Sequence[Lead], most: int, least: int = SHOWN) -> list[Lead]:
    """The leads worth a look, the strongest first, at most so many."""
    worth = [lead for lead in leads if lead.score >= least]
    return sorted(worth, key=lambda lead: (-lead.score, lead.kind, lead.account, lead.other or 0))[:most]
