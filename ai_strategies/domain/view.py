"""What a strategy sees and what it may answer. Everything it knows comes through `StrategyView`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Act = Literal["buy", "sell", "hold"]


@dataclass(frozen=True, slots=True)
class Price:
    """The quote in force of one symbol."""

    bid: Decimal
    ask: Decimal
    last: Decimal


@dataclass(frozen=True, slots=True)
class StrategyView:
    """One account and its market at one tick, and nothing later.

    `closes` is [days, symbols]: the closes of the completed days, oldest first, and the current price as the last row;
    NaN where a symbol has no price yet. `positions` are whole units that can be sold. `rng` is seeded from the agent
    and the tick. `max_weight` is the largest share of equity that the contest allows in one symbol. `signal_only`: the
    quantity of a purchase is chosen by whoever carries it out, so one that rounds to nothing is still asked for.
    """

    symbols: tuple[str, ...]
    closes: Floats
    quotes: Mapping[str, Price]
    positions: Mapping[str, int]
    cash: Decimal
    equity: Decimal
    day_index: int
    phase: int
    rng: np.random.Generator
    max_weight: Decimal = Decimal(1)
    signal_only: bool = False

    def series(self, symbol: str) -> Floats:
        """The closes of one symbol without missing days, oldest first, the current price last."""
        column = self.closes[:, self.symbols.index(symbol)]
        return column[~np.isnan(column)]

    def tradable(self) -> tuple[str, ...]:
        """The symbols that have a quote now, in the market's order."""
        return tuple(symbol for symbol in self.symbols if symbol in self.quotes)

    def value(self, symbol: str) -> Decimal:
        """What the position in `symbol` is worth at the last price."""
        quote = self.quotes.get(symbol)
        return Decimal(0) if quote is None else quote.last * self.positions.get(symbol, 0)


@dataclass(frozen=True, slots=True)
class Action:
    """One decision. `confidence` is 0..1; `reason` is plain words with the figures that led to it."""

    symbol: str
    side: Act
    quantity: int
    reason: str
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """The action as JSON data."""
        return {
            "symbol": self.symbol,
            "side": self.side,
            "quantity": self.quantity,
            "reason": self.reason,
            "confidence": round(self.confidence, 4),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Action:
        """The inverse of `to_json`."""
        return cls(data["symbol"], data["side"], int(data["quantity"]), data["reason"], float(data["confidence"]))


def hold(reason: str, confidence: float = 0.5) -> list[Action]:
    """The answer of a strategy that does nothing this time, and says why."""
    return [Action("", "hold", 0, reason, confidence)]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One adjustable number of a strategy, with its bounds."""

    name: str
    default: float
    low: float
    high: float
    description: str
    whole: bool = True

    def to_json(self) -> dict[str, Any]:
        """The parameter as a small JSON schema."""
        return {
            "name": self.name,
            "type": "integer" if self.whole else "number",
            "default": self.default,
            "minimum": self.low,
            "maximum": self.high,
            "description": self.description,
        }


class Strategy(Protocol):
    """A strategy as code. Instances are immutable; memory lives in the account's own positions."""

    key: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]

    def decide(self, view: StrategyView) -> list[Action]:
        """What to do now. The same view gives the same answer."""
        ...
