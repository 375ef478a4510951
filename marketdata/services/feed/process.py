"""The feed process: sources in threads, one loop that works and shows, one thread that stores.

Nothing that a vendor, Redis or PostgreSQL does stops it: what fails is tried again, what is lost is back-filled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from threading import Event, Lock
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from core import heartbeat
from core.errors import DomainError
from marketdata.adapters import live_board
from marketdata.adapters.vendors import registry
from marketdata.domain.candles import MINUTE
from marketdata.domain.cleaning import Cleaner
from marketdata.domain.feed import LiveQuote, at_of
from marketdata.domain.live_state import SessionSpan
from marketdata.domain.providers import Provider
from marketdata.selectors.live import live_quotes
from marketdata.services.feed import follow, store
from marketdata.services.feed.board import Board
from marketdata.services.feed.engine import Engine, Followed
from marketdata.services.feed.gaps import Gaps, Served
from marketdata.services.feed.health import Counted, health
from marketdata.services.feed.inbox import Inbox
from marketdata.services.feed.jobs import Jobs
from marketdata.services.feed.source import Source

logger = logging.getLogger(__name__)

REAL, SIMULATED = "real", "simulated"
FOLLOW_SECONDS, SPAN_SECONDS, META_SECONDS, KEEP_SECONDS, BEAT_SECONDS = 5.0, 1.0, 2.0, 10.0, 3.0
REPAIR_SECONDS = 60.0
BACKOFF_FIRST, BACKOFF_MOST = 0.2, 5.0
CLOSE_SECONDS, STORE_SECONDS = 1.0, 8.0


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
    board: Board = field(init=False)
    jobs: Jobs = field(init=False)
    gaps: Gaps = field(init=False)
    groups: dict[str, list[Followed]] = field(default_factory=dict)
    inbox: Inbox = field(default_factory=Inbox)
    is_open: dict[str, bool] = field(default_factory=dict)
    counted: Counted = field(default_factory=Counted)
    _calls: list[Callable[[], None]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _due: dict[str, float] = field(default_factory=dict)
    _failures: dict[str, int] = field(default_factory=dict)
    _closed: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.engine = Engine(Cleaner(settings.FEED_JUMP_PERCENT))
        self.board = Board(self.engine.quotes)
        self.jobs = Jobs(lost=self._lost)
        self.gaps = Gaps(self.jobs, self._served, self.provide, self)
        chains = self.chains or {REAL: real_chain(), SIMULATED: [SIMULATED]}
        self.sources = {name: self._source(name, names) for name, names in chains.items() if names}

    def _source(self, name: str, names: Sequence[str]) -> Source:
        return Source(
            name=name,
            names=list(names),
            inbox=self.inbox,
            provide=self.provide,
            tell=self._tell,
            connected=lambda group, _provider: self.gaps.connected(group),
            silence=settings.FEED_SILENCE_SECONDS,
            rest=settings.VENDOR_REST_SECONDS,
            per_minute=registry.per_minute,
        )

    def run(self) -> None:
        """Work until told to stop; then keep what is at hand."""
        self.counted.since = datetime.now(tz=UTC)
        self.jobs.start()
        pause = settings.FEED_FLUSH_SECONDS
        while not self.stop.is_set():
            began = self.clock()
            self.round()
            self.stop.wait(max(pause - (self.clock() - began), 0.005))
        self._hear()
        for source in self.sources.values():
            source.close(CLOSE_SECONDS)
        self.board.show(self.engine.flush())
        # Open minutes are stored as they stand; the next start asks for the last of them again.
        self._store(self.engine.rows + self.engine.roller.forming())
        self._keep()
        self.jobs.close(STORE_SECONDS)
        connection.close()

    def round(self) -> None:
        """One turn. A part that fails waits a little, the others go on."""
        parts = (self._beat, self._follow, self._spans, self._watch, self._hear, self._show, self._store_due)
        for part in parts:
            self._guarded(part.__name__, part)

    def _guarded(self, name: str, part: Callable[[], None]) -> None:
        if self.clock() < self._due.get(f"again{name}", 0.0):
            return
        try:
            part()
        except Exception as error:
            failures = self._failures[name] = self._failures.get(name, 0) + 1
            self._due[f"again{name}"] = self.clock() + min(BACKOFF_FIRST * 2 ** min(failures, 6), BACKOFF_MOST)
            logger.warning("the feed cannot do its part %s just now", name.lstrip("_"), exc_info=failures == 1)
            if isinstance(error, DatabaseError | InterfaceError):
                connection.close()
        else:
            self._failures.pop(name, None)

    def _is_due(self, name: str, every: float) -> bool:
        now = self.clock()
        if now < self._due.get(name, 0.0):
            return False
        self._due[name] = now + every
        return True

    # ---- The parts of a turn

    def _beat(self) -> None:
        if self._is_due("beat", BEAT_SECONDS):
            heartbeat.beat("feed")
        if self._is_due("watched", SPAN_SECONDS):
            self.board.watch(follow.public(live_board.watched(time.time())))

    def _follow(self) -> None:
        if not self._is_due("follow", FOLLOW_SECONDS):
            return
        real, simulated = follow.followed(self.board.watched)
        wanted = {REAL: real, SIMULATED: simulated}
        groups = {name: wanted.get(name, []) for name in self.sources}
        if groups == self.groups:
            return
        instruments = [item for group in groups.values() for item in group]
        known = live_quotes([item.id for item in instruments])
        self.engine.follow(instruments, known, store.closes_of(instruments, datetime.now(tz=UTC).date()))
        self.groups = groups
        self._closed.clear()
        self._due.pop("spans", None)

    def _spans(self) -> None:
        if not self._is_due("spans", SPAN_SECONDS):
            return
        now = datetime.now(tz=UTC)
        spans: dict[str, SessionSpan] = {}
        for code in {item.exchange for group in self.groups.values() for item in group}:
            try:
                span, is_open = follow.span_of(code, now)
            except DomainError:
                continue  # an exchange without a calendar has no sessions
            if span is not None:
                self._closes(code, span)
                spans[code] = span
                self.is_open[code] = is_open and not follow.just_opened(span, now)
        self.engine.spans(spans)

    def _closes(self, code: str, span: SessionSpan) -> None:
        """Once a session: the exchange's own closes of the one before, where they are stored already."""
        if self._closed.get(code) != span.date:
            before = follow.date_before(code, span)
            if before is not None:
                self.engine.state.closes(store.closes_of(self._of(code), span.date, since=before), span.date)
            self._closed[code] = span.date

    def _of(self, exchange: str) -> list[Followed]:
        return [item for group in self.groups.values() for item in group if item.exchange == exchange]

    def _watch(self) -> None:
        for name, source in self.sources.items():
            symbols = [item.symbol for item in self.groups.get(name, ())]
            exchanges = {item.exchange for item in self.groups.get(name, ())}
            source.look(symbols, is_open=any(self.is_open.get(code, False) for code in exchanges))

    def _hear(self) -> None:
        heard, bars, shed = self.inbox.take()
        for provider, at, prints in heard:
            self.engine.take(prints, at, provider)
        for provider, items in bars:
            self.engine.bars(items, provider)
        for provider, kind, sample in self.inbox.take_odd():
            self.engine.unread(provider, kind, sample)
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            call()
        missed, self.engine.roller.missed = self.engine.roller.missed, 0
        if (shed or missed) and self._is_due("repair", REPAIR_SECONDS):
            # Merged prints leave their candles inexact, late ones come after them: the vendor has them whole.
            logger.warning("%s prints were merged, %s came late; the minute will be asked for", shed, missed)
            for name in self.sources:
                self.gaps.again(name)

    def _show(self) -> None:
        self.board.show(self.engine.flush())
        if not self.board.is_lost and self._is_due("meta", META_SECONDS):
            live_board.meta_write(health(self))

    def _store_due(self) -> None:
        rows = self.engine.minutes(time.time_ns() // 1_000)
        if rows:
            self._store(rows)
        if self._is_due("keep", KEEP_SECONDS):
            self._keep()

    def _store(self, rows: Sequence[Any]) -> None:
        self.jobs.submit(lambda: store.minutes_store(rows))

    def _keep(self) -> None:
        quotes, found = self.engine.quotes(), self.engine.cleaner.drain()
        self.counted.anomalies += sum(count for *_, count, _ in found)
        self.jobs.submit(lambda: store.quotes_store(quotes))
        self.jobs.submit(lambda: store.anomalies_store(found, datetime.now(tz=UTC)))

    # ---- What other threads ask for

    def _call(self, call: Callable[[], None]) -> None:
        with self._lock:
            self._calls.append(call)

    def _tell(self, kind: str, provider: str, message: str, details: dict[str, object]) -> None:
        logger.warning("feed: %s", message)
        self.jobs.submit(lambda: store.event_store(kind, provider, message, details))

    def _lost(self) -> None:
        """What could not be kept is asked for when the database takes it again."""
        if self._is_due("lost", REPAIR_SECONDS):
            for name in self.sources:
                self.jobs.later(REPAIR_SECONDS, partial(self.gaps.connected, name))

    def _served(self, group: str) -> Served | None:
        source = self.sources.get(group)
        run = source.running if source is not None else None
        if source is None or run is None:
            return None
        symbols = set(run.symbols)
        instruments = [item for item in self.groups.get(group, ()) if item.symbol in symbols]
        return Served(run.provider, instruments, source.names)

    def seeds(self, quotes: Sequence[LiveQuote]) -> None:
        """What a vendor says of the session so far (from the storing thread)."""
        self._call(lambda: self.engine.seed(quotes, time.time_ns() // 1_000))

    def filled(self, instruments: Sequence[Followed], until: datetime) -> None:
        """Minutes were stored: what they say of the sessions in force (from the storing thread)."""
        for code in {item.exchange for item in instruments}:
            span = self.engine.state.spans.get(code)
            own = [item for item in instruments if item.exchange == code]
            if span is not None:
                end = min(until, at_of(span.closes))
                found = store.session_totals([item.id for item in own], at_of(span.opens), end)
                totals = {item.symbol: found[item.id] for item in own if item.id in found}
                since = int(until.timestamp()) // 60 * MINUTE
                self._call(partial(self.engine.amend, totals, span.date, since, own))
