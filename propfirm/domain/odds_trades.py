"""Where simulated trades come from: numbers of a style, or a history drawn again in blocks of days. Pure.

How far a trade goes the other way before it closes is drawn too, as of a driftless walk between its two ends (gambler's
ruin). With the far end D below and the near end U above, the walk that ends at U has been x below before with
P(lowest <= x) = x (D + U) / (D (x + U)); turned round, x = u D U / (D + U - u D) for a uniform u. Losing is the mirror.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from propfirm.domain.odds_board import Board
from propfirm.domain.odds_types import MAX_TRADES, Bools, Floats, History, Ints, Style, Trading

Generator = np.random.Generator
_LEAST = 1e-9


class Step(NamedTuple):
    """One trade of each account. `on`: who trades. `pnl`: the result. `low`: how far equity falls, `up`: how far it
    rises before or at the close, both at least zero. Whole minor units."""

    on: Bools
    pnl: Floats
    low: Floats
    up: Floats


class Source(Protocol):
    """A way of trading, for all accounts of a board."""

    def open(self, rng: Generator, board: Board, size: Floats | float) -> int:
        """Begin a day with trades of `size` times the usual; the most trades that an account makes in it."""
        ...

    def trade(self, rng: Generator, number: int, board: Board) -> Step:
        """The day's trade of that number, from 0."""
        ...

    def keep(self, mask: Bools) -> None:
        """Drop the other accounts."""
        ...


def other_way(draw: Floats, far: Floats, near: Floats) -> Floats:
    """How far a walk that ends `near` away has been on the other side, whose end is `far` away."""
    found: Floats = np.rint(draw * far * near / np.maximum(far + near - draw * far, _LEAST))
    return found


class Numbers:
    """Trades of a Style."""

    def __init__(self, style: Style, rng: Generator, size: int) -> None:
        self._style = style
        self._after_win, self._after_loss = style.chances
        self._won = rng.random(size) < style.win_rate
        self._whole = int(style.trades_per_day)
        self._part = style.trades_per_day - self._whole
        self._more: Bools = np.zeros(size, dtype=np.bool_)
        self._risk: Floats = np.zeros(size)
        self._gain: Floats = np.zeros(size)

    def open(self, rng: Generator, board: Board, size: Floats | float) -> int:
        """Begin a day."""
        self._risk = np.maximum(np.rint(board.initial * (self._style.risk_percent / 100) * size), 1.0)
        self._gain = np.rint(self._risk * self._style.payoff)
        if self._part:
            self._more = rng.random(board.size) < self._part
        return self._whole + (1 if self._part else 0)

    def trade(self, rng: Generator, number: int, board: Board) -> Step:
        """The next trade: a win or a loss of the day's size, made smaller where a rule limits the loss of a trade."""
        on = board.free if number < self._whole else board.free & self._more
        won, draw = self._drawn(rng, board, on)
        risk, gain = self._risk, self._gain
        if board.rules.trades and self._style.uses_stop:
            risk = np.minimum(risk, board.room())
            gain, on = np.rint(risk * self._style.payoff), on & (risk >= 1)
        low = np.where(won, other_way(draw, risk, gain), risk)
        up = np.where(won, gain, other_way(draw, gain, risk)) if board.rules.rising else gain
        return Step(on, np.where(won, gain, -risk), low, up)

    def _drawn(self, rng: Generator, board: Board, on: Bools) -> tuple[Bools, Floats]:
        """Who wins, and a uniform number that does not depend on it: what is left of the one that decided."""
        draw: Floats = rng.random(board.size)
        chance: Floats | float = self._after_win
        if self._style.streak:
            chance = np.where(self._won, self._after_win, self._after_loss)
        won = draw < chance
        if self._style.streak:
            self._won = np.where(on, won, self._won)
        below, above = 1 / np.maximum(chance, _LEAST), 1 / np.maximum(1 - np.asarray(chance), _LEAST)
        return won, np.where(won, draw * below, (draw - chance) * above)

    def keep(self, mask: Bools) -> None:
        """Drop the other accounts."""
        self._won = self._won[mask]


class Blocks:
    """Trades of histories, drawn by the stationary bootstrap: blocks of days in a row, of random length.

    `which` names each account's history. A session is active with the history's share of active days.
    """

    def __init__(self, histories: Sequence[History], which: Ints, rng: Generator) -> None:
        days = [day for history in histories for day in history.days]
        self._results = np.zeros((len(days), MAX_TRADES))
        for row, day in enumerate(days):
            self._results[row, : len(day)] = day
        self._trades = np.array([len(day) for day in days], dtype=np.int64)
        counts = np.array([len(history.days) for history in histories], dtype=np.int64)
        self._start = (np.cumsum(counts) - counts)[which]
        self._count = counts[which]
        self._share = np.array([history.active_share for history in histories])[which]
        self._again = np.array([1 / history.block for history in histories])[which]
        means = [_means(history) for history in histories]
        self._loss = np.array([loss for loss, _ in means])[which]
        self._win = np.array([win for _, win in means])[which]
        self._place = self._jump(rng)
        self._today: Ints = np.zeros(len(which), dtype=np.int64)
        self._size: Floats | float = 1.0

    def _jump(self, rng: Generator) -> Ints:
        found: Ints = self._start + (rng.random(len(self._start)) * self._count).astype(np.int64)
        return found

    def open(self, rng: Generator, board: Board, size: Floats | float) -> int:
        """Begin a day: the next one of the block, or a new block."""
        active = rng.random(board.size) < self._share
        following = self._start + (self._place + 1 - self._start) % self._count
        moved = np.where(rng.random(board.size) < self._again, self._jump(rng), following)
        self._place = np.where(active, moved, self._place)
        self._today = np.where(active, self._trades[self._place], 0)
        self._size = size
        return int(self._today.max(initial=0))

    def trade(self, rng: Generator, number: int, board: Board) -> Step:
        """The next result of each account's day, as a share of its balance."""
        scale = np.maximum(board.balance, 0) * self._size
        pnl = np.rint(self._results[self._place, number] * scale)
        loss, win = np.maximum(-pnl, 0), np.maximum(pnl, 0)
        draw, won = rng.random(board.size), pnl >= 0
        low = np.where(won, other_way(draw, self._loss * scale, win), loss)
        up = np.where(won, win, other_way(draw, self._win * scale, loss)) if board.rules.rising else win
        return Step(board.free & (number < self._today), pnl, low, up)

    def keep(self, mask: Bools) -> None:
        """Drop the other accounts."""
        for name in ("_start", "_count", "_share", "_again", "_loss", "_win", "_place"):
            setattr(self, name, getattr(self, name)[mask])


def _means(history: History) -> tuple[float, float]:
    """(average loss, average win) as fractions of the balance; one stands for the other where there is none."""
    results = np.array([result for day in history.days for result in day])
    lost, won = -results[results < 0], results[results > 0]
    loss = float(lost.mean()) if len(lost) else 0.0
    win = float(won.mean()) if len(won) else 0.0
    return loss or win, win or loss


def source_of(trading: Trading, rng: Generator, size: int) -> Source:
    """Where the trades of `size` accounts come from that all trade alike."""
    if isinstance(trading, Style):
        return Numbers(trading, rng, size)
    return Blocks([trading], np.zeros(size, dtype=np.int64), rng)
