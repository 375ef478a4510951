"""What a contest asks of higher floors, without knowing them."""

from __future__ import annotations

from collections.abc import Callable

# Called with a contest's id in the transaction that starts it; must be idempotent.
StartPreparation = Callable[[int], None]
_preparations: dict[str, StartPreparation] = {}


def register_start_preparation(name: str, prepare: StartPreparation) -> None:
    """Have `prepare` called before a contest starts: to seat its agents, for example."""
    _preparations[name] = prepare


def start_preparations() -> list[StartPreparation]:
    """The registered preparations, by name."""
    return [_preparations[name] for name in sorted(_preparations)]


# Called with the agent keys of a new contest; answers with those that nobody knows.
AgentCheck = Callable[[tuple[str, ...]], list[str]]
_agent_checks: dict[str, AgentCheck] = {}


def register_agent_check(name: str, check: AgentCheck) -> None:
    """Have `check` asked whether the agents that a contest names exist."""
    _agent_checks[name] = check


def unknown_agents(keys: tuple[str, ...]) -> list[str]:
    """The named agents that some registered check does not know."""
    return sorted({key for check in _agent_checks.values() for key in check(keys)})
