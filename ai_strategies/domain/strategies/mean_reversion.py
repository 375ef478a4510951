"""Mean reversion: buy what fell far below its average, sell when it is back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ai_strategies.domain.sizing import Wish, buys, proceeds, sell_all, weight
from ai_strategies.domain.view import Action, Parameter, StrategyView, hold


@dataclass(frozen=True)
class MeanReversion:
    """Z-score of the price against its moving average."""

    key: ClassVar[str] = "mean_reversion"
    title: ClassVar[str] = "Mean reversion"
    description: ClassVar[str] = "Buys what fell unusually far below its average, sells when it is back at the average."
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("window", 20, 5, 120, "Days of the average"),
        Parameter("entry", 2.0, 0.5, 4.0, "Standard deviations below the average that make a purchase", whole=False),
        Parameter("exit", 0.0, -1.0, 2.0, "Standard deviations at which it sells", whole=False),
        Parameter("stop", 4.5, 1.0, 10.0, "Standard deviations below the average at which it gives up", whole=False),
        Parameter("positions", 5, 1, 20, "Most symbols held at once"),
    )
    window: int = 20
    entry: float = 2.0
    exit: float = 0.0
    stop: float = 4.5
    positions: int = 5

    def _score(self, view: StrategyView, symbol: str) -> tuple[float, float, float] | None:
        closes = view.series(symbol)
        if len(closes) < self.window + 1:
            return None
        past = closes[-1 - self.window : -1]
        mean, spread = float(past.mean()), float(past.std())
        return (float(closes[-1]), mean, (float(closes[-1]) - mean) / spread) if spread > 0 else None

    def decide(self, view: StrategyView) -> list[Action]:
        """Sell what came back or broke down, then buy the most stretched."""
        sells: list[Action] = []
        wishes: list[tuple[float, Wish]] = []
        held = {symbol for symbol, quantity in view.positions.items() if quantity > 0}
        lowest = 0.0
        for symbol in view.tradable():
            score = self._score(view, symbol)
            if score is None:
                continue
            price, mean, z = score
            side = "below" if z < 0 else "above"
            words = f"{price:.2f} is {abs(z):.1f} deviations {side} its {self.window}-day average {mean:.2f}"
            if symbol in held and z >= self.exit:
                sells += sell_all(view, symbol, f"Back to normal: {words}.", 0.7)
            elif symbol in held and z <= -self.stop:
                sells += sell_all(view, symbol, f"Gave up: {words}.", 0.6)
            elif symbol not in held and -self.stop < z <= -self.entry:
                share = weight(0.95 / self.positions)
                wishes.append((z, Wish(symbol, share, f"Stretched: {words}.", min(0.4 + abs(z) / 8, 0.9))))
            lowest = min(lowest, z)
        room = max(self.positions - len(held) + len(sells), 0)
        wishes.sort(key=lambda item: (item[0], item[1].symbol))
        actions = sells + buys(view, [wish for _, wish in wishes[:room]], cash=view.cash + proceeds(view, sells))
        return actions or hold(
            f"Nothing stretched enough: the lowest score is {lowest:.1f}, a purchase needs {-self.entry:.1f}."
        )
