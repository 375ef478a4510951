"""A question whose answer decides whether a request may use the database, asked together with its first statement.

Whether a token's user may still come in costs a round trip of its own for every request, if it is asked on its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

Parameter = str | int | bytes | None
Row = tuple[bytes | None, ...]


class RefusedError(Exception):
    """The guard said no; nothing of the request has been done."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of which every connection keeps the plan under `name`; parameters are $1, $2, with a cast each."""

    name: bytes
    sql: bytes


@dataclass(slots=True)
class Guard:
    """One question and what the answer must be: `passes` is given the first row (values as text), or None."""

    statement: Statement
    parameters: Sequence[Parameter]
    passes: Callable[[Row | None], bool]
    verdict: bool | None = None

    def judge(self, row: Row | None) -> None:
        """Take the answer. Raises RefusedError."""
        self.verdict = self.passes(row)
        self.check()

    def check(self) -> None:
        """Raise RefusedError once it has been refused."""
        if self.verdict is False:
            raise RefusedError


class _Current(threading.local):
    guard: Guard | None = None


_current = _Current()


def unsettled() -> Guard | None:
    """The guard of what this thread is doing, unless it has passed. Raises RefusedError when it has not passed."""
    guard = _current.guard
    if guard is None or guard.verdict:
        return None
    guard.check()
    return guard


@contextmanager
def guarded(guard: Guard) -> Iterator[None]:
    """Let the thread's next statement to the database take this question along; none is carried out until it passed."""
    _current.guard = guard
    try:
        yield
    finally:
        _current.guard = None
