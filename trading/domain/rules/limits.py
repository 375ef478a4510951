"""The rules that lose or win a phase: daily loss, maximum loss, target, days, consistency, time."""
# ruff: noqa: RUF009 - `knob` is dataclasses.field with a spec, evaluated once per class on purpose.

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any, ClassVar

from trading.domain.rules.knobs import MONEY, PERCENT, Amount, Choice, Flag, Spec, Text, Whole, knob
from trading.domain.rules.shapes import RESET, AmountOf, ListOf, Maybe
from trading.domain.rules.times import Reset

MIDNIGHT_UTC = Reset(time(0), "UTC")
SEVERITY = Choice(("fail", "soft", "warn"))
COMPARATOR = Choice(("below", "at_or_below"))
LEVELS = ListOf(Whole(1, 99), most=9, rising=True)
_SEVERITY_ABOUT = "fail: flatten, cancel, lock for good; soft: the same until the next reset; warn: notify."
_LEVELS_ABOUT = "Percentages of the limit at which the trader is told, once a day."


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule has. `key` names the rule within its set (by default its kind) and in verdicts."""

    kind: ClassVar[str] = ""
    key: str = knob(Text(), "The rule's name within the set; its kind when left out.", "")

    def problems(self) -> list[tuple[str, str]]:
        """(field, message) for knobs that do not go together."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyLoss(Rule):
    """Equity (or balance) may not fall under the day's reference less an amount."""

    kind: ClassVar[str] = "daily_loss"
    amount: Amount = knob(AmountOf(("initial", "reference", "fixed")), "How much a day may lose.")
    reference: str = knob(
        Choice(("balance", "equity", "max")), "What the day starts from: balance, equity or the larger.", "balance"
    )
    tested: str = knob(Choice(("equity", "balance")), "What is compared with the floor.", "equity")
    comparator: str = knob(COMPARATOR, "Whether standing at the floor is a breach.", "below")
    reset: Reset = knob(RESET, "When the day ends, wall clock of an IANA zone.", MIDNIGHT_UTC)
    severity: str = knob(SEVERITY, _SEVERITY_ABOUT, "fail")
    warn_at: tuple[int, ...] = knob(LEVELS, _LEVELS_ABOUT, (50, 80, 90))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxLoss(Rule):
    """Equity (or balance) may not fall under a floor that stands still or trails a high-water mark."""

    kind: ClassVar[str] = "max_loss"
    amount: Amount = knob(AmountOf(("initial", "high_water", "fixed")), "Distance of the floor from its high-water.")
    trailing: str = knob(
        Choice(("static", "end_of_day", "intraday")),
        "static: from the initial balance; end_of_day: from the highest closing balance; intraday: from the highest "
        "equity, unrealised profit included.",
        "static",
    )
    lock: str = knob(Choice(("never", "initial")), "Whether the floor stops rising at the initial balance.", "never")
    lock_offset: Decimal = knob(MONEY, "Money above the initial balance at which the floor stops.", Decimal(0))
    tested: str = knob(Choice(("equity", "balance")), "What is compared with the floor.", "equity")
    comparator: str = knob(COMPARATOR, "Whether standing at the floor is a breach.", "below")
    reset: Reset = knob(RESET, "When the day closes, for an end-of-day trail.", MIDNIGHT_UTC)
    severity: str = knob(SEVERITY, _SEVERITY_ABOUT, "fail")
    warn_at: tuple[int, ...] = knob(LEVELS, _LEVELS_ABOUT, (50, 80, 90))

    def problems(self) -> list[tuple[str, str]]:
        """A trail of equity is tested on equity; a static floor has nothing to lock."""
        found = []
        if self.trailing == "intraday" and self.tested == "balance":
            found.append(("tested", "An intraday trail follows equity, so equity is what it tests."))
        if self.trailing == "static" and self.lock != "never":
            found.append(("lock", "A static floor does not rise, so it has nothing to lock."))
        if self.lock == "never" and self.lock_offset:
            found.append(("lock_offset", 'Only a floor with "lock": "initial" has an offset.'))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitTarget(Rule):
    """The profit that passes the phase."""

    kind: ClassVar[str] = "profit_target"
    amount: Amount = knob(AmountOf(("initial", "fixed"), most=Decimal(1000)), "The profit above the initial balance.")
    tested: str = knob(Choice(("balance", "equity")), "What must reach the target.", "balance")
    require_flat: bool = knob(Flag(), "Whether no position may be open.", True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MinTradingDays(Rule):
    """Days to trade before the phase (or a payout) is passed."""

    kind: ClassVar[str] = "min_trading_days"
    days: int = knob(Whole(1, 1000), "How many days.")
    counts: str = knob(
        Choice(("opened", "profit")),
        "A day counts when a new position is opened in it, or closes with profit.",
        "opened",
    )
    min_profit: Amount | None = knob(
        Maybe(AmountOf(("initial", "fixed"))), 'The day\'s least profit, with "counts": "profit".', None
    )
    effect: str = knob(Choice(("passing", "payout", "both")), "What it holds back.", "passing")
    reset: Reset = knob(RESET, "When the day ends.", MIDNIGHT_UTC)

    def problems(self) -> list[tuple[str, str]]:
        """The least profit goes with days that count by profit."""
        if (self.counts == "profit") == (self.min_profit is not None):
            return []
        return [("min_profit", 'Give it with "counts": "profit", and only then.')]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency(Rule):
    """The best day may make only so much of the profit. Holds passing or payout back; never a breach."""

    kind: ClassVar[str] = "consistency"
    percent: Decimal = knob(PERCENT, "The best day's largest share of the profit.")
    denominator: str = knob(
        Choice(("total_profit", "winning_days")), "The profit: total, or the sum of winning days.", "total_profit"
    )
    comparator: str = knob(
        Choice(("at_or_below", "below")), "Whether a share of exactly the percentage is within the rule.", "at_or_below"
    )
    effect: str = knob(Choice(("passing", "payout", "both")), "What it holds back.", "passing")
    reset: Reset = knob(RESET, "When the day ends.", MIDNIGHT_UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inactivity(Rule):
    """Too long without a trade, and the phase expires."""

    kind: ClassVar[str] = "inactivity"
    days: int = knob(Whole(1, 3650), "Days of 24 hours since the last trade, or since the start before the first.")
    warn_at: tuple[int, ...] = knob(LEVELS, "Percentages of the time at which the trader is told.", (80, 90))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimit(Rule):
    """The phase ends after so many days, or never when `days` is null."""

    kind: ClassVar[str] = "time_limit"
    days: int | None = knob(Maybe(Whole(1, 3650)), "Days of 24 hours, or null for no limit.")
    counted_from: str = knob(Choice(("start", "first_trade")), "What the days are counted from.", "start")
    warn_at: tuple[int, ...] = knob(LEVELS, "Percentages of the time at which the trader is told.", (80, 90))


def spec_of(metadata: Any) -> Spec:
    """The spec of a dataclass field's metadata."""
    spec: Spec = metadata["spec"]
    return spec
