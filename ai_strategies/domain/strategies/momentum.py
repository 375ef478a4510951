"""Cross-sectional momentum: hold the recent winners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ai_strategies.domain.sizing import Wish, rebalance, weight
from ai_strategies.domain.view import Action, Parameter, StrategyView, hold


@dataclass(frozen=True)
class Momentum:
    """Every few days: the strongest symbols by past return, if they rose at all."""

    key: ClassVar[str] = "momentum"
    title: ClassVar[str] = "Momentum"
    description: ClassVar[str] = (
        "Ranks symbols by their past return and holds the strongest, rebalanced every few days."
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("lookback", 60, 5, 250, "Days of the return"),
        Parameter("skip", 3, 0, 20, "Latest days left out, against short reversals"),
        Parameter("top", 4, 1, 20, "Symbols held"),
        Parameter("every_days", 5, 1, 60, "Market days between two rebalancings"),
    )
    lookback: int = 60
    skip: int = 3
    top: int = 4
    every_days: int = 5

    def _returns(self, view: StrategyView) -> dict[str, float]:
        out: dict[str, float] = {}
        for symbol in view.tradable():
            closes = view.series(symbol)
            if len(closes) >= self.lookback + self.skip + 1:
                out[symbol] = float(closes[-1 - self.skip] / closes[-1 - self.skip - self.lookback] - 1)
        return out

    def decide(self, view: StrategyView) -> list[Action]:
        """Rebalance into the winners on a rebalancing day, at its first print; hold otherwise."""
        flat = not any(view.positions.values())
        if not flat and (view.phase != 0 or view.day_index % self.every_days):
            left = self.every_days - view.day_index % self.every_days
            return hold(f"Next rebalancing in {left} market day{'s' if left != 1 else ''}.")
        returns = self._returns(view)
        ranked = sorted(returns, key=lambda symbol: (-returns[symbol], symbol))
        winners = [symbol for symbol in ranked[: self.top] if returns[symbol] > 0]
        if not returns:
            return hold(f"Fewer than {self.lookback} days of history.", 0.0)
        wishes = [
            Wish(
                symbol,
                weight(0.97 / self.top),
                f"Rank {place} of {len(ranked)} by {self.lookback}-day return: {returns[symbol] * 100:+.1f}%.",
                min(0.5 + returns[symbol], 0.95),
            )
            for place, symbol in enumerate(winners, start=1)
        ]
        leave = {
            symbol: f"Rank {place} of {len(ranked)} by {self.lookback}-day return now: {returns[symbol] * 100:+.1f}%."
            for place, symbol in enumerate(ranked, start=1)
        }
        names = ", ".join(winners) or "none: no symbol rose"
        return rebalance(view, wishes, leave=leave) or hold(f"The strongest are still {names}.")
