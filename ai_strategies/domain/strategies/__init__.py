"""The coded strategies, by key. To add one: write a module here, with its parameters, and list its class in `_ALL`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_strategies.domain.strategies.breakout import Breakout
from ai_strategies.domain.strategies.buy_and_hold import BuyAndHold
from ai_strategies.domain.strategies.mean_reversion import MeanReversion
from ai_strategies.domain.strategies.momentum import Momentum
from ai_strategies.domain.strategies.random_walk import RandomWalk
from ai_strategies.domain.strategies.sma_crossover import SmaCrossover
from ai_strategies.domain.strategies.volatility_target import VolatilityTarget
from ai_strategies.domain.view import Strategy
from core.errors import Invalid

_ALL: tuple[type[Strategy], ...] = (
    BuyAndHold,
    SmaCrossover,
    Momentum,
    MeanReversion,
    Breakout,
    VolatilityTarget,
    RandomWalk,
)
STRATEGIES: dict[str, type[Strategy]] = {strategy.key: strategy for strategy in _ALL}
# Days of history that the longest strategy looks back on, with the forming day.
LOOKBACK = 261


def make(key: str, params: Mapping[str, Any]) -> Strategy:
    """A strategy with its parameters, each checked against its bounds. Raises Invalid."""
    strategy = STRATEGIES.get(key)
    if strategy is None:
        raise Invalid("unknown_strategy", f"There is no strategy called {key}.", {"known": sorted(STRATEGIES)})
    known = {parameter.name: parameter for parameter in strategy.parameters}
    unknown = set(params) - set(known)
    if unknown:
        raise Invalid("invalid_parameters", f"{strategy.title} has no {', '.join(sorted(unknown))}.")
    for name, value in params.items():
        parameter = known[name]
        if isinstance(value, bool) or not isinstance(value, int if parameter.whole else int | float):
            raise Invalid("invalid_parameters", f"{name} must be a {'whole ' if parameter.whole else ''}number.")
        if not parameter.low <= value <= parameter.high:
            raise Invalid("invalid_parameters", f"{name} must be {parameter.low} to {parameter.high}.")
    return strategy(**params)
