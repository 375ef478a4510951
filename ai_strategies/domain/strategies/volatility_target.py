"""Equal risk: more of what is calm, less of what is wild, and less of everything when markets are wild."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ai_strategies.domain.sizing import Wish, rebalance, weight
from ai_strategies.domain.view import Action, Parameter, StrategyView, hold

TRADING_DAYS = 252


@dataclass(frozen=True)
class VolatilityTarget:
    """Inverse-volatility weights, scaled so that the portfolio swings about as much as aimed at."""

    key: ClassVar[str] = "volatility_target"
    title: ClassVar[str] = "Volatility target"
    description: ClassVar[str] = (
        "Weights symbols by calmness and invests less when the whole portfolio swings more than aimed at."
    )
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("window", 40, 10, 250, "Days of the volatility"),
        Parameter("target_pct", 12, 2, 60, "Aimed yearly volatility in percent"),
        Parameter("every_days", 5, 1, 60, "Market days between two rebalancings"),
    )
    window: int = 40
    target_pct: int = 12
    every_days: int = 5

    def decide(self, view: StrategyView) -> list[Action]:
        """Rebalance on a rebalancing day, at its first print; hold otherwise."""
        flat = not any(view.positions.values())
        if not flat and (view.phase != 0 or view.day_index % self.every_days):
            left = self.every_days - view.day_index % self.every_days
            return hold(f"Next rebalancing in {left} market day{'s' if left != 1 else ''}.")
        columns: dict[str, np.ndarray] = {}
        for symbol in view.tradable():
            closes = view.series(symbol)
            if len(closes) >= self.window + 1:
                returns = np.diff(np.log(closes[-1 - self.window :]))
                if returns.std() > 0:
                    columns[symbol] = returns
        if not columns:
            return hold(f"Fewer than {self.window} days of history.", 0.0)
        swings = {symbol: float(returns.std() * np.sqrt(TRADING_DAYS)) for symbol, returns in columns.items()}
        total = sum(1 / swing for swing in swings.values())
        shares = {symbol: 1 / swing / total for symbol, swing in swings.items()}
        mixed = np.sum([shares[symbol] * returns for symbol, returns in columns.items()], axis=0)
        portfolio = float(mixed.std() * np.sqrt(TRADING_DAYS))
        scale = min(self.target_pct / 100 / portfolio, 0.98) if portfolio > 0 else 0.98
        wishes = [
            Wish(
                symbol,
                weight(shares[symbol] * scale),
                f"Yearly volatility {swings[symbol] * 100:.0f}% earns a {shares[symbol] * scale * 100:.1f}% share; "
                f"the mix swings {portfolio * 100:.0f}%, aimed {self.target_pct}%.",
                0.6,
            )
            for symbol in columns
        ]
        return rebalance(view, wishes, leave={}) or hold(
            f"On target: the mix swings {portfolio * 100:.0f}% a year, {scale * 100:.0f}% invested.", 0.6
        )
