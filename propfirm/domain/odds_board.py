"""The state of many simulated accounts at once: one column an account, the same figures as rules' RuleState. Pure.

What trading.domain.rules does for one account, with evidence, is done here for all of them with numpy. A test plays the
same trades through both.
"""

from __future__ import annotations

import numpy as np

from propfirm.domain.odds_rules import Compiled, EvenRule, Floor, TradeLimit
from propfirm.domain.odds_types import Bools, Floats, Ints

# Arrays with an entry an account; `waters` and `counts` have a row a rule beside.
_COLUMNS = (
    "ids", "initial", "original", "fee", "balance", "day", "cycle", "best", "winning", "opened", "locked", "done",
    "began", "first", "last", "payouts", "last_payout", "scale_at", "scale_balance", "scale_payouts", "scale_out",
)  # fmt: skip


class Board:
    """Accounts in a phase. Amounts are whole minor units as floats; times are days since the start, NaN for never.

    `day` is the balance that the day began with (what leaves by a payout taken off), `cycle` the balance at the last
    payout, `best` and `winning` the best day and the sum of winning days since then.
    """

    def __init__(self, rules: Compiled, ids: Ints, initial: Floats, fee: Floats) -> None:
        size = len(ids)
        self.rules = rules
        self.ids, self.initial, self.fee = ids, initial.copy(), fee
        self.original, self.balance, self.day, self.cycle = (initial.copy() for _ in range(4))
        self.best, self.winning, self.scale_at, self.scale_out, self.began = (np.zeros(size) for _ in range(5))
        self.scale_balance = initial.copy()
        self.opened, self.locked, self.done = (np.zeros(size, dtype=np.bool_) for _ in range(3))
        self.first, self.last, self.last_payout = (np.full(size, np.nan) for _ in range(3))
        self.payouts, self.scale_payouts = (np.zeros(size, dtype=np.int64) for _ in range(2))
        self.waters = np.tile(initial, (rules.waters, 1))
        self.counts = np.zeros((len(rules.days), size), dtype=np.int64)
        self.free = np.ones(size, dtype=np.bool_)
        self.top = self.goal = initial
        self.closing = np.full(size, -np.inf)

    @property
    def size(self) -> int:
        """How many accounts there are."""
        return len(self.ids)

    def keep(self, mask: Bools) -> None:
        """Drop the other accounts."""
        for name in _COLUMNS:
            setattr(self, name, getattr(self, name)[mask])
        self.waters, self.counts = self.waters[:, mask], self.counts[:, mask]

    # Floors

    def line(self, floor: Floor) -> Floats:
        """The largest tested amount that breaks the floor, by account (rules.floors.breach_line)."""
        reference = self.day if floor.daily else self.initial if floor.row < 0 else self.waters[floor.row]
        exact = reference - floor.size.of(self.initial, reference)
        if floor.lock is not None:
            exact = np.minimum(exact, self.initial + floor.lock)
        found: Floats = np.rint(exact) - floor.gap
        return found

    def loss_line(self, limit: TradeLimit, balance: Floats) -> Floats:
        """The smallest whole loss of one trade that breaks the limit, by account; `balance` is the one before it.

        A share of equity is of the equity after the loss: lost > p (balance - lost), so lost > balance p / (1 + p).
        """
        size = limit.size
        if limit.of_equity:
            exact = balance * size.numer / (size.denom + size.numer)
        else:
            exact = np.broadcast_to(np.asarray(size.of(self.initial, self.initial)), balance.shape)
        found = np.ceil(exact) if limit.at else np.floor(exact) + 1
        return np.maximum(found, 1.0)

    def room(self) -> Floats:
        """The largest loss of one trade that no limit minds; infinite without a limit."""
        found = np.full(self.size, np.inf)
        for limit in self.rules.trades:
            found = np.minimum(found, self.loss_line(limit, self.balance) - 1)
        return found

    def prepare(self) -> None:
        """What holds all day: the highest line of equity (nothing left is one), of closed balance, and the target."""
        self.free = ~(self.done | self.locked)
        self.top = np.zeros(self.size)
        self.closing = np.full(self.size, -np.inf)
        for floor in self.rules.floors:
            if not floor.on_equity:
                self.closing = np.maximum(self.closing, self.line(floor))
            elif not floor.intraday:
                self.top = np.maximum(self.top, self.line(floor))
        if self.rules.target is not None:
            self.goal = np.rint(self.initial + self.rules.target.size.of(self.initial, self.initial))

    # Days and conditions

    def roll(self) -> None:
        """The reset: the day's result goes where rules count it, a new day begins at the closing balance."""
        profit = self.balance - self.day
        self.best = np.maximum(self.best, profit)
        self.winning = self.winning + np.maximum(profit, 0)
        for row, rule in enumerate(self.rules.days):
            counts = self.opened if rule.least is None else profit >= rule.least.of(self.initial, self.initial)
            self.counts[row] += counts
        for floor in self.rules.floors:
            if floor.row >= 0 and not floor.intraday:
                self.waters[floor.row] = np.maximum(self.waters[floor.row], self.balance)
        self.day = self.balance.copy()
        self.opened = np.zeros(self.size, dtype=np.bool_)
        self.locked = np.zeros(self.size, dtype=np.bool_)
        self.free = ~self.done

    def _is_even(self, rule: EvenRule, at: Ints, balance: Floats) -> Bools:
        today = balance - self.day[at]
        best = np.maximum(np.maximum(self.best[at], today), 0)
        profit = balance - self.cycle[at] if rule.total else self.winning[at] + np.maximum(today, 0)
        left, right = best * rule.denom, profit * rule.numer
        return left <= right if rule.at else left < right

    def even(self, at: Ints, effect: str) -> Bools:
        """Whether the accounts `at` keep the rules of consistency that hold back `effect`."""
        found = np.ones(len(at), dtype=np.bool_)
        for rule in self.rules.even:
            if rule.passing if effect == "passing" else rule.payout:
                found &= self._is_even(rule, at, self.balance[at])
        return found

    def holds(self, at: Ints, effect: str) -> Bools:
        """Whether days and consistency let the accounts `at` pass, or be paid (rules.phase.holding)."""
        found = self.even(at, effect)
        for row, rule in enumerate(self.rules.days):
            if rule.passing if effect == "passing" else rule.payout:
                done = self.counts[row, at] + (self.opened[at] if rule.least is None else 0)
                found &= done >= rule.need
        return found
