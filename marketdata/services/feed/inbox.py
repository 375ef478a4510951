"""Between the threads that hear vendors and the one that works: bounded, and never a reason for a stream to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from marketdata.domain.cleaning import latest
from marketdata.domain.feed import FeedBar, Print

MOST = 100_000
# provider, when it was heard (microseconds), the prints
Heard = tuple[str, int, Sequence[Print]]
# provider, kind, the message
Unread = tuple[str, str, Mapping[str, object]]


@dataclass
class Inbox:
    """What has been heard and not been worked on. Above `most` prints it goes on with the newest of each symbol."""

    most: int = MOST
    coalesced: int = 0
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000
    _prints: list[Heard] = field(default_factory=list)
    _bars: list[tuple[str, Sequence[FeedBar]]] = field(default_factory=list)
    _odd: list[Unread] = field(default_factory=list)
    _size: int = 0
    _shed: int = 0
    _lock: Lock = field(default_factory=Lock)

    def put(self, provider: str, prints: Sequence[Print]) -> None:
        """Prints as they were heard."""
        with self._lock:
            self._prints.append((provider, self.clock(), prints))
            self._size += len(prints)
            if self._size > self.most:
                self._coalesce()

    def put_bars(self, provider: str, bars: Sequence[FeedBar]) -> None:
        """A vendor's own bars."""
        with self._lock:
            if len(self._bars) < self.most:
                self._bars.append((provider, bars))

    def put_odd(self, provider: str, kind: str, sample: Mapping[str, object]) -> None:
        """A message that could not be read."""
        with self._lock:
            if len(self._odd) < 1_000:
                self._odd.append((provider, kind, sample))

    def _coalesce(self) -> None:
        by_provider: dict[str, list[Print]] = {}
        first: dict[str, int] = {}
        for provider, at, prints in self._prints:
            by_provider.setdefault(provider, []).extend(prints)
            first.setdefault(provider, at)
        kept: list[Heard] = [(name, first[name], latest(prints, self.clock())) for name, prints in by_provider.items()]
        size = sum(len(prints) for _, _, prints in kept)
        self.coalesced += self._size - size
        self._shed += self._size - size
        self._prints, self._size = kept, size

    def take(self) -> tuple[list[Heard], list[tuple[str, Sequence[FeedBar]]], int]:
        """All prints and bars so far, and how many prints were merged into others since the last time."""
        with self._lock:
            found = self._prints, self._bars, self._shed
            self._prints, self._bars, self._size, self._shed = [], [], 0, 0
            return found

    def take_odd(self) -> list[Unread]:
        """The messages that could not be read."""
        with self._lock:
            found, self._odd = self._odd, []
            return found

    @property
    def waiting(self) -> int:
        """Prints that nobody has worked on yet."""
        return self._size
