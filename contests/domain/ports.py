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
