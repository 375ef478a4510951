"""Trend following with two moving averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ai_strategies.domain.sizing import Wish, buys, proceeds, sell_all, weight
from ai_strategies.domain.view import Action, Floats, Parameter, StrategyView, hold

# Averages closer than this are the same: sums of floats differ in their last bits.
_TIE = 1e-12


@dataclass(frozen=True)
class SmaCrossover:
    """Long from an upward crossing to a downward one."""

    key: ClassVar[str] = "sma_crossover"
    title: ClassVar[str] = "Moving-average crossover"
    description: ClassVar[str] = (
        "Buys when a fast average of closes crosses above a slow one, sells when it crosses back."
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("fast", 20, 2, 100, "Days of the fast average"),
        Parameter("slow", 50, 5, 250, "Days of the slow average"),
        Parameter("positions", 6, 1, 20, "Most symbols held at once"),
        Parameter("band_bps", 0, 0, 500, "The averages must differ by this much, in hundredths of a percent"),
        Parameter("on_crossing", 1, 0, 1, "1 buys on the day of the crossing; 0 while the fast average is above"),
    )
    fast: int = 20
    slow: int = 50
    positions: int = 6
    band_bps: int = 0
    on_crossing: int = 1

    def _gap(self, closes: Floats) -> tuple[float, float, float]:
        """Both averages of the last closes, and by how much of the slow one they differ."""
        fast, slow = float(closes[-self.fast :].mean()), float(closes[-self.slow :].mean())
        gap = fast / slow - 1
        return fast, slow, 0.0 if abs(gap) < _TIE else gap

    def _was_above(self, closes: Floats, band: float) -> bool | None:
        """Whether the fast average was above before the last close; None when there were too few closes."""
        if len(closes) <= self.slow:
            return None
        return self._gap(closes[:-1])[2] > band

    def decide(self, view: StrategyView) -> list[Action]:
        """Sell what crossed below, then buy the strongest crossings there is room for."""
        sells: list[Action] = []
        wishes: list[tuple[float, Wish]] = []
        held = {symbol for symbol, quantity in view.positions.items() if quantity > 0}
        band = self.band_bps / 10_000
        for symbol in view.tradable():
            closes = view.series(symbol)
            if len(closes) < self.slow or self.fast >= self.slow:
                continue
            fast, slow, gap = self._gap(closes)
            words = f"{self.fast}-day average {fast:.2f}", f"{self.slow}-day average {slow:.2f}"
            certainty = min(0.5 + abs(gap) * 10, 0.95)
            if symbol in held and gap < -band:
                sells += sell_all(view, symbol, f"{words[0]} crossed below {words[1]}.", certainty)
            elif symbol not in held and gap > band:
                if self.on_crossing and self._was_above(closes, band) is not False:
                    continue
                verb = "crossed above" if self.on_crossing else "is above"
                reason = f"{words[0]} {verb} {words[1]}, by {gap * 100:.2f}%."
                wishes.append((gap, Wish(symbol, weight(0.97 / self.positions), reason, certainty)))
        room = max(self.positions - len(held) + len(sells), 0)
        wishes.sort(key=lambda item: -item[0])
        chosen = [wish for _, wish in wishes[:room]]
        actions = sells + buys(view, chosen, cash=view.cash + proceeds(view, sells))
        return actions or hold(
            f"No average crossed: {len(held)} of {self.positions} places taken, {len(wishes)} more symbols rising."
        )
