"""What is evaluated on every mark, and at the roll of the day.

**High-water.** An intraday trail follows the peak of equity, so a mark first raises its high-water and is then tested
against the floor that results. The order cannot fail an account: a mark that sets a new peak stands a whole allowance
above the floor it makes, or above a floor that is locked lower. An end-of-day trail moves only at the reset, with the
closing balance.

**Days.** A mark at or after a reset that was not rolled is a programming error and raises: judged against
yesterday's floor it would be wrong either way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from trading.domain.rules.conduct import LossPerTrade
from trading.domain.rules.facts import Closing, Observation
from trading.domain.rules.floors import warn_lines
from trading.domain.rules.judges import TimeRule, judge_all, time_from, time_line
from trading.domain.rules.limits import DailyLoss, Inactivity, MaxLoss, MinTradingDays, TimeLimit
from trading.domain.rules.phase import PHASE, phase_finding
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import (
    EOD_BALANCE,
    HISTORY_DAYS,
    INTRADAY_EQUITY,
    DayBook,
    DayCount,
    DayResult,
    RuleState,
    open_day,
)
from trading.domain.rules.times import Reset, day_name
from trading.domain.rules.verdicts import Finding, Verdict, issue

Result = tuple[RuleState, list[Verdict]]
PASSED = f"{PHASE}|passed"
# The most time that an account has again whose time had run out by mistake.
AGAIN = timedelta(days=7)


def raise_high_water(state: RuleState, equity_minor: int, at: datetime) -> RuleState:
    """Intraday marks raised to `equity_minor`; the same object when none rises. Also takes the sweep's peaks over."""
    if not any(mark.kind == INTRADAY_EQUITY and mark.minor < equity_minor for mark in state.high_waters):
        return state
    return _raised(state, INTRADAY_EQUITY, equity_minor, at, None)


def _raised(state: RuleState, kind: str, level: int, at: datetime, keys: set[str] | None) -> RuleState:
    return replace(
        state,
        high_waters=tuple(
            replace(mark, minor=level, at=at)
            if mark.kind == kind and mark.minor < level and (keys is None or mark.key in keys)
            else mark
            for mark in state.high_waters
        ),
    )


def _judge(rule_set: RuleSet, state: RuleState, seen: Observation) -> tuple[RuleState, list[Finding]]:
    state, findings = judge_all(rule_set, state, seen)
    if state.closed_by or state.said(PASSED):
        return state, findings
    phase = phase_finding(rule_set, state, seen)
    if phase.kind != "pass":
        return state, findings
    return state.saying(PASSED), [*findings, phase]


def evaluate_mark(rule_set: RuleSet, state: RuleState, observation: Observation) -> Result:
    """Judge an account at a mark: the new state, and verdicts `fail`, `expired`, `soft`, `warn` or `pass`.

    A closed account is judged no more. Raises ValueError when a reset is due that roll_day has not rolled.
    """
    if state.closed_by:
        return state, []
    require_rolled(state, observation.at)
    after = raise_high_water(state, observation.equity_minor, observation.at)
    after, findings = _judge(rule_set, after, observation)
    inputs = {"observation": observation}
    return after, [issue("evaluate_mark", rule_set, state, inputs, finding) for finding in findings]


def require_rolled(state: RuleState, at: datetime) -> None:
    """Raise ValueError when a reset is due at `at` that was not rolled."""
    due = state.next_reset()
    if due is not None and at >= due:
        raise ValueError(f"the day that ends at {due} must be rolled before anything of {at} is judged")


def roll_day(rule_set: RuleSet, state: RuleState, observation: Observation, closing: Closing) -> Result:
    """Close every day whose reset is at or before `observation.at`, open the next one and evaluate at once.

    `closing` is balance and equity at the reset: the result of the day that ends, the references of the day that
    begins, and what an end-of-day trail follows. `observation` is judged against the new floors with no tick or trade.
    """
    due = tuple(book for book in state.days if book.next_at <= observation.at)
    if state.closed_by or not due:
        return evaluate_mark(rule_set, state, observation)
    after = state
    for book in due:
        after = _roll(rule_set, after, book, observation.at, closing)
    if after.soft_lock_until is not None and after.soft_lock_until <= observation.at:
        after = replace(after, soft_lock_until=None, soft_lock_by="")
    after = raise_high_water(after, observation.equity_minor, observation.at)
    after = _rearm(rule_set, after, observation, {book.reset for book in due})
    after, findings = _judge(rule_set, after, observation)
    inputs = {"observation": observation, "closing": closing}
    return after, [issue("roll_day", rule_set, state, inputs, finding) for finding in findings]


def reopen(rule_set: RuleSet, before: RuleState, ended: RuleState, key: str, observation: Observation) -> RuleState:
    """The state of an account whose end by the rule `key` is taken back: the one before it, as of `observation`.

    What was told stays told, but for what that rule said at the end. Days that were over meanwhile are closed at the
    figures of `observation` and judged by nothing: the account stood still, and so do the clocks that end it. Where
    time had run out there is some again: as long as that rule gives, a week at most.
    """
    before = _clocks_on(rule_set, before, ended, observation.at)
    said = (word for word in ended.told if word.split("|")[0] != key)
    after = replace(before, told=tuple(dict.fromkeys((*before.told, *said))))
    due = tuple(book for book in after.days if book.next_at <= observation.at)
    closing = Closing(observation.balance_minor, observation.equity_minor)
    for book in due:
        after = _roll(rule_set, after, book, observation.at, closing)
    if after.soft_lock_until is not None and after.soft_lock_until <= observation.at:
        after = replace(after, soft_lock_until=None, soft_lock_by="")
    return _rearm(rule_set, after, observation, {book.reset for book in due})


def _clocks_on(rule_set: RuleSet, state: RuleState, ended: RuleState, at: datetime) -> RuleState:
    closed_at, more = ended.closed_at or at, timedelta()
    timed: list[TimeRule] = [*rule_set.of(Inactivity), *rule_set.of(TimeLimit)]
    for rule in timed:
        began = time_from(rule, state)
        if rule.key == ended.closed_by and began is not None and rule.days is not None:
            closed_at = min(closed_at, time_line(began, rule.days, 100))
            more = min(timedelta(days=rule.days), AGAIN)
    gap = max(at - closed_at, timedelta()) + more
    first = state.first_trade_at
    counts_first = any(rule.counted_from == "first_trade" for rule in rule_set.of(TimeLimit))
    # While the account is held, its idle clock stands still by itself.
    idle_from = None if state.held_since is not None else state.last_trade_at
    return replace(
        state,
        started_at=state.started_at + gap,
        first_trade_at=first + gap if first is not None and counts_first else first,
        last_trade_at=state.last_trade_at if idle_from is None else idle_from + gap,
    )


def _roll(rule_set: RuleSet, state: RuleState, book: DayBook, at: datetime, closing: Closing) -> RuleState:
    profit = closing.balance_minor - book.profit_from_minor
    result = DayResult(day_name(book.opened_at, book.reset), profit, book.opened)
    opened = replace(
        open_day(book.reset, at, closing.balance_minor, closing.equity_minor),
        best_minor=max(book.best_minor, profit),
        winning_minor=book.winning_minor + max(profit, 0),
        history=(*book.history, result)[-HISTORY_DAYS:],
    )
    counting = {
        rule.key
        for rule in rule_set.of(MinTradingDays)
        if rule.reset == book.reset and _counts(rule, state, book, profit)
    }
    trailing = {rule.key for rule in rule_set.of(MaxLoss) if rule.reset == book.reset}
    state = _raised(state, EOD_BALANCE, closing.balance_minor, book.next_at, trailing)
    return replace(
        state,
        days=tuple(opened if item is book else item for item in state.days),
        counts=tuple(DayCount(item.key, item.days + (item.key in counting)) for item in state.counts),
    )


def _counts(rule: MinTradingDays, state: RuleState, book: DayBook, profit: int) -> bool:
    if rule.counts == "opened" or rule.min_profit is None:
        return book.opened
    return profit >= rule.min_profit.exact({"initial": state.initial_minor}, state.currency)


def _rearm(rule_set: RuleSet, state: RuleState, seen: Observation, resets: set[Reset]) -> RuleState:
    """Forget what was told about the day that ended, and levels of the maximum loss that are no longer reached."""
    kept = set(state.told)
    for daily in rule_set.of(DailyLoss):
        if daily.reset in resets:
            kept -= {f"{daily.key}|{level}" for level in (*daily.warn_at, 100)}
    for rule in rule_set.of(MaxLoss):
        if rule.reset in resets:
            tested = seen.equity_minor if rule.tested == "equity" else seen.balance_minor
            reached = warn_lines(rule, state, rule.warn_at).items()
            kept -= {f"{rule.key}|{level}" for level, line in reached if tested > line}
            kept.discard(f"{rule.key}|100")
    for trade in rule_set.of(LossPerTrade):
        kept.discard(f"{trade.key}|100")
    return replace(state, told=tuple(word for word in state.told if word in kept))
