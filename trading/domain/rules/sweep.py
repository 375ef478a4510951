"""The sweep: one pass over columns that nominates the accounts to judge. It never decides.

`lines` turns a rule set and a state into a few numbers: amounts and an instant at which evaluate_mark could say
something new. The sweep compares whole columns with them. It nominates every account that the exact functions would
judge (a line is never tighter than the rule), and sometimes one that they then leave alone. Lines hold until a fill, a
roll, a payout or a verdict changes the state: then `put` the account again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from trading.domain.marking import Ints
from trading.domain.rules.conduct import FlatByWeekend, LossPerTrade, NoOvernight
from trading.domain.rules.facts import Observation
from trading.domain.rules.floors import LossRule, allowance, breach_line, lock_line, target_minor, warn_lines
from trading.domain.rules.judges import TimeRule, time_from, time_line
from trading.domain.rules.limits import DailyLoss, Inactivity, MaxLoss, ProfitTarget, TimeLimit
from trading.domain.rules.marks import PASSED
from trading.domain.rules.phase import passing
from trading.domain.rules.ruleset import RuleSet
from trading.domain.rules.state import INTRADAY_EQUITY, RuleState
from trading.domain.rules.wire import moment

NEVER_LOW = -(2**63)
NEVER_HIGH = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Whole microseconds since 1970 UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Lines:
    """When to look at one account; minor units, microseconds. The defaults never nominate.

    `equity_low`, `balance_low`: at or below. `equity_high`, `balance_high`: at or above. An intraday trail nominates at
    or below min(peak - trail, cap), peak rising with equity. `trade_low`: an open position's profit at or below;
    `trade_share` the same as a share of equity (0: none; a float, as it only nominates). `due_us`: from then on.
    """

    equity_low: int = NEVER_LOW
    equity_high: int = NEVER_HIGH
    balance_low: int = NEVER_LOW
    balance_high: int = NEVER_HIGH
    peak: int = NEVER_LOW
    trail: int = 0
    cap: int = NEVER_LOW
    trade_low: int = NEVER_LOW
    trade_share: float = 0.0
    due_us: int = NEVER_HIGH


def _clip(value: int) -> int:
    return max(min(value, NEVER_HIGH), NEVER_LOW)


def _untold(rule: LossRule, state: RuleState) -> list[int]:
    if state.said(f"{rule.key}|100"):
        return []
    return [level for level in rule.warn_at if not state.said(f"{rule.key}|{level}")]


def _fixed_line(rule: LossRule, state: RuleState) -> int:
    """The highest amount at which a floor that does not move by itself has something to say."""
    if state.said(f"{rule.key}|100"):
        return NEVER_LOW
    return max([breach_line(rule, state), *warn_lines(rule, state, _untold(rule, state)).values()])


def _trail(rule: MaxLoss, state: RuleState) -> tuple[int, int]:
    """(distance below the peak, cap) of an intraday trail: whole numbers on the safe side of any rounding.

    An allowance that is a share of the peak grows with it: the distance of today is then too short, which is safe, and
    the line of a locked floor rises still, so it has no cap.
    """
    amount, lock = allowance(rule, state), lock_line(rule, state)
    level = min([100, *_untold(rule, state)])
    above = amount * (100 - level) / 100
    cap = NEVER_HIGH if lock is None or rule.amount.basis == "high_water" else math.ceil(lock + above)
    return math.floor(amount - above), cap


def _dues(rule_set: RuleSet, state: RuleState, seen: Observation) -> Iterator[datetime]:
    reset = state.next_reset()
    if reset is not None:
        yield reset
    timed: list[TimeRule] = [*rule_set.of(Inactivity), *rule_set.of(TimeLimit)]
    for rule in timed:
        began = time_from(rule, state)
        if began is not None and rule.days is not None:
            levels = [level for level in rule.warn_at if not state.said(f"{rule.key}|{level}")]
            yield time_line(began, rule.days, min([100, *levels]))
    spans: list[NoOvernight | FlatByWeekend] = [*rule_set.of(NoOvernight), *rule_set.of(FlatByWeekend)]
    for hours in spans:
        span = hours.span()
        began = span.began(seen.at)
        if not seen.flat and began is not None and not state.said(f"{hours.key}|{moment(began)}"):
            yield seen.at
        elif not seen.flat:
            yield span.next_start(seen.at)


def _target(rule_set: RuleSet, state: RuleState, seen: Observation) -> dict[str, int]:
    """The target, when all else that passing needs holds: that changes with a fill or a roll only."""
    rule = rule_set.one(ProfitTarget)
    if rule is None or state.said(PASSED) or not all(item.met for item in passing(rule_set, state, seen)[1:]):
        return {}
    return {f"{rule.tested}_high": _clip(target_minor(rule, state))}


def _trades(rule_set: RuleSet, state: RuleState) -> dict[str, int | float]:
    low, share = NEVER_LOW, 0.0
    for rule in rule_set.of(LossPerTrade):
        if rule.tested != "open" or state.said(f"{rule.key}|100"):
            continue
        if rule.amount.basis == "equity":
            own = float(rule.amount.value) / 100
            share = own if not share else min(share, own)
        else:
            limit = rule.amount.exact({"initial": state.initial_minor}, state.currency)
            low = max(low, -max(math.floor(limit), 1))
    return {"trade_low": low, "trade_share": share}


def lines(rule_set: RuleSet, state: RuleState, observation: Observation) -> Lines:
    """The lines of an account in this state; `observation` is its latest mark (balance, positions, time)."""
    if state.closed_by:
        return Lines()
    low = {"equity": NEVER_LOW, "balance": NEVER_LOW}
    trails: list[tuple[int, int]] = []
    losses: list[LossRule] = [*rule_set.of(DailyLoss), *rule_set.of(MaxLoss)]
    for rule in losses:
        if not isinstance(rule, MaxLoss) or rule.trailing != "intraday":
            low[rule.tested] = max(low[rule.tested], _fixed_line(rule, state))
        elif not state.said(f"{rule.key}|100"):
            trails.append(_trail(rule, state))
    peaks = [mark.minor for mark in state.high_waters if mark.kind == INTRADAY_EQUITY]
    due = min(_dues(rule_set, state, observation), default=None)
    return Lines(
        equity_low=_clip(low["equity"]),
        balance_low=_clip(low["balance"]),
        peak=max(peaks, default=NEVER_LOW),
        trail=min((trail for trail, _ in trails), default=0),
        cap=max((cap for _, cap in trails), default=NEVER_LOW),
        due_us=NEVER_HIGH if due is None else micros(due),
        **_target(rule_set, state, observation),
        **_trades(rule_set, state),  # type: ignore[arg-type]
    )


class Sweep:
    """Lines of many accounts as columns, by the slots of a Book."""

    def __init__(self, capacity: int = 1024) -> None:
        self._columns: dict[str, npt.NDArray] = {
            item.name: np.full(capacity, item.default, dtype=np.float64 if item.name == "trade_share" else np.int64)
            for item in fields(Lines)
        }
        self._trails = np.zeros(capacity, dtype=bool)
        self._saved = np.full(capacity, NEVER_LOW, dtype=np.int64)
        self._trading: set[int] = set()

    @property
    def nbytes(self) -> int:
        """Memory of the columns."""
        return sum(column.nbytes for column in self._columns.values()) + self._trails.nbytes + self._saved.nbytes

    @property
    def needs_trades(self) -> bool:
        """Whether any account has a rule over single open positions, so that `nominate` needs `worst`."""
        return bool(self._trading)

    def put(self, slot: int, value: Lines) -> None:
        """Set an account's lines. A higher peak that the sweep has seen is lost: raise the state to it first."""
        while slot >= len(self._trails):
            self._grow()
        for name, column in self._columns.items():
            column[slot] = getattr(value, name)
        self._trails[slot] = value.peak != NEVER_LOW
        self._saved[slot] = value.peak
        if value.trade_share or value.trade_low != NEVER_LOW:
            self._trading.add(slot)
        else:
            self._trading.discard(slot)

    def drop(self, slot: int) -> None:
        """Forget an account: its slot nominates no more."""
        self.put(slot, Lines())

    def _grow(self) -> None:
        blank = Lines()
        for name, column in self._columns.items():
            self._columns[name] = np.concatenate([column, np.full_like(column, getattr(blank, name))])
        self._trails = np.concatenate([self._trails, np.zeros_like(self._trails)])
        self._saved = np.concatenate([self._saved, np.full_like(self._saved, NEVER_LOW)])

    def peak(self, slot: int) -> int:
        """The highest equity seen, for raise_high_water before the exact functions judge."""
        return int(self._columns["peak"][slot])

    def take_raised(self) -> tuple[npt.NDArray[np.intp], Ints]:
        """(slots, peaks) of intraday high-water marks that rose since they were last taken: what is to be stored."""
        peaks = self._columns["peak"]
        slots = np.flatnonzero(self._trails & (peaks > self._saved))
        self._saved[slots] = peaks[slots]
        return slots, peaks[slots]

    def nominate(self, equity: Ints, balance: Ints, at: datetime, worst: Ints | None = None) -> npt.NDArray[np.intp]:
        """Slots to judge at this mark, ascending. Raises every peak first, as evaluate_mark does.

        `equity`, `balance` and `worst` (each account's worst open profit; needed when `needs_trades`) are columns by
        slot, minor units. Raises ValueError when `worst` is needed and missing.
        """
        number = len(equity)
        while number > len(self._trails):
            self._grow()
        column = {name: whole[:number] for name, whole in self._columns.items()}
        np.maximum(column["peak"], equity, out=column["peak"])
        hit = equity <= column["equity_low"]
        hit |= equity >= column["equity_high"]
        hit |= balance <= column["balance_low"]
        hit |= balance >= column["balance_high"]
        hit |= column["due_us"] <= micros(at)
        line = column["peak"] - column["trail"]
        np.minimum(line, column["cap"], out=line)
        hit |= equity <= line
        if self._trading:
            if worst is None:
                raise ValueError("rules over open positions need each account's worst position")
            hit |= self._trade_hits(column, equity, worst)
        return np.flatnonzero(hit)

    @staticmethod
    def _trade_hits(column: dict[str, npt.NDArray], equity: Ints, worst: Ints) -> npt.NDArray[np.bool_]:
        share = column["trade_share"]
        allowed = share * equity.astype(np.float64)
        # Floats nominate only: the margin is far wider than their error.
        near = worst.astype(np.float64) <= -allowed + np.abs(allowed) * 1e-9 + 1
        hits: npt.NDArray[np.bool_] = (worst <= column["trade_low"]) | ((share > 0) & (worst < 0) & near)
        return hits
