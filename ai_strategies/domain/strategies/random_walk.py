"""Seeded chance: what luck alone does under the same rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ai_strategies.domain.sizing import Wish, buys, sell_all, weight
from ai_strategies.domain.view import Action, Parameter, StrategyView, hold


@dataclass(frozen=True)
class RandomWalk:
    """Tosses a seeded coin each turn."""

    key: ClassVar[str] = "random"
    title: ClassVar[str] = "Random"
    description: ClassVar[str] = (
        "Buys and sells by seeded chance. Anyone who does not beat it was not better than luck."
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("chance_pct", 15, 1, 100, "Percent of turns on which it trades"),
        Parameter("share_pct", 12, 1, 100, "Percent of the capital in one purchase"),
    )
    chance_pct: int = 15
    share_pct: int = 12

    def decide(self, view: StrategyView) -> list[Action]:
        """Trade one symbol by chance, or hold."""
        toss, coin, pick = (float(view.rng.random()) for _ in range(3))
        symbols = view.tradable()
        if not symbols or toss * 100 >= self.chance_pct:
            return hold(f"The coin says no trade: {toss * 100:.0f} is not below {self.chance_pct}.", 0.0)
        held = [symbol for symbol in symbols if view.positions.get(symbol, 0) > 0]
        if held and coin < 0.5:
            symbol = held[int(pick * len(held))]
            return sell_all(view, symbol, f"The coin says sell {symbol}, drawn from {len(held)} held.", 0.0)
        symbol = symbols[int(pick * len(symbols))]
        share = view.value(symbol) / view.equity + weight(self.share_pct / 100) if view.equity > 0 else weight(0)
        wish = Wish(symbol, share, f"The coin says buy {symbol}, drawn from {len(symbols)}.", 0.0)
        return buys(view, [wish], cash=view.cash) or hold(
            f"The coin says buy {symbol}, but the cash does not reach.", 0.0
        )
