"""What was missed: asked for after each connection, from whoever has it, until it is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from core.errors import DomainError
from marketdata.domain.feed import LiveQuote
from marketdata.domain.providers import Provider, ProviderError
from marketdata.services.feed import store
from marketdata.services.feed.engine import Followed
from marketdata.services.feed.jobs import Jobs

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 8.0  # after a minute has ended a vendor has it
AGAIN_MINUTES = 3
RETRY_SECONDS, RETRIES = 30.0, 20


@dataclass(frozen=True, slots=True)
class Served:
    """Who serves a group of instruments now, and whom else may be asked."""

    provider: Provider
    instruments: Sequence[Followed]
    others: Sequence[str]


class Engine(Protocol):
    """What is told of what was found."""

    def seeds(self, quotes: Sequence[LiveQuote]) -> None:
        """A vendor's word on the session so far."""
        ...

    def filled(self, instruments: Sequence[Followed], until: datetime) -> None:
        """Minutes of these instruments have been stored."""
        ...


@dataclass
class Gaps:
    """Fills gaps in the storing thread. What nobody gives stays open and is asked for again, for ten minutes."""

    jobs: Jobs
    served: Callable[[str], Served | None]
    provide: Callable[[str], Provider]
    engine: Engine
    backfills: int = 0
    _begun: set[str] = field(default_factory=set)
    _open: dict[str, dict[int, datetime]] = field(default_factory=dict)
    _tries: dict[str, int] = field(default_factory=dict)

    def connected(self, group: str) -> None:
        """A stream has been (re)connected: fill what was missed, now and again once this minute is over."""
        self.jobs.submit(partial(self._snapshot, group))
        self.jobs.submit(partial(self._since_last, group))
        self.again(group)

    def again(self, group: str) -> None:
        """Ask for the last minutes again when this one is over: they were heard in part only."""
        self.jobs.later(60.0 - time.time() % 60.0 + SETTLE_SECONDS, partial(self._last_minutes, group))

    @property
    def missing(self) -> int:
        """Instruments with a gap that nobody has filled yet."""
        return sum(len(found) for found in self._open.values())

    def _snapshot(self, group: str) -> None:
        served = self.served(group)
        if served is None or not served.provider.capabilities.stream:
            return
        try:
            self.engine.seeds(served.provider.quotes([item.symbol for item in served.instruments]))
        except ProviderError as error:
            logger.warning("no snapshot from %s: %s", served.provider.name, error.message)

    def _since_last(self, group: str) -> None:
        """From the last stored minute, which may be half; the first time from the first hole of the last days."""
        served = self.served(group)
        if served is None:
            return
        now = datetime.now(tz=UTC)
        found = store.last_minutes(served.instruments, now, holes=group not in self._begun)
        self._begun.add(group)
        self._tries.pop(group, None)
        for ident, at in self._open.pop(group, {}).items():
            found[ident] = min(at, found.get(ident, at))
        self._fill(group, served, found, _minute(now), tell=True)

    def _last_minutes(self, group: str) -> None:
        served = self.served(group)
        if served is not None:
            until = _minute(datetime.now(tz=UTC))
            since = {item.id: until - timedelta(minutes=AGAIN_MINUTES) for item in served.instruments}
            self._fill(group, served, since, until, tell=False)

    def _still_open(self, group: str) -> None:
        served, found = self.served(group), self._open.pop(group, {})
        if served is None:
            self._open[group] = found
            self.jobs.later(RETRY_SECONDS, partial(self._still_open, group))
        elif found:
            self._fill(group, served, found, _minute(datetime.now(tz=UTC)), tell=True)

    def _fill(self, group: str, served: Served, since: Mapping[int, datetime], until: datetime, *, tell: bool) -> None:
        left = {ident: at for ident, at in since.items() if at < until}
        if not left:
            return
        bars = changed = symbols = 0
        names, hopeful = [], set[int]()
        for provider in self._providers(served):
            done = store.gaps_fill(provider, served.instruments, left, until)
            hopeful |= done.failed
            left = {ident: at for ident, at in left.items() if ident in done.failed or ident in done.refused}
            bars, changed, symbols = bars + done.bars, changed + done.changed, symbols + done.symbols
            names += [provider.name] if done.bars else []
            if not left:
                break
        self.backfills += 1
        self.engine.filled(served.instruments, until)
        details = {"group": group, "symbols": symbols, "bars": bars, "changed": changed, "to": until.isoformat()}
        if tell and bars:
            first = min(since.values())
            message = f"{bars} minutes of {symbols} symbols back-filled since {first:%H:%M} UTC."
            store.event_store("backfill", names[0], message, {**details, "from": first.isoformat(), "by": names})
        left = {ident: at for ident, at in left.items() if ident in hopeful}
        if left:
            self._leave(group, served, left, details)
        elif not self._open.get(group):
            self._tries.pop(group, None)

    def _leave(self, group: str, served: Served, left: dict[int, datetime], details: dict[str, object]) -> None:
        tries = self._tries[group] = self._tries.get(group, 0) + 1
        if tries in {1, RETRIES}:
            end = "and is left" if tries == RETRIES else "and will be asked for again"
            message = f"Minutes of {len(left)} symbols since {min(left.values()):%H:%M} UTC: nobody has them, {end}."
            store.event_store("gap", served.provider.name, message, {**details, "missing": len(left)})
        if tries < RETRIES:
            before = self._open.get(group, {})
            self._open[group] = {ident: min(at, before.get(ident, at)) for ident, at in {**before, **left}.items()}
            self.jobs.later(RETRY_SECONDS, partial(self._still_open, group))

    def _providers(self, served: Served) -> Iterator[Provider]:
        """Who serves first, then the others of the chain: those that have minutes."""
        if served.provider.capabilities.intraday:
            yield served.provider
        for name in served.others:
            if name == served.provider.name:
                continue
            try:
                provider = self.provide(name)
            except DomainError:
                continue
            if provider.capabilities.intraday:
                yield provider


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
