"""What the rules remember of an account, as frozen values with an exact JSON round trip.

Amounts are integer minor units of the account's currency; instants are aware and stored in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from trading.domain.rules.limits import MaxLoss, MinTradingDays
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.times import Reset, last_reset, next_reset
from trading.domain.rules.wire import ADDED, decode, encode

# Days of profit and loss kept for display. Counts, best day and sums are kept apart and are exact for any length.
HISTORY_DAYS = 92
EOD_BALANCE = "eod_balance"
INTRADAY_EQUITY = "intraday_equity"


@dataclass(frozen=True, slots=True)
class DayResult:
    """A closed trading day: its name (date of its opening reset), profit, whether a position was opened in it."""

    day: str
    profit_minor: int
    opened: bool


@dataclass(frozen=True, slots=True)
class DayBook:
    """One clock of days. `balance_minor` and `equity_minor` are the references taken at the reset `opened_at`.

    The day's profit counts from `profit_from_minor`: the reference balance, or the balance after a payout in the day.
    `best_minor` and `winning_minor` are the best day and the sum of winning days since the last payout.
    """

    reset: Reset
    opened_at: datetime
    next_at: datetime
    balance_minor: int
    equity_minor: int
    profit_from_minor: int
    opened: bool = False
    best_minor: int = 0
    winning_minor: int = 0
    history: tuple[DayResult, ...] = ()


@dataclass(frozen=True, slots=True)
class HighWater:
    """A high-water mark with its kind (`eod_balance` or `intraday_equity`), of the rule `key`."""

    key: str
    kind: str
    minor: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many days count for the rule `key`, since the start or the last payout that its rule resets at."""

    key: str
    days: int


@dataclass(frozen=True, slots=True)
class RuleState:
    """Everything that the rules remember of one account in one phase. The service stores it as JSON with the account.

    `told` holds what was already said ("daily_loss|50", "phase|passed"). `closed_as` is "", "failed" or "expired".
    `held_since`: the firm lets the account not trade, so that no time without a trade counts.
    """

    currency: str
    initial_minor: int
    original_minor: int
    started_at: datetime
    days: tuple[DayBook, ...] = ()
    high_waters: tuple[HighWater, ...] = ()
    counts: tuple[DayCount, ...] = ()
    told: tuple[str, ...] = ()
    first_trade_at: datetime | None = None
    last_trade_at: datetime | None = None
    soft_lock_until: datetime | None = None
    soft_lock_by: str = ""
    closed_by: str = ""
    closed_as: str = ""
    closed_at: datetime | None = None
    cycle_balance_minor: int = 0
    payouts: int = 0
    payouts_minor: int = 0
    last_payout_at: datetime | None = None
    scale_at: datetime | None = None
    scale_balance_minor: int = 0
    scale_payouts: int = 0
    scale_withdrawn_minor: int = 0
    retries: int = 0
    resets: int = 0
    held_since: datetime | None = field(default=None, metadata=ADDED)

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        found: dict[str, Any] = encode(self)
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RuleState:
        """The state that to_json wrote. Raises TypeError, ValueError or KeyError on data that does not fit."""
        return decode(cls, data)

    def day(self, reset: Reset) -> DayBook:
        """The day book of a reset. Raises KeyError when the state was started under other rules."""
        for book in self.days:
            if book.reset == reset:
                return book
        raise KeyError(f"no day of {reset.time} {reset.zone}")

    def high_water(self, key: str) -> HighWater | None:
        """The high-water mark of a rule, or None for a rule that trails nothing."""
        return next((mark for mark in self.high_waters if mark.key == key), None)

    def counted(self, key: str) -> int:
        """Closed days that count for a rule."""
        return next((item.days for item in self.counts if item.key == key), 0)

    def said(self, word: str) -> bool:
        """Whether it was told already."""
        return word in self.told

    def saying(self, *words: str) -> RuleState:
        """The state after telling."""
        return replace(self, told=tuple(dict.fromkeys((*self.told, *words))))

    def next_reset(self) -> datetime | None:
        """The nearest reset of any day book: when roll_day is due. None when no rule has days."""
        return min((book.next_at for book in self.days), default=None)


def start(rule_set: RuleSet, *, initial_minor: int, at: datetime, retries: int = 0, resets: int = 0) -> RuleState:
    """The state of an account that begins a phase with `initial_minor` at `at`."""
    return RuleState(
        currency=rule_set.currency,
        initial_minor=initial_minor,
        original_minor=initial_minor,
        started_at=at,
        days=tuple(open_day(reset, at, initial_minor, initial_minor) for reset in rule_set.resets),
        high_waters=fresh_marks(rule_set, initial_minor, at),
        counts=tuple(DayCount(rule.key, 0) for rule in rule_set.of(MinTradingDays)),
        cycle_balance_minor=initial_minor,
        scale_at=at,
        scale_balance_minor=initial_minor,
        retries=retries,
        resets=resets,
    )


def held(state: RuleState, at: datetime) -> RuleState:
    """The state of an account that may not trade from `at` on, through no doing of its own."""
    return state if state.closed_by or state.held_since is not None else replace(state, held_since=at)


def released(state: RuleState, at: datetime) -> RuleState:
    """The state once it may trade again: the time that it was held is no time without a trade."""
    if state.held_since is None:
        return state
    idle_from = state.last_trade_at or state.started_at
    return replace(state, held_since=None, last_trade_at=idle_from + max(at - state.held_since, timedelta()))


def open_day(reset: Reset, at: datetime, balance_minor: int, equity_minor: int) -> DayBook:
    """The day that `at` lies in, with its references."""
    following = next_reset(at, reset.time, reset.zone)
    return DayBook(reset, last_reset(at, reset), following, balance_minor, equity_minor, balance_minor)


def fresh_marks(rule_set: RuleSet, minor: int, at: datetime) -> tuple[HighWater, ...]:
    """High-water marks at `minor` for every rule that trails one."""
    kinds = {"end_of_day": EOD_BALANCE, "intraday": INTRADAY_EQUITY}
    return tuple(
        HighWater(rule.key, kinds[rule.trailing], minor, at) for rule in rule_set.of(MaxLoss) if rule.trailing in kinds
    )
