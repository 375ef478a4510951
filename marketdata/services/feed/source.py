"""One chain of vendors at work: the first that can serves; silence, failure and recovery move the work along."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Event, Thread

from django.db import connection

from core.errors import DomainError
from marketdata.domain.feed import FeedBar, LiveQuote, Print
from marketdata.domain.providers import Provider, ProviderError, StreamSink
from marketdata.services.feed.inbox import Inbox

logger = logging.getLogger(__name__)

BACKOFF_FIRST, BACKOFF_MOST = 0.5, 30.0
POLL_LEAST = 2.0
LEAVE_SECONDS = 3.0
Provide = Callable[[str], Provider]
Tell = Callable[[str, str, str, dict[str, object]], None]


@dataclass
class Running:
    """A provider that works in a thread of its own."""

    provider: Provider
    symbols: tuple[str, ...]
    stop: Event = field(default_factory=Event)
    thread: Thread | None = None
    error: str = ""
    code: str = ""
    connections: int = 0
    heard_at: float = 0.0
    started_at: float = 0.0


@dataclass
class Source:
    """A group of instruments and the vendors for it, in order. `look` does what is due and never waits.

    `silence`: seconds without a message, while the exchange is open, after which the next vendor takes over. `rest`:
    how long one that failed is left alone; when no other is at hand it is tried again sooner. One that has rested is
    tried beside the one that serves, and takes over once it has something to say.
    """

    name: str
    names: Sequence[str]
    inbox: Inbox
    provide: Provide
    tell: Tell
    connected: Callable[[str, str], None]
    silence: float = 15.0
    rest: float = 60.0
    per_minute: Callable[[str], int] = lambda _name: 60
    clock: Callable[[], float] = time.monotonic
    running: Running | None = None
    trial: Running | None = None
    serving: str = ""
    since: datetime | None = None
    switches: int = 0
    failures: int = 0
    last_error: str = ""
    _resting: dict[str, float] = field(default_factory=dict)
    _leaving: dict[str, tuple[Thread, float]] = field(default_factory=dict)

    def look(self, symbols: Sequence[str], *, is_open: bool) -> None:
        """Start, watch, or change the provider."""
        now = self.clock()
        wanted = tuple(symbols)
        run = self.running
        if run is not None:
            run = self._watch(run, wanted, now, is_open=is_open)
        if run is not None:
            self._better(run, wanted, now, is_open=is_open)
        elif wanted:
            self._start(wanted, now)
        elif self.trial is not None:
            self._end_trial(self.trial, "", now)

    def _watch(self, run: Running, wanted: tuple[str, ...], now: float, *, is_open: bool) -> Running | None:
        name = run.provider.name
        if run.thread is not None and not run.thread.is_alive():
            self._failed(name, run.error or "The stream ended.", now)
            self._drop(run)
            return None
        if run.heard_at > run.started_at:
            self.failures = 0
        quiet = now - max(run.heard_at, run.started_at)
        if is_open and quiet > self._patience(run):
            self._failed(name, f"Silent for {quiet:.0f} s while the exchange is open.", now)
            self._drop(run)
            return None
        if self._narrowed(run.provider, wanted) != run.symbols:
            self._drop(run)
            return None
        return run

    def _better(self, run: Running, wanted: tuple[str, ...], now: float, *, is_open: bool) -> None:
        """Try the vendor that comes before the one that serves; until it says something nothing changes."""
        trial = self.trial
        if trial is None:
            place = self.names.index(run.provider.name)
            name = next((one for one in self.names[:place] if self._resting.get(one, 0.0) <= now), None)
            if name is not None:
                try:
                    self.trial = self._begin(name, wanted, now)
                except DomainError as error:
                    self._rests(name, error.message, self.rest, now)
            return
        name = trial.provider.name
        if trial.thread is not None and not trial.thread.is_alive():
            self._end_trial(trial, trial.error or "The stream ended.", now)
        elif self._narrowed(trial.provider, wanted) != trial.symbols:
            self._end_trial(trial, "", now)
        elif trial.connections and (trial.heard_at > trial.started_at or not is_open):
            self.trial = None
            self._drop(run)
            self.running = trial
            self._serves(name, f"{name} is back.")
            self.connected(self.name, name)
        elif now - trial.started_at > (patience := self._patience(trial)):
            self._end_trial(trial, f"Says nothing for {patience:g} s while the exchange is open.", now)

    def _end_trial(self, trial: Running, why: str, now: float) -> None:
        self.trial = None
        self._leave(trial)
        if why:
            self._rests(trial.provider.name, why, self.rest, now)

    def _rests(self, name: str, why: str, wait: float, now: float) -> None:
        self.last_error = f"{name}: {why}"[:300]
        self._resting[name] = now + wait

    def _failed(self, name: str, why: str, now: float) -> None:
        """Leave a vendor alone for a while, a shorter one when there is no other to ask meanwhile."""
        self.failures += 1
        others = any(self._resting.get(one, 0.0) <= now for one in self.names if one != name)
        wait = self.rest if others else min(BACKOFF_FIRST * 2 ** min(self.failures - 1, 10), BACKOFF_MOST, self.rest)
        self._rests(name, why, wait, now)
        self.tell("disconnect", name, why[:300], {"group": self.name, "again_in": round(wait, 1)})

    def _drop(self, run: Running) -> None:
        """Let go of a provider; another is started on the same look."""
        self.running = None
        self._leave(run)

    def _leave(self, run: Running) -> None:
        run.stop.set()
        if run.thread is not None:
            self._leaving[run.provider.name] = (run.thread, self.clock())

    def _is_leaving(self, name: str, now: float) -> bool:
        """Whether its last stream is still closing: vendors let few connections in at a time, often one."""
        thread, since = self._leaving.get(name, (None, 0.0))
        return thread is not None and thread.is_alive() and now - since < LEAVE_SECONDS

    def _start(self, wanted: tuple[str, ...], now: float) -> None:
        if self.trial is not None:
            self._end_trial(self.trial, "", now)
        for name in self.names:
            if self._resting.get(name, 0.0) > now:
                continue
            if self._is_leaving(name, now):
                return
            try:
                run = self._begin(name, wanted, now, serve=True)
            except DomainError as error:
                self._failed(name, error.message, now)
                continue
            if run is not None:
                return

    def _begin(self, name: str, wanted: tuple[str, ...], now: float, *, serve: bool = False) -> Running | None:
        """A provider at work in a thread of its own; None when it can have none of the symbols, or cannot yet."""
        provider = self.provide(name)
        narrowed = self._narrowed(provider, wanted)
        if not narrowed or self._is_leaving(name, now):
            return None
        run = Running(provider, narrowed, started_at=self.clock())
        run.thread = Thread(target=self._work, args=(run,), name=f"feed-{self.name}-{name}", daemon=True)
        if serve:
            self.running = run
            self._serves(name, self.last_error)
        run.thread.start()
        return run

    def _serves(self, name: str, why: str) -> None:
        """Say who serves from now on."""
        if self.serving == name:
            return
        before, self.serving, self.since = self.serving, name, datetime.now(tz=UTC)
        if before:
            self.switches += 1
            message = f"Prices of {self.name} come from {name} now, before from {before}."
            self.tell("switch", name, message, {"from": before, "to": name, "why": why})

    @staticmethod
    def _narrowed(provider: Provider, wanted: tuple[str, ...]) -> tuple[str, ...]:
        most = provider.capabilities.max_symbols
        return wanted[:most] if most else wanted

    def _work(self, run: Running) -> None:
        """The provider's own thread."""
        name = run.provider.name

        def heard(prints: Sequence[Print]) -> None:
            run.heard_at = self.clock()
            if self.running is run:  # on trial, or left: what it says is another's to say
                self.inbox.put(name, prints)

        def bars(items: Sequence[FeedBar]) -> None:
            run.heard_at = self.clock()
            if self.running is run:
                self.inbox.put_bars(name, items)

        def connected() -> None:
            run.connections += 1
            if self.running is run:
                self.connected(self.name, name)

        sink = StreamSink(heard, bars, connected, partial(self.inbox.put_odd, name))
        try:
            if run.provider.capabilities.stream:
                run.provider.stream(run.symbols, sink, run.stop)
            else:
                self._poll(run, sink)
        except ProviderError as error:
            run.error, run.code = error.message, error.code
        except Exception as error:
            logger.exception("the stream of %s failed", name)
            run.error = f"{type(error).__name__}: {error}"
        finally:
            connection.close()

    def _pause(self, run: Running) -> float:
        """Seconds between two questions to a vendor without a stream, within its budget."""
        return max(POLL_LEAST, 60.0 * len(run.symbols) / max(self.per_minute(run.provider.name), 1))

    def _patience(self, run: Running) -> float:
        """How long a vendor may be silent: one that is asked has its pause, and as long for its answers."""
        return self.silence if run.provider.capabilities.stream else self.silence + 2 * self._pause(run)

    def _poll(self, run: Running, sink: StreamSink) -> None:
        """A vendor without a stream is asked for quotes, within its budget."""
        pause = self._pause(run)
        sink.connected()
        while True:
            quotes = run.provider.quotes(run.symbols)
            sink.prints([_print(quote) for quote in quotes])
            if run.stop.wait(pause):
                return

    def close(self, patience: float = 2.0) -> None:
        """Stop the stream and wait a little for it."""
        runs = [run for run in (self.running, self.trial) if run is not None]
        self.running = self.trial = None
        for run in runs:
            run.stop.set()
        for run in runs:
            if run.thread is not None:
                run.thread.join(patience)


def _print(quote: LiveQuote) -> Print:
    return Print(
        quote.symbol, quote.at, quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.last, 0, "", quote.halted
    )
