"""A phase played by many accounts at once: day by day, trade by trade. Pure.

A session is a day of the calendar's `sessions` a year. Its trades follow one another, then the day is reset, floors and
time are judged, profit is paid out. A price's way is continuous: a trade that reaches a floor is closed on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from propfirm.domain.odds_board import Board
from propfirm.domain.odds_rewards import grow, pay_out
from propfirm.domain.odds_rules import DAYS_A_YEAR, NO_MONEY, OPEN, PASSED, Floor, TradeLimit
from propfirm.domain.odds_trades import Generator, Source, Step
from propfirm.domain.odds_types import Bools, Floats, Habits, Ints

# Times within a day are 64ths, which floats hold exactly; the first trade is at the first of them.
TICKS = 64.0
# Dropping ended accounts costs a copy of all columns, so it waits until there are enough of them.
DROP_FROM = 0.1


@dataclass
class Played:
    """How each account ended, by its id: `code` as Compiled.endings, `day` sessions played, money in minor units.

    `snapshots`: money paid out so far (refunds too) after so many sessions, as asked.
    """

    code: Ints
    day: Ints
    balance: Floats
    ahead: Bools
    paid: Floats
    refunded: Floats
    payouts: Ints
    snapshots: dict[int, Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, size: int) -> Played:
        """Nothing played yet."""
        return cls(
            code=np.zeros(size, dtype=np.int64),
            day=np.zeros(size, dtype=np.int64),
            balance=np.zeros(size),
            ahead=np.zeros(size, dtype=np.bool_),
            paid=np.zeros(size),
            refunded=np.zeros(size),
            payouts=np.zeros(size, dtype=np.int64),
        )


def day_of(session: int, sessions: int) -> int:
    """The day of the calendar, from 0, on which a session falls when there are `sessions` of them a year."""
    return session * DAYS_A_YEAR // sessions


class Run:
    """One phase of the accounts of a board, whose ids are 0 to size - 1."""

    def __init__(self, board: Board, source: Source, rng: Generator, habits: Habits, sessions: int) -> None:
        self.board, self.source, self.rng = board, source, rng
        self.habits, self.sessions = habits, sessions
        self.played = Played.of(board.size)
        self.session = 0

    def play(self, horizon: int, snapshots: Sequence[int] = ()) -> Played:
        """Play up to `horizon` sessions; what has not ended then is open."""
        for session in range(horizon):
            if not self.board.size:
                break
            self.session = session
            self._day(day_of(session, self.sessions))
            if session + 1 in snapshots:
                self.played.snapshots[session + 1] = self.played.paid + self.played.refunded
            self._drop(DROP_FROM)
        left = ~self.board.done
        self._finish(left, OPEN)
        for late in snapshots:
            self.played.snapshots.setdefault(late, self.played.paid + self.played.refunded)
        return self.played

    def _finish(self, which: Bools, code: int | Ints) -> None:
        """End the accounts `which`, each with its code."""
        board, at = self.board, np.flatnonzero(which)
        if not len(at):
            return
        ids = board.ids[at]
        self.played.code[ids] = code
        self.played.day[ids] = self.session + 1
        self.played.balance[ids] = board.balance[at]
        self.played.ahead[ids] = board.balance[at] > board.initial[at]
        board.done[at] = True
        board.free[at] = False

    def _drop(self, least: float) -> None:
        gone = np.count_nonzero(self.board.done)
        if gone and gone >= least * self.board.size:
            mask = ~self.board.done
            self.board.keep(mask)
            self.source.keep(mask)

    def _day(self, day: int) -> None:
        board = self.board
        self._time(day + 1 / TICKS)
        board.prepare()
        for number in range(self.source.open(self.rng, board, self._sizes())):
            self._trade(self.source.trade(self.rng, number, board), day + (number + 1) / TICKS)
        board.roll()
        self._reset()
        self._time(day + 1.0)
        if board.rules.target is not None and any(rule.least and rule.passing for rule in board.rules.days):
            self._pass(~board.done)
        at, money, back = pay_out(board, self.habits, day + 1.0)
        if len(at):
            ids = board.ids[at]
            self.played.paid[ids] += money
            self.played.refunded[ids] += back
            self.played.payouts[ids] += 1
        if grow(board, day + 1.0) or len(at):
            self._reset()

    def _sizes(self) -> Floats | float:
        """How large today's trades are: small once only days are missing."""
        board = self.board
        if board.rules.target is None or self.habits.coast == 1:
            return 1.0
        there = np.flatnonzero(board.balance >= board.goal)
        if not len(there):
            return 1.0
        found = np.ones(board.size)
        found[there[board.even(there, "passing")]] = self.habits.coast
        return found

    def _time(self, now: float) -> None:
        board = self.board
        for clock in board.rules.clocks:
            began = board.first if clock.since == "first" else board.began
            if clock.since == "last":
                began = np.where(np.isnan(board.last), board.began, board.last)
            with np.errstate(invalid="ignore"):
                self._finish((now >= began + clock.days) & ~board.done, clock.code)

    def _reset(self) -> None:
        """Floors judged at a reset, or after a payout, with no trade: all is flat, so equity is the balance."""
        board = self.board
        for floor in board.rules.judged:
            self._broken(floor, (board.balance <= board.line(floor)) & ~board.done)

    def _broken(self, floor: Floor | TradeLimit, which: Bools) -> None:
        """What a broken rule does to the accounts `which`: ends them, or locks them for the rest of the day."""
        if floor.soft:
            self.board.locked |= which
            self.board.free &= ~which
        else:
            self._finish(which, floor.code)

    # A trade

    def _trade(self, step: Step, now: float) -> None:
        board, rules = self.board, self.board.rules
        on, base = step.on, board.balance
        board.opened |= on
        np.copyto(board.first, now, where=on & np.isnan(board.first))
        np.copyto(board.last, now, where=on)
        if rules.target is not None and not rules.target.flat:
            # A day counts when something is opened in it, and this target may be passed with a position open.
            self._pass(on)
            on = on & ~board.done
        top = board.top
        if rules.rising:
            on, top = self._rise(step, on, base)
        for limit in rules.trades:
            if limit.open:
                top = np.maximum(top, base - board.loss_line(limit, base))
        pnl = np.where(on, step.pnl, 0.0)
        struck = on & (base - step.low <= top)
        if struck.any():
            pnl, on = self._strike(struck, pnl, on)
        if rules.rising and rules.target is not None and rules.target.midway:
            self._midway(on & (step.pnl > 0) & ~struck, base + step.up)
            on = on & ~board.done
            pnl = np.where(on, pnl, 0.0)
        board.balance = base + pnl
        if rules.trades:
            self._lost(on, -pnl, base)
            on = on & ~board.done
        self._closed(on)
        for floor in rules.trails:
            board.waters[floor.row] = np.maximum(board.waters[floor.row], board.balance)
        if rules.target is not None:
            self._pass(on & ~board.done)

    def _rise(self, step: Step, on: Bools, base: Floats) -> tuple[Bools, Floats]:
        """A losing trade was ahead before: marks rise, an equity target may be reached. (still on, highest line)."""
        board, rules = self.board, self.board.rules
        losing, peak, top = on & (step.pnl < 0), base + step.up, board.top
        for floor in rules.trails:
            board.waters[floor.row] = np.maximum(board.waters[floor.row], np.where(losing, peak, -np.inf))
            top = np.maximum(top, board.line(floor))
        if rules.target is not None and rules.target.midway:
            self._midway(losing, peak)
            on = on & ~board.done
        return on, top

    def _midway(self, which: Bools, equity: Floats) -> None:
        """Pass whose open position's equity reaches the target; days and consistency look at the balance before it."""
        at = np.flatnonzero(which & (equity >= self.board.goal))
        passed = np.zeros(self.board.size, dtype=np.bool_)
        passed[at[self.board.holds(at, "passing")]] = True
        self._finish(passed, PASSED)

    def _strike(self, struck: Bools, pnl: Floats, on: Bools) -> tuple[Floats, Bools]:
        """Trades that reach a line: the highest comes first; a soft one closes the trade on it and locks the day."""
        board, rules, at = self.board, self.board.rules, np.flatnonzero(struck)
        lines = [(floor.code, floor.soft, board.line(floor)[at]) for floor in rules.floors if floor.on_equity]
        for limit in rules.trades:
            if limit.open:
                lines.append((limit.code, limit.soft, (board.balance - board.loss_line(limit, board.balance))[at]))
        # Of lines at one level those that end the account count first, in the order of the rules.
        lines = [*sorted(lines, key=lambda item: item[1]), (NO_MONEY, False, np.zeros(len(at)))]
        heights = np.stack([line for _, _, line in lines])
        first = heights.argmax(axis=0)
        codes = np.array([code for code, _, _ in lines], dtype=np.int64)[first]
        soft = np.array([is_soft for _, is_soft, _ in lines])[first]
        level = np.minimum(heights.max(axis=0), board.balance[at])
        pnl = pnl.copy()
        pnl[at] = level - board.balance[at]
        board.locked[at[soft]] = True
        board.free[at[soft]] = False
        gone, ends = np.zeros(board.size, dtype=np.bool_), np.zeros(board.size, dtype=np.int64)
        gone[at[~soft]], ends[at[~soft]] = True, codes[~soft]
        self._finish(gone, ends[gone])
        return np.where(gone, 0.0, pnl), on & ~gone

    def _lost(self, on: Bools, lost: Floats, base: Floats) -> None:
        """Closed trades that lost more than one may."""
        for limit in self.board.rules.trades:
            self._broken(limit, on & ~self.board.done & (lost >= self.board.loss_line(limit, base)))

    def _closed(self, on: Bools) -> None:
        """Floors that look at the closed balance."""
        board = self.board
        if not (on & (board.balance <= board.closing)).any():
            return
        for floor in board.rules.judged:
            if not floor.on_equity:
                self._broken(floor, on & ~board.done & (board.balance <= board.line(floor)))

    def _pass(self, which: Bools) -> None:
        """Pass whoever has reached the target and is held back by nothing."""
        board = self.board
        at = np.flatnonzero(which & (board.balance >= board.goal))
        if len(at):
            passed = np.zeros(board.size, dtype=np.bool_)
            passed[at[board.holds(at, "passing")]] = True
            self._finish(passed, PASSED)
