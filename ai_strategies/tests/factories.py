"""Agents in small contests."""

from itertools import count
from typing import Any

import numpy as np

from ai_strategies.models import Agent
from ai_strategies.services.agents import agent_create
from contests.selectors import ContestView
from contests.tests.factories import contest

_numbers = count(1)


def agent(strategy: str = "buy_and_hold", **fields: Any) -> Agent:
    """An agent with a coded strategy."""
    number = next(_numbers)
    values: dict[str, Any] = {"key": f"agent-{number}", "name": f"Agent {number}", "strategy": strategy, "seed": number}
    return Agent.objects.get(pk=agent_create(actor=None, **{**values, **fields}))


def wavy_bars(days: int = 90, symbols: int = 4, seed: int = 7) -> dict[str, list[tuple[str, str, str, str]]]:
    """Bars that rise, fall and swing enough for every strategy to act."""
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0.0005, 0.025, size=(days, symbols)), axis=0))
    bars: dict[str, list[tuple[str, str, str, str]]] = {}
    for column in range(symbols):
        rows, previous = [], 100.0
        for close in closes[:, column]:
            high, low = max(previous, close) * 1.01, min(previous, close) * 0.99
            rows.append(tuple(f"{value:.2f}" for value in (previous, high, low, close)))
            previous = float(close)
        bars[f"W{column}{seed}"] = rows
    return bars


def arena(*agents: Agent, started: bool = True, bars: Any = None, **fields: Any) -> ContestView:
    """A contest in which these agents take part."""
    return contest(started=started, agents=tuple(item.key for item in agents), bars=bars, **fields)
