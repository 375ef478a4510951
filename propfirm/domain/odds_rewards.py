"""Payouts and growth of many simulated accounts at once, as rules.eligibility does them for one. Pure."""

from __future__ import annotations

import numpy as np

from propfirm.domain.odds_board import Board
from propfirm.domain.odds_rules import Growth, Pay, Size
from propfirm.domain.odds_types import Bools, Floats, Habits, Ints


def available(board: Board, pay: Pay, at: Ints) -> Floats:
    """What the accounts `at` could withdraw, before the split (rules.eligibility.purse)."""
    initial = board.initial[at]
    profit = board.balance[at] - initial
    kept = pay.buffer.of(initial, initial) if pay.buffer else 0.0
    most = np.maximum(profit - kept, 0.0)
    if pay.cap is not None:
        most = np.minimum(most, pay.cap.of(initial, np.maximum(profit, 0.0)))
    found: Floats = np.floor(most)
    return found


def share(pay: Pay, payouts: Ints, gross: Floats) -> Floats:
    """The trader's part of `gross` after so many earlier payouts, rounded half-even."""
    table = np.array(pay.splits)
    row = np.minimum(payouts, len(table) - 1)
    found: Floats = np.rint(gross * table[row, 0] / table[row, 1])
    return found


def refund(board: Board, at: Ints) -> Floats:
    """What of the fee comes back with the next payout of the accounts `at`."""
    if board.rules.refund is None:
        return np.zeros(len(at))
    number, numer, denom = board.rules.refund
    found: Floats = np.where(board.payouts[at] + 1 == number, np.rint(board.fee[at] * numer / denom), 0.0)
    return found


def _asked(board: Board, pay: Pay, habits: Habits, at: Ints, most: Floats) -> Floats:
    """What a trader asks for: all, but not what would leave the account on its floor; 0 while it is too little."""
    asked = most
    if not pay.resets:
        for floor in board.rules.floors:
            if not floor.daily:
                reference = board.initial if floor.row < 0 else board.waters[floor.row]
                amount = np.broadcast_to(np.asarray(floor.size.of(board.initial, reference)), reference.shape)[at]
                room = board.balance[at] - board.line(floor)[at] - 1 - amount * (habits.cushion_percent / 100)
                asked = np.minimum(asked, np.floor(room))
    least = board.initial[at] * (habits.ask_percent / 100)
    if pay.cap is not None and pay.cap.basis != "reference":
        least = np.minimum(least, pay.cap.of(board.initial[at], board.initial[at]))
    return np.where(asked >= np.maximum(least, pay.minimum), asked, 0.0)


def pay_out(board: Board, habits: Habits, now: float) -> tuple[Ints, Floats, Floats]:
    """Pay whoever can be paid and asks: (columns, the trader's money, fee given back)."""
    pay = board.rules.pay
    none = np.zeros(0, dtype=np.int64)
    if pay is None:
        return none, np.zeros(0), np.zeros(0)
    with np.errstate(invalid="ignore"):
        opens = np.where(np.isnan(board.last_payout), board.first + pay.first, board.last_payout + pay.every)
        at = np.flatnonzero((now >= opens) & ~board.done & (board.balance > board.initial))
    if not len(at):
        return none, np.zeros(0), np.zeros(0)
    at = at[board.holds(at, "payout")]
    asked = _asked(board, pay, habits, at, available(board, pay, at))
    at, gross = at[asked > 0], asked[asked > 0]
    money, back = share(pay, board.payouts[at], gross), refund(board, at)
    _leave(board, pay, at, gross, now)
    return at, money, back


def _leave(board: Board, pay: Pay, at: Ints, gross: Floats, now: float) -> None:
    """What a payout takes with it and begins anew (rules.eligibility.record_payout)."""
    removed = np.maximum(board.balance[at] - board.initial[at], gross) if pay.resets else gross
    board.balance[at] -= removed
    board.day[at] = board.cycle[at] = board.balance[at]
    board.best[at] = board.winning[at] = 0.0
    if pay.resets:
        board.waters[:, at] = board.initial[at]
    for row, rule in enumerate(board.rules.days):
        if rule.payout:
            board.counts[row, at] = 0
    board.payouts[at] += 1
    board.last_payout[at] = now
    board.scale_payouts[at] += 1
    board.scale_out[at] += removed


def grow(board: Board, now: float) -> bool:
    """Let the accounts grow that are due (rules.eligibility.scaling_due, record_scaling); whether any did."""
    rule = board.rules.growth
    if rule is None or not (now >= board.scale_at + rule.period).any():
        return False
    increase, due = _increase(board, rule, now)
    at = np.flatnonzero(due)
    more = increase[at]
    for name in ("initial", "balance", "day", "cycle"):
        getattr(board, name)[at] += more
    board.waters[:, at] += more
    board.scale_at[at], board.scale_balance[at] = now, board.balance[at]
    board.scale_payouts[at], board.scale_out[at] = 0, 0.0
    return len(at) > 0


def _increase(board: Board, rule: Growth, now: float) -> tuple[Floats, Bools]:
    grown = board.initial + np.rint(_of(rule.increase, board.original))
    if rule.cap is not None:
        grown = np.minimum(grown, np.maximum(rule.cap, board.initial))
    profit = board.balance - board.scale_balance + board.scale_out
    due = (
        (now >= board.scale_at + rule.period)
        & (profit >= np.rint(_of(rule.profit, board.initial)))
        & (board.scale_payouts >= rule.payouts)
        & (grown > board.initial)
        & ~board.done
    )
    return grown - board.initial, due


def _of(size: Size, basis: Floats) -> Floats:
    return np.asarray(size.of(basis, basis))
