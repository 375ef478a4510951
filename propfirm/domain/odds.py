"""The odds of a plan: every phase played by thousands of simulated accounts, and what comes of it. Pure.

Monte Carlo: it decides no money. docs/odds.md says what the model is and what it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from propfirm.domain.odds_board import Board
from propfirm.domain.odds_compile import compiled, minor, not_modelled
from propfirm.domain.odds_figures import Chance, End, Mean, Odds, PhaseOdds, Spread
from propfirm.domain.odds_rules import OPEN, PASSED, Compiled
from propfirm.domain.odds_run import Played, Run
from propfirm.domain.odds_trades import Generator, source_of
from propfirm.domain.odds_types import SESSIONS, Bools, Floats, Habits, Ints, OddsPlan, Trading, require
from trading.domain.rules import RuleSet
from trading.domain.rules.limits import TimeLimit
from trading.domain.rules.rewards import SecondChance

MAX_PATHS = 20_000
LEAST_PATHS = 500
PATHS = 10_000
MAX_DAYS = 756
# Trades that one answer simulates at most, so that it takes a second or two whatever is asked.
MAX_WORK = 32_000_000
# What a trade costs however few the paths are, in paths.
_OVERHEAD = 1_000
_MAX_ATTEMPTS = 8


@dataclass
class Walked:
    """What became of each path. `phase` and `code`: where and how it ended (Compiled.endings of that phase).

    `reached`: phases passed, so funded ones have all but the last. `days`: sessions in each phase, a row a phase.
    """

    rules: tuple[Compiled, ...]
    phase: Ints
    code: Ints
    reached: Ints
    days: Floats
    resets: Ints
    cost: Floats
    paid: Floats
    refunded: Floats
    payouts: Ints

    @property
    def value(self) -> Floats:
        """What each trader has of it, minor units."""
        return self.paid + self.refunded - self.cost

    @property
    def back(self) -> Floats:
        """The share of the fee that came back to each."""
        if self.rules[-1].refund is None:
            return np.zeros(len(self.code))
        number, numer, denom = self.rules[-1].refund
        return np.where(self.payouts >= number, numer / denom, 0.0)

    @property
    def funded(self) -> Bools:
        """Who was funded."""
        found: Bools = self.reached >= len(self.rules) - 1
        return found


def checked(plan: OddsPlan, trading: Trading, habits: Habits, days: tuple[int, int]) -> None:
    """Raise Invalid when something cannot be simulated; `days`: sessions of the funded phase, of the others."""
    require("odds_plan_invalid", plan.problems())
    require("odds_style_invalid", trading.problems())
    require("odds_habits_invalid", habits.problems())
    if not all(1 <= item <= MAX_DAYS for item in days):
        words = f"Give 1 to {MAX_DAYS} sessions."
        require("odds_plan_invalid", [{"field": "horizon_days", "message": words}])


def paths_for(
    plan: OddsPlan, trading: Trading, paths: int, *, horizon_days: int, phase_days: int, work: float = MAX_WORK
) -> int:
    """How many paths are simulated: what was asked for, within MAX_PATHS and `work` trades, at least LEAST_PATHS."""
    days = horizon_days + sum(_longest(phase, trading.sessions, phase_days) for phase in plan.phases[:-1])
    most = int(work / max(days * trading.pace, 1)) - _OVERHEAD
    return max(min(paths, MAX_PATHS, most), min(paths, LEAST_PATHS), 1)


def _longest(rule_set: RuleSet, sessions: int, phase_days: int) -> int:
    """Sessions that a phase is played at most: until its time runs out, else `phase_days`."""
    limit = rule_set.one(TimeLimit)
    if limit is None or limit.days is None or limit.counted_from != "start":
        return phase_days
    return min(phase_days, limit.days * sessions // 365 + 2)


class _Walk:
    """All phases of a plan, one after another."""

    def __init__(self, plan: OddsPlan, trading: Trading, habits: Habits, rng: Generator, size: int) -> None:
        self.plan, self.trading, self.habits, self.rng = plan, trading, habits, rng
        self.rules = tuple(compiled(phase) for phase in plan.phases)
        whole = (np.zeros(size, dtype=np.int64) for _ in range(6))
        self.phase, self.code, self.reached, self.resets, self.retries, self.payouts = whole
        self.days = np.zeros((len(plan.phases), size))
        self.cost = np.full(size, float(plan.price_minor))
        self.paid, self.refunded = np.zeros(size), np.zeros(size)

    def run(self, index: int, who: Ints, days: int) -> Played:
        """Play a phase once with the paths `who`."""
        size = len(who)
        board = Board(
            self.rules[index],
            np.arange(size),
            np.full(size, float(self.plan.initial_minor)),
            np.full(size, float(self.plan.price_minor)),
        )
        source = source_of(self.trading, self.rng, size)
        played = Run(board, source, self.rng, self.habits, self.trading.sessions).play(days)
        self.phase[who], self.code[who] = index, played.code
        self.days[index, who] += played.day
        self.paid[who] += played.paid
        self.refunded[who] += played.refunded
        self.payouts[who] += played.payouts
        return played

    def evaluate(self, index: int, who: Ints, days: int) -> Ints:
        """Play a phase of the evaluation, again where a second chance is taken; who passed it."""
        chance = self.plan.phases[index].one(SecondChance)
        self.retries[who] = 0
        for _ in range(_MAX_ATTEMPTS):
            played = self.run(index, who, days)
            again = self._again(index, who, played, chance)
            if not len(again):
                break
            who = again
        passed = np.flatnonzero((self.phase == index) & (self.code == PASSED))
        self.reached[passed] = index + 1
        return passed

    def _again(self, index: int, who: Ints, played: Played, chance: SecondChance | None) -> Ints:
        """Who begins the phase anew: free when the time ran out in profit, else for money while the trader does."""
        if chance is None:
            return who[:0]
        over = (played.code != OPEN) & (played.code != PASSED)
        limit = self.plan.phases[index].one(TimeLimit)
        late = np.array([key == limit.key for _, key, _ in self.rules[index].endings]) if limit else None
        free = over & False
        if late is not None:
            free = over & late[played.code] & played.ahead & (self.retries[who] < chance.free_retries)
        self.retries[who[free]] += 1
        bought = over & ~free & (self.resets[who] < self._most(chance))
        if chance.reset_price is not None:
            self.cost[who[bought]] += round(minor(chance.reset_price, self.plan.currency))
            self.resets[who[bought]] += 1
        again: Ints = who[free | bought]
        return again

    def _most(self, chance: SecondChance) -> int:
        if chance.reset_price is None:
            return 0
        return min(self.habits.max_resets, self.habits.max_resets if chance.max_resets is None else chance.max_resets)


def walk(
    plan: OddsPlan, trading: Trading, *, paths: int, seed: int, habits: Habits, horizon_days: int, phase_days: int
) -> Walked:
    """Play a plan with exactly `paths` paths. The same arguments give the same result."""
    rng = np.random.default_rng(seed)
    found = _Walk(plan, trading, habits, rng, paths)
    who: Ints = np.arange(paths)
    for index, phase in enumerate(plan.phases[:-1]):
        who = found.evaluate(index, who, _longest(phase, trading.sessions, phase_days))
    found.run(len(plan.phases) - 1, who, horizon_days)
    return Walked(
        found.rules,
        found.phase,
        found.code,
        found.reached,
        found.days,
        found.resets,
        found.cost,
        found.paid,
        found.refunded,
        found.payouts,
    )


def odds(
    plan: OddsPlan,
    trading: Trading,
    *,
    paths: int = PATHS,
    seed: int = 1,
    habits: Habits | None = None,
    horizon_days: int = SESSIONS,
    phase_days: int = SESSIONS,
) -> Odds:
    """The odds of a plan for one way of trading.

    `horizon_days`: sessions of the funded phase. `phase_days`: sessions after which an evaluation that has not ended
    counts as open. Fewer paths than asked for are simulated when it would take too long (`Odds.paths`). The same seed
    gives the same figures. Raises Invalid `odds_plan_invalid`, `odds_style_invalid`, `odds_habits_invalid`.
    """
    habits = habits or Habits()
    checked(plan, trading, habits, (horizon_days, phase_days))
    size = paths_for(plan, trading, paths, horizon_days=horizon_days, phase_days=phase_days)
    found = walk(plan, trading, paths=size, seed=seed, habits=habits, horizon_days=horizon_days, phase_days=phase_days)
    last, currency, funded = len(plan.phases) - 1, plan.currency, found.funded
    return Odds(
        currency=currency,
        paths=size,
        asked_paths=paths,
        seed=seed,
        phase_days=phase_days,
        horizon_days=horizon_days,
        trading=trading.to_json(),
        habits=habits.to_json(),
        phases=tuple(_phase(found, index) for index in range(last)),
        funded=Chance.that(funded),
        paid=Chance.that(found.payouts > 0),
        paid_if_funded=Chance.that(found.payouts[funded] > 0),
        days_to_funded=Spread.over(found.days[:last, funded].sum(axis=0)),
        payouts=Mean.over(found.payouts.astype(np.float64)),
        payout_total=Mean.over(found.paid, currency),
        resets=Mean.over(found.resets.astype(np.float64)),
        cost=Mean.over(found.cost, currency),
        refund=Mean.over(found.refunded, currency),
        trader_value=Mean.over(found.value, currency),
        firm_value=Mean.over(-found.value, currency),
        gains=Chance.that(found.value > 0),
        ends=_ends(found),
        not_modelled=tuple(not_modelled(plan.phases)),
    )


def _phase(found: Walked, index: int) -> PhaseOdds:
    began, passed = found.reached >= index, found.reached > index
    return PhaseOdds(
        index=index,
        name=found.rules[index].name,
        passed=Chance(int(np.count_nonzero(passed)), int(np.count_nonzero(began))),
        days=Spread.over(found.days[index, passed]),
    )


def _ends(found: Walked) -> tuple[End, ...]:
    """How the paths ended, the most frequent first."""
    kinds, counts = np.unique(np.stack([found.phase, found.code]), axis=1, return_counts=True)
    ends = []
    for phase, code, count in zip(*kinds, counts, strict=True):
        outcome, key, kind = found.rules[phase].endings[code]
        ends.append(End(int(phase), outcome, key, kind, Chance(int(count), len(found.phase))))
    return tuple(sorted(ends, key=lambda end: (-end.share.count, end.phase, end.rule_key)))
