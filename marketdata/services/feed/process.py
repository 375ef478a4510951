"""The feed process: sources in threads, one loop that works and shows, one thread that stores.

Nothing that a vendor, Redis or PostgreSQL does stops it: what fails is tried again, what is lost is back-filled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

from core import heartbeat
from core.errors import DomainError
from core.push import publish_many
from marketdata.adapters import live_board
from marketdata.adapters.vendors import registry
from marketdata.domain.candles import MINUTE
from marketdata.domain.cleaning import Cleaner
from marketdata.domain.feed import LiveQuote, at_of
from marketdata.domain.live_state import SessionSpan
from marketdata.domain.providers import Provider, ProviderError
from marketdata.domain.quote_event import quote_event
from marketdata.selectors.live import live_quotes
from marketdata.services.feed import follow, store
from marketdata.services.feed.engine import Engine, Followed
from marketdata.services.feed.inbox import Inbox
from marketdata.services.feed.source import Source

logger = logging.getLogger(__name__)

REAL, SIMULATED = "real", "simulated"
FOLLOW_SECONDS, SPAN_SECONDS, META_SECONDS, KEEP_SECONDS, BEAT_SECONDS = 5.0, 1.0, 2.0, 10.0, 3.0
PUSH_SECONDS = 0.25
SETTLE_SECONDS = 8.0  # after a minute has ended a vendor has it
JOBS_MOST = 200
Job = Callable[[], None]


def real_chain() -> list[str]:
    """The providers of real instruments, in order; none when only the simulated exchange is set up."""
    return [name for name in registry.chain_names() if name != SIMULATED]


@dataclass
class FeedProcess:
    """All of the feed, until `stop` is set. `chains` names the providers of each group, for tests and drills."""

    stop: Event
    provide: Callable[[str], Provider] = registry.provider
    chains: dict[str, Sequence[str]] | None = None
    clock: Callable[[], float] = time.monotonic
    engine: Engine = field(init=False)
    sources: dict[str, Source] = field(init=False)
    groups: dict[str, list[Followed]] = field(default_factory=dict)
    inbox: Inbox = field(default_factory=Inbox)
    is_open: dict[str, bool] = field(default_factory=dict)
    anomalies: int = 0
    backfills: int = 0
    _jobs: Queue[Job] = field(default_factory=lambda: Queue(JOBS_MOST))
    _later: list[tuple[float, Job]] = field(default_factory=list)
    _seeds: list[LiveQuote] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _due: dict[str, float] = field(default_factory=dict)
    _watched: set[int] = field(default_factory=set)
    _pushed: dict[int, float] = field(default_factory=dict)
    _counted: tuple[float, int] = (0.0, 0)
    _rate: float = 0.0
    _since: datetime | None = None
    _broken: int = 0

    def __post_init__(self) -> None:
        self.engine = Engine(Cleaner(settings.FEED_JUMP_PERCENT))
        chains = self.chains or {REAL: real_chain(), SIMULATED: [SIMULATED]}
        self.sources = {
            name: Source(
                name=name,
                names=list(names),
                inbox=self.inbox,
                provide=self.provide,
                tell=self._tell,
                connected=self._connected,
                silence=settings.FEED_SILENCE_SECONDS,
                rest=settings.VENDOR_REST_SECONDS,
                per_minute=registry.per_minute,
            )
            for name, names in chains.items()
            if names
        }

    def run(self) -> None:
        """Work until told to stop; then keep what is at hand."""
        self._since = datetime.now(tz=UTC)
        worker = Thread(target=self._work_jobs, name="feed-store", daemon=True)
        worker.start()
        pause = settings.FEED_FLUSH_SECONDS
        while not self.stop.is_set():
            began = self.clock()
            self.round()
            self.stop.wait(max(pause - (self.clock() - began), 0.005))
        for source in self.sources.values():
            source.close()
        self._finish()
        worker.join(5.0)
        connection.close()

    def round(self) -> None:
        """One turn: what is due, what was heard, what is to be shown."""
        try:
            self._housekeeping()
            self._work()
            self._broken = 0
        except (DatabaseError, InterfaceError, RedisError, OSError):
            self._broken += 1
            logger.warning("the feed lost a service", exc_info=self._broken == 1)
            connection.close()
            self.stop.wait(min(0.2 * 2 ** min(self._broken, 5), 5.0))

    def _is_due(self, name: str, every: float) -> bool:
        now = self.clock()
        if now < self._due.get(name, 0.0):
            return False
        self._due[name] = now + every
        return True

    def _housekeeping(self) -> None:
        if self._is_due("beat", BEAT_SECONDS):
            heartbeat.beat("feed")
        if self._is_due("follow", FOLLOW_SECONDS):
            self._follow()
        if self._is_due("span", SPAN_SECONDS):
            self._spans()
            self._watched = live_board.watched(time.time())
        for name, source in self.sources.items():
            symbols = [item.symbol for item in self.groups.get(name, ())]
            exchanges = {item.exchange for item in self.groups.get(name, ())}
            source.look(symbols, is_open=any(self.is_open.get(code, False) for code in exchanges))
        with self._lock:
            ready = [job for at, job in self._later if at <= self.clock()]
            self._later = [(at, job) for at, job in self._later if at > self.clock()]
        for job in ready:
            self._submit(job)

    def _follow(self) -> None:
        real, simulated = follow.followed(self._watched)
        wanted = {REAL: real, SIMULATED: simulated}
        groups = {name: wanted.get(name, []) for name in self.sources}
        if groups == self.groups:
            return
        self.groups = groups
        instruments = [item for group in groups.values() for item in group]
        known = live_quotes([item.id for item in instruments])
        self.engine.follow(instruments, known, store.closes_of(instruments, datetime.now(tz=UTC)))
        self._spans()

    def _spans(self) -> None:
        now = datetime.now(tz=UTC)
        spans: dict[str, SessionSpan] = {}
        for code in {item.exchange for group in self.groups.values() for item in group}:
            try:
                span, is_open = follow.span_of(code, now)
            except DomainError:
                continue  # an exchange without a calendar has no sessions
            if span is not None:
                before = self.engine.state.spans.get(code)
                if before is not None and before.date != span.date:
                    self._new_session(code)
                spans[code] = span
                self.is_open[code] = is_open and not follow.just_opened(span, now)
        self.engine.spans(spans)

    def _new_session(self, code: str) -> None:
        instruments = [item for group in self.groups.values() for item in group if item.exchange == code]
        self.engine.state.closes(store.closes_of(instruments, datetime.now(tz=UTC)))

    def _work(self) -> None:
        heard, bars, shed = self.inbox.take()
        for provider, at, prints in heard:
            self.engine.take(prints, at, provider)
        for _, items in bars:
            self.engine.bars(items)
        with self._lock:
            seeds, self._seeds = self._seeds, []
        if seeds:
            self.engine.seed(seeds, time.time_ns() // 1_000)
        for kind, sample in self.inbox.take_odd():
            self.engine.cleaner.odd(kind, sample)
        now = time.time_ns() // 1_000
        quotes = self.engine.flush(now)
        live_board.live_write(quotes)
        self._push(quotes)
        if shed:
            # Merged prints have left their candles inexact: the vendor has them whole.
            self._repair(at_of(now - now % MINUTE))
        rows = self.engine.minutes(now)
        if rows:
            self._submit(lambda: self._store(rows))
        if self._is_due("meta", META_SECONDS):
            self._say(now)
        if self._is_due("keep", KEEP_SECONDS):
            self._keep()

    def _store(self, rows: Sequence[Any]) -> None:
        store.minutes_store(rows)

    def _push(self, quotes: Sequence[LiveQuote]) -> None:
        if not self._watched:
            return
        now = self.clock()
        told = []
        for quote in quotes:
            ident = quote.instrument_id
            if ident in self._watched and now - self._pushed.get(ident, 0.0) >= PUSH_SECONDS:
                self._pushed[ident] = now
                told.append((f"quote:{ident}", "quote", quote_event(quote)))
        if told:
            publish_many(told)

    def _keep(self) -> None:
        quotes = [entry.quote() for entry in self.engine.state.entries.values() if entry.at]
        found = self.engine.cleaner.drain()
        self.anomalies += sum(count for _, _, count, _ in found)
        provider = next((source.serving for source in self.sources.values() if source.serving), "feed")

        def job() -> None:
            store.quotes_store(quotes)
            store.anomalies_store(provider, found, datetime.now(tz=UTC))

        self._submit(job)

    def _finish(self) -> None:
        """What is at hand when the feed stops: open minutes are stored as they stand and amended by the next start."""
        rows = self.engine.rows + self.engine.roller.forming()
        self._submit(lambda: self._store(rows))
        self._keep()

    def _say(self, now: int) -> None:
        p50, p99 = self.engine.lag()
        at, taken = self._counted
        passed = self.clock() - at
        self._rate = (self.engine.taken - taken) / passed if at and passed > 0 else 0.0
        self._counted = (self.clock(), self.engine.taken)
        live_board.meta_write(self.health(now, p50, p99))

    def health(self, now: int, p50: float, p99: float) -> dict[str, Any]:
        """How the feed is doing, as `selectors.live.feed_health` reads it."""
        main = self.sources.get(REAL) or self.sources.get(SIMULATED)
        newest = max((entry.received for entry in self.engine.state.entries.values()), default=0)
        state = "running" if main is not None and main.running is not None else "down"
        since = (main.since if main is not None else None) or self._since
        return {
            "name": "feed",
            "state": state,
            "provider": main.serving if main is not None else "",
            "since": None if since is None else since.isoformat(),
            "at": at_of(now).isoformat(),
            "symbols": len(self.engine.state.entries),
            "quotes_per_second": round(self._rate, 1),
            "lag_p50_ms": round(p50, 1),
            "lag_p99_ms": round(p99, 1),
            "last_message": at_of(newest).isoformat() if newest else None,
            "coalesced": self.inbox.coalesced,
            "anomalies": self.anomalies + sum(self.engine.cleaner.counts.values()),
            "switches": sum(source.switches for source in self.sources.values()),
            "details": {
                "waiting": self.inbox.waiting,
                "jobs": self._jobs.qsize(),
                "backfills": self.backfills,
                "sources": {
                    name: {"serving": source.serving, "chain": list(source.names), "error": source.last_error}
                    for name, source in self.sources.items()
                },
            },
        }

    # ---- What other threads ask for

    def _tell(self, kind: str, provider: str, message: str, details: dict[str, object]) -> None:
        logger.warning("feed: %s", message)
        self._submit(lambda: store.event_store(kind, provider, message, details))

    def _connected(self, group: str, _provider: str) -> None:
        """A stream has been (re)connected: fill what was missed, now and again once this minute is over."""
        with self._lock:
            now = self.clock()
            wait = 60.0 - time.time() % 60.0 + SETTLE_SECONDS
            self._later.append((now, lambda: self._snapshot(group)))
            self._later.append((now, lambda: self._backfill(group)))
            self._later.append((now + wait, lambda: self._backfill(group, minutes=3)))

    def _snapshot(self, group: str) -> None:
        """In the storing thread: what the serving vendor says of the session so far."""
        source = self.sources.get(group)
        run = source.running if source is not None else None
        if run is None or not run.provider.capabilities.stream:
            return
        try:
            quotes = run.provider.quotes(run.symbols)
        except ProviderError as error:
            logger.warning("no snapshot from %s: %s", run.provider.name, error.message)
            return
        with self._lock:
            self._seeds += quotes

    def _repair(self, minute: datetime) -> None:
        if not self._is_due("repair", 60.0):
            return
        wait = 60.0 - time.time() % 60.0 + SETTLE_SECONDS
        with self._lock:
            for group in self.sources:
                self._later.append((self.clock() + wait, partial(self._backfill, group, minutes=3)))
        logger.warning("prints were merged in the minute of %s; it will be asked for", minute)

    def _backfill(self, group: str, *, minutes: int | None = None) -> None:
        """In the storing thread: minutes since the last stored one (or the last few again) from who serves now."""
        source = self.sources.get(group)
        run = source.running if source is not None else None
        if run is None:
            return
        instruments = [item for item in self.groups.get(group, ()) if item.symbol in run.symbols]
        now = datetime.now(tz=UTC)
        until = now.replace(second=0, microsecond=0)
        if minutes is not None:
            since = {item.id: until - timedelta(minutes=minutes) for item in instruments}
        else:
            # The last stored minute may be half of one: where others are missing after it, it is asked for again.
            since = store.last_minutes(instruments, now)
            since = {ident: at for ident, at in since.items() if at + timedelta(minutes=1) < until}
        if not since:
            return
        counts = store.gaps_fill(run.provider, instruments, since, until)
        self.backfills += 1
        if minutes is None and counts["bars"]:
            first = min(since.values())
            message = f"{counts['bars']} minutes of {counts['symbols']} symbols back-filled since {first:%H:%M} UTC."
            details = {**counts, "group": group, "from": first.isoformat(), "to": until.isoformat()}
            store.event_store("backfill", run.provider.name, message, details)

    def _submit(self, job: Job) -> None:
        try:
            self._jobs.put_nowait(job)
        except Full:
            logger.error("the feed's store is %s jobs behind; one is dropped", JOBS_MOST)

    def _work_jobs(self) -> None:
        """The storing thread. A job that meets a lost database is tried again for a while."""
        while True:
            try:
                job = self._jobs.get(timeout=0.2)
            except Empty:
                if self.stop.is_set():
                    connection.close()
                    return
                continue
            self._do(job)

    def _do(self, job: Job) -> None:
        for attempt in range(8):
            try:
                job()
            except (DatabaseError, InterfaceError, OSError):
                logger.warning("the feed's store failed, again soon", exc_info=attempt == 0)
                connection.close()
                if self.stop.wait(min(0.2 * 2**attempt, 5.0)):
                    break
            except Exception:
                logger.exception("a job of the feed's store failed")
                return
            else:
                return
