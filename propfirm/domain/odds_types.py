"""What the odds of a plan are asked with: the plan, how somebody trades, and a trader's habits.

Floats are used on purpose here and in the other odds modules: they estimate and decide no money.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import Invalid
from trading.domain.rules import RuleSet

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Problems = list[dict[str, str]]

SESSIONS = 252
MAX_TRADES = 20
MAX_PHASES = 6
LEAST_TRADES = 30
# Least and most of each number of a style; outside of them a simulation says nothing about a trader.
BOUNDS: dict[str, tuple[float, float]] = {
    "win_rate": (0.0, 1.0),
    "payoff": (0.05, 20.0),
    "trades_per_day": (0.05, float(MAX_TRADES)),
    "risk_percent": (0.01, 20.0),
    "sessions": (50, 365),
    "streak": (-0.5, 0.9),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How somebody trades, in numbers. A trade loses `risk_percent` of the initial balance or wins `payoff` times it.

    `win_rate`: 0 to 1. `payoff`: average win / average loss, costs included. `trades_per_day` may be a fraction: 0.4 is
    a trade on two days of five. `sessions`: trading days a year. `streak`: correlation of a result with the last one.
    `uses_stop`: the loss is known at the order, so a rule on the loss of a trade makes the trade smaller, not a breach.
    """

    win_rate: float
    payoff: float
    trades_per_day: float
    risk_percent: float
    sessions: int = SESSIONS
    streak: float = 0.0
    uses_stop: bool = True
    name: str = ""

    def problems(self) -> Problems:
        """{"field", "message"} of each number that is out of bounds."""
        found: Problems = []
        for field, (least, most) in BOUNDS.items():
            value = getattr(self, field)
            if not math.isfinite(value) or not least <= value <= most:
                found.append({"field": field, "message": f"Give a number from {least:g} to {most:g}."})
        if not found and not all(0 <= chance <= 1 for chance in self.chances):
            words = "With this share of wins, results cannot alternate so much. Raise the streak."
            found.append({"field": "streak", "message": words})
        return found

    @property
    def chances(self) -> tuple[float, float]:
        """Probability of a win after a win, and after a loss: the two-state chain with this correlation."""
        return self.win_rate + self.streak * (1 - self.win_rate), self.win_rate * (1 - self.streak)

    @property
    def edge(self) -> float:
        """Expected result of a trade, in risks."""
        return self.win_rate * self.payoff - (1 - self.win_rate)

    @property
    def pace(self) -> float:
        """Trades a session, on average."""
        return self.trades_per_day

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return {"kind": "style", **asdict(self), "edge": round(self.edge, 4)}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Closed trades as they were, by active day, oldest first: each is its result as a fraction of the balance.

    `active_share`: active days / sessions between the first and the last. A day holds at most MAX_TRADES results;
    `closed` is how many trades they were made of.
    """

    days: tuple[tuple[float, ...], ...]
    active_share: float
    closed: int = 0
    sessions: int = SESSIONS
    name: str = ""

    @classmethod
    def of(cls, days: Iterable[Iterable[float]], active_share: float, **more: Any) -> History:
        """A history; results beyond MAX_TRADES of a day are added to their neighbours, so the day's sum stays."""
        given = [tuple(day) for day in days]
        closed = sum(len(day) for day in given)
        return cls(days=tuple(merged(day) for day in given if day), active_share=active_share, closed=closed, **more)

    def problems(self) -> Problems:
        """{"field", "message"} of what makes it unfit to be drawn from."""
        found: Problems = []
        if self.trades < LEAST_TRADES:
            words = f"There are {self.trades} closed trades; at least {LEAST_TRADES} are needed."
            found.append({"field": "days", "message": words})
        if any(len(day) > MAX_TRADES for day in self.days) or not all(
            math.isfinite(result) for day in self.days for result in day
        ):
            found.append({"field": "days", "message": f"A day has at most {MAX_TRADES} finite results."})
        if not 0 < self.active_share <= 1:
            found.append({"field": "active_share", "message": "Give a share above 0 and at most 1."})
        return found

    @property
    def trades(self) -> int:
        """How many closed trades there are."""
        return max(self.closed, self._results)

    @property
    def _results(self) -> int:
        return sum(len(day) for day in self.days)

    @property
    def pace(self) -> float:
        """Trades a session, on average."""
        return self.active_share * self._results / max(len(self.days), 1)

    @property
    def block(self) -> float:
        """Mean length of a block of days: the cube root of their number, the rate of Politis and Romano (1994)."""
        return max(1.0, round(float(len(self.days) ** (1 / 3)), 2))

    def to_json(self) -> dict[str, Any]:
        """JSON data: what it is made of in figures, not the results themselves."""
        results = [result for day in self.days for result in day]
        won, lost = [item for item in results if item > 0], [-item for item in results if item < 0]
        return {
            "kind": "history",
            "name": self.name,
            "trades": self.trades,
            "active_days": len(self.days),
            "active_share": round(self.active_share, 4),
            "sessions": self.sessions,
            "win_rate": round(len(won) / len(results), 4) if results else None,
            "payoff": round((sum(won) / len(won)) / (sum(lost) / len(lost)), 4) if won and lost else None,
            "average_loss_percent": round(100 * sum(lost) / len(lost), 4) if lost else None,
            "block_days": self.block,
        }


Trading = Style | History


def merged(day: tuple[float, ...]) -> tuple[float, ...]:
    """At most MAX_TRADES results: neighbours added to each other, the sum and the order kept."""
    if len(day) <= MAX_TRADES:
        return day
    return tuple(float(part.sum()) for part in np.array_split(np.array(day), MAX_TRADES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What the trader does where the rules leave a choice.

    `max_resets`: paid resets taken at most. `coast`: size of the trades once the target is reached and only days are
    missing, as a share of the usual. `ask_percent`: a payout is asked for from this share of the initial balance on (or
    from the rule's minimum or cap). `cushion_percent`: a payout leaves this share of the maximum loss above its floor.
    """

    max_resets: int = 0
    coast: float = 0.1
    ask_percent: float = 1.0
    cushion_percent: float = 25.0

    def problems(self) -> Problems:
        """{"field", "message"} of each number that is out of bounds."""
        bounds = {"max_resets": (0, 5), "coast": (0, 1), "ask_percent": (0, 100), "cushion_percent": (0, 100)}
        return [
            {"field": field, "message": f"Give a number from {least} to {most}."}
            for field, (least, most) in bounds.items()
            if not least <= getattr(self, field) <= most
        ]

    def to_json(self) -> dict[str, Any]:
        """JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsPlan:
    """A plan: the rule sets of its phases (the last is the funded one), each begun with `initial_minor`.

    Amounts are minor units of `currency`. A paid reset costs what the phase's second_chance says.
    """

    phases: tuple[RuleSet, ...]
    initial_minor: int
    price_minor: int
    currency: str

    def problems(self) -> Problems:
        """{"field", "message"} of what does not fit."""
        found: Problems = []
        if not 1 <= len(self.phases) <= MAX_PHASES:
            found.append({"field": "phases", "message": f"Give 1 to {MAX_PHASES} phases."})
        if any(phase.currency != self.currency for phase in self.phases):
            found.append({"field": "currency", "message": "All phases are in the plan's currency."})
        if not 0 < self.initial_minor <= 10**13:
            found.append({"field": "initial_minor", "message": "Give a balance above zero."})
        if not 0 <= self.price_minor <= 10**12:
            found.append({"field": "price_minor", "message": "Give a price of at least zero."})
        return found


def require(code: str, problems: Problems) -> None:
    """Raise Invalid `code` with details {"problems": [{"field", "message"}]} when there are any."""
    if problems:
        first = problems[0]
        raise Invalid(code, f"{first['field']}: {first['message']}", {"problems": problems})
