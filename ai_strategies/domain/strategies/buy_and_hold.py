"""Buy an equal share of everything once, and hold it: the yardstick for everyone else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ai_strategies.domain.sizing import Wish, buys, weight
from ai_strategies.domain.view import Action, Parameter, StrategyView, hold


@dataclass(frozen=True)
class BuyAndHold:
    """Equal weights on the first turn, then nothing."""

    key: ClassVar[str] = "buy_and_hold"
    title: ClassVar[str] = "Buy and hold"
    description: ClassVar[str] = "Buys an equal share of every symbol on its first turn and holds to the end."
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("invested_pct", 98, 10, 100, "Percent of the capital that is invested"),
    )
    invested_pct: int = 98

    def decide(self, view: StrategyView) -> list[Action]:
        """Buy on the first turn, hold afterwards."""
        symbols = view.tradable()
        if any(view.positions.values()):
            return hold(f"Holding {sum(1 for q in view.positions.values() if q > 0)} positions to the end.", 1.0)
        if not symbols:
            return hold("No symbol has a price yet.", 0.0)
        share = weight(self.invested_pct / 100 / len(symbols))
        wishes = [
            Wish(
                symbol,
                share,
                f"An equal share: {share * 100:.1f}% in each of {len(symbols)} symbols, to hold to the end; "
                f"{symbol} at {view.quotes[symbol].ask:.2f}.",
                1.0,
            )
            for symbol in symbols
        ]
        return buys(view, wishes, cash=view.cash) or hold("The capital does not buy one unit of any symbol.", 0.0)
