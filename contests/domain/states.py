"""The states of a contest, and the only moves between them."""

from enum import StrEnum


class ContestStatus(StrEnum):
    """Where a contest is in its life."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"
    SETTLED = "settled"
    CANCELLED = "cancelled"


MOVES: dict[ContestStatus, frozenset[ContestStatus]] = {
    ContestStatus.DRAFT: frozenset({ContestStatus.SCHEDULED, ContestStatus.CANCELLED}),
    ContestStatus.SCHEDULED: frozenset({ContestStatus.ACTIVE, ContestStatus.CANCELLED}),
    ContestStatus.ACTIVE: frozenset({ContestStatus.PAUSED, ContestStatus.ENDED, ContestStatus.CANCELLED}),
    ContestStatus.PAUSED: frozenset({ContestStatus.ACTIVE, ContestStatus.ENDED, ContestStatus.CANCELLED}),
    ContestStatus.ENDED: frozenset({ContestStatus.SETTLED}),
    ContestStatus.SETTLED: frozenset(),
    ContestStatus.CANCELLED: frozenset(),
}
JOINABLE = frozenset({ContestStatus.SCHEDULED, ContestStatus.ACTIVE, ContestStatus.PAUSED})
LIVE = frozenset({ContestStatus.ACTIVE, ContestStatus.PAUSED})
# Its standings are frozen; settled: its prizes are paid as well. Without anything at stake it stays ended.
OVER = frozenset({ContestStatus.ENDED, ContestStatus.SETTLED})
FINAL = frozenset({ContestStatus.SETTLED, ContestStatus.CANCELLED})
CLOSED = OVER | FINAL


def may_move(current: str, target: str) -> bool:
    """Whether a contest may go from `current` to `target`."""
    return ContestStatus(target) in MOVES[ContestStatus(current)]
