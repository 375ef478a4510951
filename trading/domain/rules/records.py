"""What a payout, a growth and a correction do to the state of the rules, and how much floors leave to be paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from trading.domain.rules.facts import Observation
from trading.domain.rules.floors import LossRule, breach_line, tested_minor
from trading.domain.rules.limits import DailyLoss, MaxLoss, MinTradingDays
from trading.domain.rules.rewards import Payout
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import DayBook, RuleState, fresh_marks


def record_payout(
    rule_set: RuleSet, state: RuleState, *, gross_minor: int, balance_minor: int, at: datetime
) -> tuple[RuleState, int]:
    """(the state after a payout, what leaves the account in minor units). `balance_minor` is the balance before it.

    deduct: `gross_minor` leaves; floors and marks stay. reset: all profit leaves, high-water marks start again at the
    initial balance. Day references fall by what leaves, so that a payout is no day's loss; consistency, and days that
    hold payouts back, count from here.
    """
    rule = rule_set.one(Payout)
    resets = rule is not None and rule.after == "reset"
    removed = max(balance_minor - state.initial_minor, gross_minor) if resets else gross_minor
    left = balance_minor - removed
    again = {item.key for item in rule_set.of(MinTradingDays) if item.effect != "passing"}
    after = replace(
        state,
        days=tuple(
            replace(
                book,
                balance_minor=book.balance_minor - removed,
                equity_minor=book.equity_minor - removed,
                profit_from_minor=left,
                best_minor=0,
                winning_minor=0,
            )
            for book in state.days
        ),
        high_waters=fresh_marks(rule_set, state.initial_minor, at) if resets else state.high_waters,
        counts=tuple(replace(item, days=0) if item.key in again else item for item in state.counts),
        cycle_balance_minor=left,
        payouts=state.payouts + 1,
        payouts_minor=state.payouts_minor + gross_minor,
        last_payout_at=at,
        scale_payouts=state.scale_payouts + 1,
        scale_withdrawn_minor=state.scale_withdrawn_minor + removed,
    )
    return after, removed


def record_scaling(state: RuleState, *, increase_minor: int, balance_minor: int, at: datetime) -> RuleState:
    """The state after `increase_minor` was credited on `balance_minor`: initial, references and marks rise by it."""
    return replace(
        state,
        initial_minor=state.initial_minor + increase_minor,
        days=_days_moved(state, increase_minor),
        high_waters=tuple(replace(mark, minor=mark.minor + increase_minor) for mark in state.high_waters),
        cycle_balance_minor=state.cycle_balance_minor + increase_minor,
        scale_at=at,
        scale_balance_minor=balance_minor + increase_minor,
        scale_payouts=0,
        scale_withdrawn_minor=0,
    )


def record_correction(state: RuleState, *, amount_minor: int) -> RuleState:
    """The state after an operator's correction of the balance (signed): it is no day's profit or loss.

    It counts towards floors and target, as what it makes good would have. One that takes money away lowers the
    high-water marks with it, as that money may have made them; one that gives leaves them.
    """
    moved = replace(state, days=_days_moved(state, amount_minor))
    return marks_lowered(moved, by_minor=max(-amount_minor, 0))


def _days_moved(state: RuleState, by_minor: int) -> tuple[DayBook, ...]:
    """Days whose references are moved: what moves them is no day's profit or loss."""
    return tuple(
        replace(
            book,
            balance_minor=book.balance_minor + by_minor,
            equity_minor=book.equity_minor + by_minor,
            profit_from_minor=book.profit_from_minor + by_minor,
        )
        for book in state.days
    )


def marks_lowered(state: RuleState, *, by_minor: int) -> RuleState:
    """The state with high-water marks lower by what was taken away: that money may have made them."""
    return replace(state, high_waters=tuple(replace(mark, minor=mark.minor - by_minor) for mark in state.high_waters))


def payout_room(rule_set: RuleSet, state: RuleState, seen: Observation, *, most_minor: int) -> int:
    """How much of `most_minor` can leave (before the split) so that no floor is reached by the payout itself.

    A floor that does not fall with what leaves, as that of a trail, may stand above what would be left. Of amounts
    that hold the largest, to the minor unit: what holds for an amount holds for each that is smaller.
    """

    rules: list[LossRule] = [*rule_set.of(DailyLoss), *rule_set.of(MaxLoss)]

    def holds(gross_minor: int) -> bool:
        after, removed = record_payout(
            rule_set, state, gross_minor=gross_minor, balance_minor=seen.balance_minor, at=seen.at
        )
        left = replace(seen, balance_minor=seen.balance_minor - removed, equity_minor=seen.equity_minor - removed)
        return all(tested_minor(rule, left) > breach_line(rule, after) for rule in rules)

    if most_minor <= 0 or holds(most_minor):
        return max(most_minor, 0)
    low, high = 0, most_minor
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
