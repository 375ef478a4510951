"""Channel breakout: buy new highs, leave on new lows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ai_strategies.domain.sizing import Wish, buys, proceeds, sell_all, weight
from ai_strategies.domain.view import Action, Parameter, StrategyView, hold


@dataclass(frozen=True)
class Breakout:
    """The highest close of many days is bought, the lowest of fewer days is sold."""

    key: ClassVar[str] = "breakout"
    title: ClassVar[str] = "Channel breakout"
    description: ClassVar[str] = (
        "Buys a price above the highest close of many days, sells one below the lowest of fewer days."
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("entry_days", 55, 5, 250, "Days of the high that is broken"),
        Parameter("exit_days", 20, 3, 120, "Days of the low that ends it"),
        Parameter("positions", 5, 1, 20, "Most symbols held at once"),
    )
    entry_days: int = 55
    exit_days: int = 20
    positions: int = 5

    def decide(self, view: StrategyView) -> list[Action]:
        """Leave broken channels, then buy the clearest new highs."""
        sells: list[Action] = []
        wishes: list[tuple[float, Wish]] = []
        held = {symbol for symbol, quantity in view.positions.items() if quantity > 0}
        for symbol in view.tradable():
            closes = view.series(symbol)
            if len(closes) < max(self.entry_days, self.exit_days) + 1:
                continue
            price = float(closes[-1])
            high = float(closes[-1 - self.entry_days : -1].max())
            low = float(closes[-1 - self.exit_days : -1].min())
            if symbol in held and price < low:
                sells += sell_all(view, symbol, f"{price:.2f} is below the {self.exit_days}-day low {low:.2f}.", 0.75)
            elif symbol not in held and price > high:
                excess = price / high - 1
                reason = f"{price:.2f} broke the {self.entry_days}-day high {high:.2f}, by {excess * 100:.2f}%."
                wishes.append(
                    (excess, Wish(symbol, weight(0.96 / self.positions), reason, min(0.55 + excess * 8, 0.9)))
                )
        room = max(self.positions - len(held) + len(sells), 0)
        wishes.sort(key=lambda item: (-item[0], item[1].symbol))
        actions = sells + buys(view, [wish for _, wish in wishes[:room]], cash=view.cash + proceeds(view, sells))
        return actions or hold(f"No channel was broken; {len(held)} of {self.positions} places taken.")
