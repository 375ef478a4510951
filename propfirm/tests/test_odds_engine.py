"""The simulation against the exact rules: the same trades played through both end alike, to the cent."""

import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest

from propfirm.domain.odds_board import Board
from propfirm.domain.odds_compile import compiled
from propfirm.domain.odds_run import TICKS, Run
from propfirm.domain.odds_trades import Step
from propfirm.domain.odds_types import Habits
from trading.domain.rules import (
    Closing,
    FillFact,
    Observation,
    PayoutFacts,
    PositionFact,
    RuleSet,
    evaluate_mark,
    payout_eligibility,
    pre_trade,
    record_fill,
    record_payout,
    record_scaling,
    roll_day,
    scaling_due,
    start,
)
from trading.domain.rules.facts import OrderFacts
from trading.domain.rules.floors import allowance, floor_minor
from trading.domain.rules.limits import MaxLoss
from trading.domain.rules.rewards import Payout

T0 = datetime(2026, 3, 2, tzinfo=UTC)
INITIAL = 100_000_00
RESET = {"time": "00:00", "zone": "UTC"}
DAYS, TRADES = 14, 3
HABITS = Habits(coast=1, ask_percent=0.5, cushion_percent=25)


@dataclass
class Given:
    """Trades that are given: arrays by session, trade and account."""

    on: np.ndarray
    pnl: np.ndarray
    low: np.ndarray
    up: np.ndarray
    session: int = -1

    def open(self, rng, board, size):
        self.session += 1
        return self.pnl.shape[1]

    def trade(self, rng, number, board):
        at = (self.session, number, board.ids)
        return Step(board.free & self.on[at], self.pnl[at], self.low[at], self.up[at])

    def keep(self, mask):
        pass


def given(paths, seed, days=DAYS, trades=TRADES):
    """Round amounts, so that floors are met exactly now and then."""
    rng = np.random.default_rng(seed)
    shape = (days, trades, paths)
    pnl = rng.choice([-180_000, -100_000, -50_000, -12_345, 0, 50_000, 100_000, 150_000, 210_001], size=shape)
    other = rng.choice([0, 20_000, 50_000, 77_777, 130_000], size=shape)
    lost, on = pnl < 0, rng.random(shape) < 0.7
    # The model looks at the time when a day begins and when it ends, so a day that trades does so from its first tick.
    on[:, 0] |= on.any(axis=1)
    return Given(
        on=on,
        pnl=pnl.astype(float),
        low=np.where(lost, -pnl, other).astype(float),
        up=np.where(lost, other, pnl).astype(float),
    )


class Exact:
    """One account, played with trading.domain.rules."""

    def __init__(self, rule_set, trades, path, fee=50_000):
        self.rules, self.trades, self.path, self.fee = rule_set, trades, path, fee
        self.state = start(rule_set, initial_minor=INITIAL, at=T0)
        self.balance = INITIAL
        self.passed = False
        self.payouts = self.paid = self.refunded = 0
        self.session = 0

    def held(self, equity):
        profit = equity - self.balance
        return (PositionFact("AAA", 1, 1, 10_000_000 + profit, 10_000_000),)

    def mark(self, at, equity=None):
        """Judge a mark; with `equity` a position is open. Whether it goes on."""
        flat = equity is None
        seen = Observation(at, self.balance, self.balance if flat else equity, () if flat else self.held(equity))
        self.state, verdicts = evaluate_mark(self.rules, self.state, seen)
        return self.took(verdicts)

    def took(self, verdicts):
        self.passed = self.passed or any(item.kind == "pass" for item in verdicts)
        return not (self.passed or self.state.closed_by)

    def breaks(self, at, equity):
        """Whether a mark at this equity would end or lock the account."""
        seen = Observation(at, self.balance, equity, self.held(equity))
        _, verdicts = evaluate_mark(self.rules, self.state, seen)
        return any(item.kind in ("fail", "soft") for item in verdicts)

    def fall(self, at, bottom):
        """The first equity on the way down to `bottom` that breaks a rule, or None. The way is continuous."""
        if bottom >= self.balance or not self.breaks(at, bottom):
            return None
        high, low = self.balance, bottom
        while high - low > 1:
            middle = (high + low) // 2
            high, low = (high, middle) if self.breaks(at, middle) else (middle, low)
        return low

    def fill(self, at, realized, opened):
        fact = FillFact(at, "AAA", opened, opened, realized, self.balance, self.balance)
        self.state, verdicts = record_fill(self.rules, self.state, fact)
        return self.took(verdicts)

    def close(self, at, equity):
        realized, self.balance = equity - self.balance, equity
        return self.fill(at, realized, opened=False) and self.mark(at)

    def trade(self, at, pnl, low, up):
        """One trade; whether the account goes on."""
        if not self.mark(at):
            return False
        order = OrderFacts(at, "AAA", "buy", 1, 1, self.balance, self.balance, 1)
        if pre_trade(self.rules, self.state, order) is not None:
            return True
        if not (self.fill(at, 0, opened=True) and self.mark(at, self.balance)):
            return False
        if pnl < 0 and up and not self.mark(at, self.balance + up):
            return False
        line = self.fall(at, self.balance - low)
        if line is not None:
            return self.mark(at, line) and self.close(at, line)
        if not self.mark(at, self.balance - low):
            return False
        if pnl > 0 and not self.mark(at, self.balance + pnl):
            return False
        return self.close(at, self.balance + pnl)

    def roll(self, at):
        seen = Observation(at, self.balance, self.balance)
        self.state, verdicts = roll_day(self.rules, self.state, seen, Closing(self.balance, self.balance))
        return self.took(verdicts)

    def ask(self, at):
        """Ask for a payout as the model's trader does."""
        rule = self.rules.one(Payout)
        if rule is None:
            return
        seen = Observation(at, self.balance, self.balance)
        facts = PayoutFacts(identity_verified=True, fee_paid_minor=self.fee)
        most = payout_eligibility(self.rules, self.state, seen, facts).figures["available_minor"]
        if rule.after == "deduct":
            for floor in self.rules.of(MaxLoss):
                if floor.severity != "warn":
                    line = floor_minor(floor, self.state) - (floor.comparator == "below")
                    room = self.balance - line - 1 - allowance(floor, self.state) * Fraction(25, 100)
                    most = min(most, room.numerator // room.denominator)
        if most < Fraction(self.state.initial_minor, 200):
            return
        verdict = payout_eligibility(self.rules, self.state, seen, replace(facts, requested_minor=most))
        if verdict.kind != "eligible":
            return
        self.payouts += 1
        self.paid += verdict.figures["trader_minor"]
        self.refunded += verdict.figures["refund_minor"]
        self.state, removed = record_payout(
            self.rules, self.state, gross_minor=verdict.figures["gross_minor"], balance_minor=self.balance, at=at
        )
        self.balance -= removed

    def grow(self, at):
        verdict = scaling_due(self.rules, self.state, Observation(at, self.balance, self.balance))
        if verdict.kind == "eligible":
            more = verdict.figures["increase_minor"]
            self.state = record_scaling(self.state, increase_minor=more, balance_minor=self.balance, at=at)
            self.balance += more

    def play(self):
        for day in range(self.trades.pnl.shape[0]):
            self.session = day + 1
            first = T0 + timedelta(days=day) + timedelta(days=1) / TICKS
            if not self.mark(first):
                return
            for number in range(self.trades.pnl.shape[1]):
                cell = (day, number, self.path)
                at = T0 + timedelta(days=day) + timedelta(days=number + 1) / TICKS
                figures = (int(part[cell]) for part in (self.trades.pnl, self.trades.low, self.trades.up))
                if self.trades.on[cell] and not self.trade(at, *figures):
                    return
            over = T0 + timedelta(days=day + 1)
            if not self.roll(over):
                return
            self.ask(over)
            self.grow(over)
            if not self.mark(over):
                return

    def result(self):
        self.play()
        how = ("passed", "") if self.passed else (self.state.closed_as or "open", self.state.closed_by)
        return (*how, self.session, self.balance, self.payouts, self.paid, self.refunded)


def amount(rng, bases, low, high):
    basis = rng.choice(bases)
    value = rng.choice([low, high, round(rng.uniform(low, high), 2)])
    return {"basis": basis, "value": f"{value * 1000 if basis == 'fixed' else value:.10g}"}


def some_rules(rng):
    """A rule set made of random knobs."""
    common = lambda: {"comparator": rng.choice(["below", "at_or_below"]), "warn_at": [], "reset": RESET}  # noqa: E731
    rules = [
        {
            "kind": "max_loss",
            "amount": amount(rng, ["initial", "high_water", "fixed"], 3, 6),
            "trailing": (trailing := rng.choice(["static", "end_of_day", "intraday"])),
            "lock": (lock := rng.choice(["never", "initial"]) if trailing != "static" else "never"),
            "lock_offset": rng.choice(["0", "100"]) if lock == "initial" else "0",
            "tested": rng.choice(["equity", "balance"]) if trailing != "intraday" else "equity",
            **common(),
        }
    ]
    for number in range(rng.choice([0, 1, 1, 2])):
        rules.append(
            {
                "kind": "daily_loss",
                "key": f"daily-{number}",
                "amount": amount(rng, ["initial", "reference", "fixed"], 1.5, 3),
                "reference": rng.choice(["balance", "equity", "max"]),
                "tested": rng.choice(["equity", "balance"]),
                "severity": rng.choice(["fail", "soft", "soft", "warn"]),
                **common(),
            }
        )
    return [*rules, *_conduct(rng), *_patience(rng)]


def _conduct(rng):
    """Rules of single trades and of days that count."""
    rules = []
    if rng.random() < 0.3:
        rules.append(
            {
                "kind": "loss_per_trade",
                "amount": amount(rng, ["equity", "initial", "fixed"], 0.9, 1.5),
                "tested": rng.choice(["closed", "open"]),
                "comparator": rng.choice(["above", "at_or_above"]),
                "severity": rng.choice(["fail", "soft", "soft"]),
            }
        )
    if rng.random() < 0.5:
        counts = rng.choice(["opened", "profit"])
        least = {"min_profit": {"basis": "fixed", "value": "500"}} if counts == "profit" else {}
        effect = rng.choice(["passing", "payout", "both"])
        rules.append(
            {"kind": "min_trading_days", "days": rng.choice([2, 4]), "counts": counts, "effect": effect, "reset": RESET}
            | least
        )
    return rules


def _patience(rng):
    """Rules of consistency and time."""
    rules = []
    if rng.random() < 0.4:
        rules.append(
            {
                "kind": "consistency",
                "percent": rng.choice(["30", "50", "62.5"]),
                "denominator": rng.choice(["total_profit", "winning_days"]),
                "comparator": rng.choice(["at_or_below", "below"]),
                "effect": rng.choice(["passing", "payout", "both"]),
                "reset": RESET,
            }
        )
    if rng.random() < 0.3:
        since = rng.choice(["start", "first_trade"])
        rules.append({"kind": "time_limit", "days": rng.choice([5, 9, 14]), "counted_from": since, "warn_at": []})
    if rng.random() < 0.3:
        rules.append({"kind": "inactivity", "days": rng.choice([1, 2]), "warn_at": []})
    return rules


def evaluation(rng):
    tested = rng.choice(["balance", "equity"])
    target = {
        "kind": "profit_target",
        "amount": amount(rng, ["initial", "fixed"], 2, 6),
        "tested": tested,
        "require_flat": rng.choice([True, True, False]),
    }
    return [*some_rules(rng), target]


def funded(rng):
    after = rng.choice(["deduct", "deduct", "reset"])
    payout = {
        "kind": "payout",
        "first_after_days": rng.choice([0, 2]),
        "every_days": rng.choice([0, 1, 3]),
        "split_percent": rng.choice(["70", "80", "87.5"]),
        "split_steps": rng.choice([[], [{"after": 1, "percent": "90"}, {"after": 3, "percent": "100"}]]),
        "minimum": rng.choice(["0", "700"]),
        "cap": rng.choice(
            [None, amount(rng, ["initial", "profit", "fixed"], 1, 40), {"basis": "fixed", "value": "900"}]
        ),
        "buffer": rng.choice([None, {"basis": "fixed", "value": "600"}, {"basis": "initial", "value": "0.33"}]),
        "after": after,
    }
    chance = {"kind": "second_chance", "refund_fee_with_payout": rng.choice([1, 2]), "refund_percent": "62.5"}
    return [*some_rules(rng), payout, chance]


def both(rules, seed, paths=4, days=DAYS):
    """(vectorised results, exact results) of the same trades."""
    rule_set = RuleSet.from_json({"version": 1, "name": "Test", "currency": "USD", "rules": rules})
    trades = given(paths, seed, days)
    board = Board(compiled(rule_set), np.arange(paths), np.full(paths, float(INITIAL)), np.full(paths, 50_000.0))
    run = Run(board, given(paths, seed, days), np.random.default_rng(0), HABITS, 365)
    played = run.play(days)
    fast = []
    for path in range(paths):
        outcome, key, _ = compiled(rule_set).endings[played.code[path]]
        fast.append(
            (outcome, key, played.day[path], played.balance[path], played.payouts[path], played.paid[path],
             played.refunded[path])
        )  # fmt: skip
    return fast, [Exact(rule_set, trades, path).result() for path in range(paths)]


@pytest.mark.parametrize("kind", [evaluation, funded])
def test_random_rule_sets_end_as_in_the_exact_engine(kind):
    seen = Counter()
    for seed in range(24):
        rules = kind(random.Random(seed))
        fast, exact = both(rules, seed)
        for path, (one, other) in enumerate(zip(fast, exact, strict=True)):
            # Where an account broke and was closed, the money in it is nobody's any more.
            skip = 3 if one[0] == "failed" or one[0] == "passed" else None
            assert [x for at, x in enumerate(one) if at != skip] == [x for at, x in enumerate(other) if at != skip], (
                seed,
                path,
                rules,
            )
            seen[one[:2]] += 1
            seen["paid"] += one[4] > 0
    assert {"max_loss", "daily-0"} <= {key for _, key in (item for item in seen if isinstance(item, tuple))}
    assert seen["open", ""] > 2
    assert seen["passed", ""] > 8 if kind is evaluation else seen["paid"] > 8
