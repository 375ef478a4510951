"""Trend following with two moving averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ai_strategies.domain.sizing import Wish, buys, proceeds, sell_all, weight
from ai_strategies.domain.view import Action, Parameter, StrategyView, hold


@dataclass(frozen=True)
class SmaCrossover:
    """Long while the fast average is above the slow one."""

    key: ClassVar[str] = "sma_crossover"
    title: ClassVar[str] = "Moving-average crossover"
    description: ClassVar[str] = (
        "Buys when a fast average of closes crosses above a slow one, sells when it crosses back."
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("fast", 20, 2, 100, "Days of the fast average"),
        Parameter("slow", 50, 5, 250, "Days of the slow average"),
        Parameter("positions", 6, 1, 20, "Most symbols held at once"),
        Parameter("band_bps", 20, 0, 500, "The averages must differ by this much, in hundredths of a percent"),
    )
    fast: int = 20
    slow: int = 50
    positions: int = 6
    band_bps: int = 20

    def _averages(self, view: StrategyView, symbol: str) -> tuple[float, float] | None:
        closes = view.series(symbol)
        if len(closes) < self.slow or self.fast >= self.slow:
            return None
        return float(closes[-self.fast :].mean()), float(closes[-self.slow :].mean())

    def decide(self, view: StrategyView) -> list[Action]:
        """Sell what fell below, then buy the strongest crossings there is room for."""
        sells: list[Action] = []
        wishes: list[tuple[float, Wish]] = []
        held = {symbol for symbol, quantity in view.positions.items() if quantity > 0}
        band = self.band_bps / 10_000
        for symbol in view.tradable():
            averages = self._averages(view, symbol)
            if averages is None:
                continue
            fast, slow = averages
            gap = fast / slow - 1
            words = f"{self.fast}-day average {fast:.2f}", f"{self.slow}-day average {slow:.2f}"
            certainty = min(0.5 + abs(gap) * 10, 0.95)
            if symbol in held and gap < -band:
                sells += sell_all(view, symbol, f"{words[0]} crossed below {words[1]}.", certainty)
            elif symbol not in held and gap > band:
                share = weight(0.97 / self.positions)
                wishes.append(
                    (gap, Wish(symbol, share, f"{words[0]} is above {words[1]}, by {gap * 100:.2f}%.", certainty))
                )
        room = max(self.positions - len(held) + len(sells), 0)
        wishes.sort(key=lambda item: -item[0])
        chosen = [wish for _, wish in wishes[:room]]
        actions = sells + buys(view, chosen, cash=view.cash + proceeds(view, sells))
        return actions or hold(
            f"No average crossed: {len(held)} of {self.positions} places taken, {len(wishes)} more symbols rising."
        )
