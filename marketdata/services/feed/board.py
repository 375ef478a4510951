"""Showing quotes: on the board in Redis, and as events to whoever watches. What Redis loses is shown again."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from core.push import publish_many
from marketdata.adapters import live_board
from marketdata.domain.feed import LiveQuote
from marketdata.domain.quote_event import EVENT, quote_channel, quote_event

logger = logging.getLogger(__name__)

PUSH_SECONDS = 0.25  # an instrument is told at most four times a second
WHOLE_SECONDS = 30.0  # everything is written again: a board that was emptied is whole soon
BACKOFF_FIRST, BACKOFF_MOST = 0.2, 5.0
LAGS_KEPT = 20_000
Lag = tuple[float, float]


@dataclass
class Board:
    """Keeps what has changed until Redis has it. `everything` gives all quotes, for a board that is made anew."""

    everything: Callable[[], Sequence[LiveQuote]]
    clock: Callable[[], float] = time.monotonic
    watched: set[int] = field(default_factory=set)
    is_lost: bool = False
    _changed: dict[int, LiveQuote] = field(default_factory=dict)
    _to_push: dict[int, LiveQuote] = field(default_factory=dict)
    _pushed: dict[int, float] = field(default_factory=dict)
    _heard: deque[int] = field(default_factory=lambda: deque(maxlen=LAGS_KEPT))
    _said: deque[int] = field(default_factory=lambda: deque(maxlen=LAGS_KEPT))
    _whole_at: float = 0.0
    _again_at: float = 0.0
    _failures: int = 0

    def show(self, quotes: Iterable[LiveQuote]) -> None:
        """Put what has changed on the board, and tell those who watch."""
        for quote in quotes:
            self._changed[quote.instrument_id] = quote
            if quote.instrument_id in self.watched:
                self._to_push[quote.instrument_id] = quote
        now = self.clock()
        if now < self._again_at:
            return
        try:
            self._write(now)
        except (RedisError, OSError):
            self._failures += 1
            self._again_at = now + min(BACKOFF_FIRST * 2 ** min(self._failures, 6), BACKOFF_MOST)
            self.is_lost = True
            logger.warning("the board cannot be written", exc_info=self._failures == 1)
            return
        self._failures, self.is_lost = 0, False
        self._push(now)

    def _write(self, now: float) -> None:
        if self.is_lost or now >= self._whole_at:
            live_board.live_write(self.everything())
            self._whole_at = now + WHOLE_SECONDS
        else:
            live_board.live_write(self._changed.values())
        at = time.time_ns() // 1_000
        for quote in self._changed.values():
            self._heard.append(at - quote.received)
            self._said.append(at - quote.at)
        self._changed = {}

    def _push(self, now: float) -> None:
        """What was told less than a quarter of a second ago waits: the last word is never left out."""
        ready = [ident for ident in self._to_push if now - self._pushed.get(ident, 0.0) >= PUSH_SECONDS]
        told = []
        for ident in ready:
            told.append((quote_channel(ident), EVENT, quote_event(self._to_push.pop(ident))))
            self._pushed[ident] = now
        if told:
            publish_many(told)

    def watch(self, instruments: set[int]) -> None:
        """The instruments that somebody watches from now on."""
        for ident in self._pushed.keys() - instruments:
            del self._pushed[ident]
        for ident in self._to_push.keys() - instruments:
            del self._to_push[ident]
        self.watched = instruments

    def lags(self) -> tuple[Lag, Lag]:
        """(p50, p99) in milliseconds from hearing a quote, and from the vendor's time of it, since the last time."""
        found = _percentiles(self._heard), _percentiles(self._said)
        self._heard.clear()
        self._said.clear()
        return found


def _percentiles(values: Iterable[int]) -> Lag:
    ordered = sorted(values)
    if not ordered:
        return 0.0, 0.0
    return ordered[len(ordered) // 2] / 1_000, ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)] / 1_000
