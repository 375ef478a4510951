"""What funded accounts could ask for now, and what is expected of them soon. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from core.money import major_text
from propfirm.domain.odds import MAX_PATHS
from propfirm.domain.odds_board import Board
from propfirm.domain.odds_compile import compiled, water_keys
from propfirm.domain.odds_figures import Mean
from propfirm.domain.odds_rules import DAYS_A_YEAR, Compiled
from propfirm.domain.odds_run import Run
from propfirm.domain.odds_trades import Blocks, Numbers, Source
from propfirm.domain.odds_types import Floats, Habits, History, Ints, Style, Trading, require
from trading.domain.rules import Observation, PayoutFacts, RuleSet, RuleState, payout_eligibility
from trading.domain.rules.limits import Consistency, MinTradingDays
from trading.domain.rules.phase import days_done

HORIZONS = (30, 90)
MAX_ACCOUNTS = 5_000
_MOST_EACH, _LEAST_EACH = 400, 4
_Z95_ONE_SIDED = 1.6448536269514722


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveAccount:
    """A funded account: the rules' state of it, its figures in minor units, what was paid for it, its own trades."""

    account_id: int
    state: RuleState
    balance_minor: int
    equity_minor: int
    fee_paid_minor: int = 0
    history: History | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Soon:
    """What is expected to be paid (refunds too) within so many days of the calendar.

    `expected`: over all accounts, its error is the simulation's. `prudent`: more than this is paid one time in twenty
    when the accounts trade independently of each other.
    """

    days: int
    expected: Mean
    prudent_minor: int

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        prudent = major_text(self.prudent_minor, self.expected.currency)
        return {"days": self.days, "expected": self.expected.to_json(), "prudent": prudent}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLiability:
    """Accounts under one rule set. `due_minor`: what traders could ask for now. `accrued_minor`: the traders' part of
    the profit, whether or not it can be asked for yet. Both exact, by rules.payout_eligibility.

    `own`: accounts simulated with their own trades; `unknown`: accounts with too few and nothing to stand for them.
    """

    currency: str
    accounts: int
    open_accounts: int
    due_accounts: int
    due_minor: int
    accrued_minor: int
    own: int
    unknown: int
    paths: int
    seed: int
    within: tuple[Soon, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        named = ("currency", "accounts", "open_accounts", "due_accounts", "own", "unknown", "paths", "seed")
        return {
            **{name: getattr(self, name) for name in named},
            "due": major_text(self.due_minor, self.currency),
            "accrued": major_text(self.accrued_minor, self.currency),
            "within": [item.to_json() for item in self.within],
        }


def live_liability(
    rule_set: RuleSet,
    accounts: Sequence[LiveAccount],
    *,
    at: datetime,
    fallback: Trading | None = None,
    seed: int = 1,
    habits: Habits | None = None,
) -> LiveLiability:
    """What funded accounts could ask for at the market's time `at`, and what is expected within 30 and 90 days.

    Each account goes on with its own trades, drawn again; `fallback` stands for accounts with too few. Open positions
    count as closed at their marks, identity as checked. Raises Invalid `odds_accounts_invalid` above MAX_ACCOUNTS,
    `odds_style_invalid`, `odds_habits_invalid`.
    """
    habits = habits or Habits()
    require("odds_habits_invalid", habits.problems())
    require("odds_style_invalid", fallback.problems() if fallback is not None else [])
    if len(accounts) > MAX_ACCOUNTS:
        words = f"At most {MAX_ACCOUNTS} accounts are simulated at once."
        require("odds_accounts_invalid", [{"field": "accounts", "message": words}])
    opened = [item for item in accounts if not item.state.closed_by]
    now = [_now(rule_set, item, at) for item in opened]
    fit = [item.history is not None and not item.history.problems() for item in opened]
    own = [item for item, has_own in zip(opened, fit, strict=True) if has_own]
    known = own if fallback is None else own + [item for item, has_own in zip(opened, fit, strict=True) if not has_own]
    each = max(_LEAST_EACH, min(_MOST_EACH, MAX_PATHS // max(len(known), 1)))
    within = _within(rule_set, known, len(own), fallback, each, seed, habits, at)
    return LiveLiability(
        currency=rule_set.currency,
        accounts=len(accounts),
        open_accounts=len(opened),
        due_accounts=sum(due > 0 for due, _ in now),
        due_minor=sum(due for due, _ in now),
        accrued_minor=sum(accrued for _, accrued in now),
        own=len(own),
        unknown=len(opened) - len(known),
        paths=each if known else 0,
        seed=seed,
        within=within,
    )


def _now(rule_set: RuleSet, account: LiveAccount, at: datetime) -> tuple[int, int]:
    """(what the account could ask for now, the trader's part of its profit), exact minor units."""
    seen = Observation(at, account.balance_minor, account.equity_minor)
    facts = PayoutFacts(identity_verified=True, fee_paid_minor=account.fee_paid_minor, keeps_floors=True)
    verdict = payout_eligibility(rule_set, account.state, seen, facts)
    if "trader_minor" not in verdict.figures:
        return 0, 0
    trader = int(verdict.figures["trader_minor"])
    due = trader + int(verdict.figures["refund_minor"]) if verdict.kind == "eligible" else 0
    return due, trader


def _within(
    rule_set: RuleSet,
    known: Sequence[LiveAccount],
    own: int,
    fallback: Trading | None,
    each: int,
    seed: int,
    habits: Habits,
    at: datetime,
) -> tuple[Soon, ...]:
    """Expected payments; the first `own` accounts have a history, `fallback` stands for the others."""
    rules, groups = compiled(rule_set), [(known[:own], None), (known[own:], fallback)]
    totals, spread, errors = (dict.fromkeys(HORIZONS, 0.0) for _ in range(3))
    for number, (group, trading) in enumerate(groups):
        if not group:
            continue
        for days, paid in _played(rule_set, rules, group, trading, each, seed + number, habits, at).items():
            table = paid.reshape(len(group), each)
            totals[days] += float(table.mean(axis=1).sum())
            spread[days] += float(table.var(axis=1, ddof=1).sum())
            errors[days] += float(table.var(axis=1, ddof=1).sum()) / each
    found = []
    for days in HORIZONS:
        mean = Mean(totals[days], math.sqrt(errors[days]), rule_set.currency)
        prudent = round(totals[days] + _Z95_ONE_SIDED * math.sqrt(spread[days]))
        found.append(Soon(days=days, expected=mean, prudent_minor=prudent))
    return tuple(found)


def _played(
    rule_set: RuleSet,
    rules: Compiled,
    group: Sequence[LiveAccount],
    trading: Trading | None,
    each: int,
    seed: int,
    habits: Habits,
    at: datetime,
) -> dict[int, Floats]:
    """By days: what each path of each account (`each` in a row) was paid."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(group), dtype=np.int64), each)
    board = _board(rule_set, rules, group, which, at)
    source: Source
    if isinstance(trading, Style):
        source, sessions = Numbers(trading, rng, len(which)), trading.sessions
    elif trading is not None:
        source, sessions = Blocks([trading], np.zeros_like(which), rng), trading.sessions
    else:
        histories = [item.history for item in group if item.history is not None]
        source, sessions = Blocks(histories, which, rng), max(item.sessions for item in histories)
    ends = {days: max(round(days * sessions / DAYS_A_YEAR), 1) for days in HORIZONS}
    played = Run(board, source, rng, habits, sessions).play(max(ends.values()), tuple(ends.values()))
    return {days: played.snapshots[end] for days, end in ends.items()}


def _board(rule_set: RuleSet, rules: Compiled, group: Sequence[LiveAccount], which: Ints, at: datetime) -> Board:
    """The accounts as they stand, at the beginning of a day; the running day counts as over."""
    states = [item.state for item in group]

    def column(values: Sequence[float]) -> Floats:
        return np.array(values, dtype=np.float64)[which]

    def since(moments: Sequence[datetime | None]) -> Floats:
        return column([math.nan if item is None else (item - at).total_seconds() / 86_400 for item in moments])

    board = Board(
        rules,
        np.arange(len(which)),
        column([state.initial_minor for state in states]),
        column([item.fee_paid_minor for item in group]),
    )
    board.original = column([state.original_minor for state in states])
    board.balance = column([item.equity_minor for item in group])
    board.day = board.balance.copy()
    board.cycle = column([state.cycle_balance_minor for state in states])
    days = [_best(rule_set, item) for item in group]
    board.best, board.winning = column([best for best, _ in days]), column([won for _, won in days])
    board.first = since([state.first_trade_at for state in states])
    board.last = since([state.last_trade_at or state.started_at for state in states])
    board.began = since([state.started_at for state in states])
    board.last_payout = since([state.last_payout_at for state in states])
    board.payouts = column([state.payouts for state in states]).astype(np.int64)
    board.scale_at = since([state.scale_at or state.started_at for state in states])
    board.scale_balance = column([state.scale_balance_minor for state in states])
    board.scale_payouts = column([state.scale_payouts for state in states]).astype(np.int64)
    board.scale_out = column([state.scale_withdrawn_minor for state in states])
    for row, key in enumerate(water_keys(rule_set)):
        marks = [state.high_water(key) for state in states]
        levels = [item.equity_minor if mark is None else mark.minor for mark, item in zip(marks, group, strict=True)]
        board.waters[row] = column(levels)
    for row, rule in enumerate(rule_set.of(MinTradingDays)):
        board.counts[row] = column([days_done(rule, state) for state in states]).astype(np.int64)
    return board


def _best(rule_set: RuleSet, account: LiveAccount) -> tuple[int, int]:
    """(best day, sum of winning days) since the last payout, the running day included, minor units."""
    rule = next(rule_set.of(Consistency), None)
    if rule is None:
        return 0, 0
    book = account.state.day(rule.reset)
    today = account.equity_minor - book.profit_from_minor
    return max(book.best_minor, today, 0), book.winning_minor + max(today, 0)
