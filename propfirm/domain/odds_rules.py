"""The rules of a phase as the simulation has them: floors, targets, days and payouts as plain numbers. Pure.

Amounts stay exact while they are whole minor units below 2**53: a percentage is one product and one division, rounded
half-even once, as trading.domain.rules does it in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from propfirm.domain.odds_types import Floats

DAYS_A_YEAR = 365
# Codes of how a path ends; those of a set's rules follow from FIRST_RULE on.
OPEN, PASSED, NO_MONEY, FIRST_RULE = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Size:
    """An amount: `numer / denom` of its basis ("initial" or "reference"), or that many minor units ("fixed")."""

    basis: str
    numer: float
    denom: float

    def of(self, initial: Floats, reference: Floats) -> Floats | float:
        """The amount in minor units, not rounded."""
        if self.basis == "fixed":
            return self.numer / self.denom
        return (initial if self.basis == "initial" else reference) * self.numer / self.denom


@dataclass(frozen=True, slots=True)
class Floor:
    """A loss floor that ends or locks. `gap`: minor units under the floor at which it is broken. `row`: its high-water
    mark, -1 for none. `lock`: minor units above the initial balance at which it stops rising, or None."""

    code: int
    soft: bool
    daily: bool
    intraday: bool
    on_equity: bool
    gap: float
    size: Size
    lock: float | None
    row: int


@dataclass(frozen=True, slots=True)
class TradeLimit:
    """The loss of one trade. `at`: losing exactly the amount breaks it. `of_equity`: a share of what is left after."""

    code: int
    soft: bool
    open: bool
    at: bool
    of_equity: bool
    size: Size


@dataclass(frozen=True, slots=True)
class Target:
    """The profit that passes. `flat`: no position may be open. `on_equity`: equity must reach it, else the balance."""

    size: Size
    on_equity: bool
    flat: bool

    @property
    def midway(self) -> bool:
        """Whether an open position's equity may reach it."""
        return self.on_equity and not self.flat


@dataclass(frozen=True, slots=True)
class DayRule:
    """Days to trade; with `least` a day counts when it closes with that profit, else when something was opened."""

    need: int
    least: Size | None
    passing: bool
    payout: bool


@dataclass(frozen=True, slots=True)
class EvenRule:
    """The best day's largest share of the profit; `total`: of all profit, else of the winning days' sum."""

    numer: float
    denom: float
    total: bool
    at: bool
    passing: bool
    payout: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """A time that runs out after `days` since "start", "first" trade or "last" trade."""

    code: int
    days: float
    since: str


@dataclass(frozen=True, slots=True)
class Pay:
    """The payout rule. `splits`: the trader's percentage as (numer, denom) by the number of earlier payouts."""

    first: float
    every: float
    splits: tuple[tuple[float, float], ...]
    minimum: float
    cap: Size | None
    buffer: Size | None
    resets: bool


@dataclass(frozen=True, slots=True)
class Growth:
    """The scaling rule; `period` in days, `cap` in minor units or None."""

    period: float
    profit: Size
    payouts: int
    increase: Size
    cap: float | None


@dataclass(frozen=True)
class Compiled:
    """The rules of a phase. `endings`: by code, (outcome, rule key, rule kind). `refund`: (payout, numer, denom)."""

    name: str
    endings: tuple[tuple[str, str, str], ...]
    floors: tuple[Floor, ...]
    trades: tuple[TradeLimit, ...]
    target: Target | None
    days: tuple[DayRule, ...]
    even: tuple[EvenRule, ...]
    clocks: tuple[Clock, ...]
    pay: Pay | None
    growth: Growth | None
    refund: tuple[int, float, float] | None
    waters: int

    @cached_property
    def judged(self) -> list[Floor]:
        """Floors in the order in which they are judged at one level: first those that end the account."""
        return sorted(self.floors, key=lambda floor: floor.soft)

    @cached_property
    def trails(self) -> tuple[Floor, ...]:
        """Floors that follow equity within the day."""
        return tuple(floor for floor in self.floors if floor.intraday)

    @cached_property
    def rising(self) -> bool:
        """Whether it matters how far a losing trade was ahead before."""
        return bool(self.trails) or (self.target is not None and self.target.midway)
