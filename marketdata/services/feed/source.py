"""One chain of vendors at work: the first that can serves; silence, failure and recovery move the work along."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

from django.db import connection

from core.errors import DomainError
from marketdata.domain.feed import FeedBar, LiveQuote, Print
from marketdata.domain.providers import Provider, ProviderError, StreamSink
from marketdata.services.feed.inbox import Inbox

logger = logging.getLogger(__name__)

BACKOFF_FIRST, BACKOFF_MOST = 0.5, 30.0
POLL_LEAST = 2.0
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
    how long one that failed is left alone; the only vendor of a chain is tried again sooner.
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
    serving: str = ""
    switches: int = 0
    failures: int = 0
    last_error: str = ""
    _resting: dict[str, float] = field(default_factory=dict)

    def look(self, symbols: Sequence[str], *, is_open: bool) -> None:
        """Start, watch, or change the provider."""
        now = self.clock()
        wanted = tuple(symbols)
        run = self.running
        if run is not None:
            run = self._watch(run, wanted, now, is_open=is_open)
        if run is None and wanted:
            self._start(wanted, now)

    def _watch(self, run: Running, wanted: tuple[str, ...], now: float, *, is_open: bool) -> Running | None:
        name = run.provider.name
        if run.thread is not None and not run.thread.is_alive():
            self._failed(name, run.error or "The stream ended.", now)
            self._drop(run)
            return None
        if run.heard_at > run.started_at:
            self.failures = 0
        quiet = now - max(run.heard_at, run.started_at)
        if is_open and quiet > self.silence:
            self._failed(name, f"Silent for {quiet:.0f} s while the exchange is open.", now)
            self._drop(run)
            return None
        better = self._choice(now)
        if better is not None and self.names.index(better) < self.names.index(name):
            self._drop(run)
            return None
        if self._narrowed(run.provider, wanted) != run.symbols:
            self._drop(run)
            return None
        return run

    def _failed(self, name: str, why: str, now: float) -> None:
        self.failures += 1
        self.last_error = why
        alone = len(self.names) == 1
        wait = min(BACKOFF_FIRST * 2 ** min(self.failures - 1, 10), BACKOFF_MOST) if alone else self.rest
        self._resting[name] = now + wait
        self.tell("disconnect", name, why[:300], {"group": self.name, "again_in": round(wait, 1)})

    def _drop(self, run: Running) -> None:
        """Let go of a provider; another is started on the same look."""
        run.stop.set()
        self.running = None

    def _choice(self, now: float) -> str | None:
        """The first provider that is not resting and can be had; when all rest, the one that has rested longest."""
        for name in self.names:
            if self._resting.get(name, 0.0) <= now:
                return name
        return None

    def _start(self, wanted: tuple[str, ...], now: float) -> None:
        for name in self.names:
            if self._resting.get(name, 0.0) > now:
                continue
            try:
                provider = self.provide(name)
            except DomainError as error:
                self._failed(name, error.message, now)
                continue
            narrowed = self._narrowed(provider, wanted)
            if not narrowed:
                continue
            run = Running(provider, narrowed, started_at=now)
            run.thread = Thread(target=self._work, args=(run,), name=f"feed-{self.name}-{name}", daemon=True)
            self.running = run
            if self.serving and self.serving != name:
                self.switches += 1
                message = f"Prices of {self.name} come from {name} now, before from {self.serving}."
                self.tell("switch", name, message, {"from": self.serving, "to": name, "why": self.last_error})
            self.serving = name
            run.thread.start()
            return

    @staticmethod
    def _narrowed(provider: Provider, wanted: tuple[str, ...]) -> tuple[str, ...]:
        most = provider.capabilities.max_symbols
        return wanted[:most] if most else wanted

    def _work(self, run: Running) -> None:
        """The provider's own thread."""
        name = run.provider.name

        def heard(prints: Sequence[Print]) -> None:
            run.heard_at = self.clock()
            self.inbox.put(name, prints)

        def bars(items: Sequence[FeedBar]) -> None:
            run.heard_at = self.clock()
            self.inbox.put_bars(name, items)

        def connected() -> None:
            run.connections += 1
            self.connected(self.name, name)

        sink = StreamSink(heard, bars, connected, self.inbox.put_odd)
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

    def _poll(self, run: Running, sink: StreamSink) -> None:
        """A vendor without a stream is asked for quotes, within its budget."""
        pause = max(POLL_LEAST, 60.0 * len(run.symbols) / max(self.per_minute(run.provider.name), 1))
        sink.connected()
        while True:
            quotes = run.provider.quotes(run.symbols)
            sink.prints([_print(quote) for quote in quotes])
            if run.stop.wait(pause):
                return

    def close(self, patience: float = 2.0) -> None:
        """Stop the stream and wait a little for it."""
        run, self.running = self.running, None
        if run is not None:
            run.stop.set()
            if run.thread is not None:
                run.thread.join(patience)


def _print(quote: LiveQuote) -> Print:
    return Print(
        quote.symbol, quote.at, quote.bid, quote.ask, quote.bid_size, quote.ask_size, quote.last, 0, "", quote.halted
    )
