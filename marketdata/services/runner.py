"""The market process: it advances every running market on its own wall schedule.

Time stands still while the process is down: on taking a market over it shows the tick in force again, runs that tick's
listeners again, and gives it its full time. Nothing here waits on one market while another is due: gates and failing
listeners are asked again on the next round.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from django.db import DatabaseError, InterfaceError, connection
from redis.exceptions import RedisError

from core import heartbeat
from marketdata.locks import MarketLease
from marketdata.selectors import market_view, running_markets
from marketdata.services.ticks import (
    GATE_WAIT_SECONDS,
    Settlement,
    gates_closed,
    settlement_done,
    settlement_open,
    settlement_pending,
    tick_in_force,
    tick_store,
)

logger = logging.getLogger(__name__)

SCAN_SECONDS = 0.5
BEAT_SECONDS = 3.0
BEAT_TTL = 15
GATE_RETRY_SECONDS = 0.05
BACKOFF_FIRST, BACKOFF_MOST = 0.2, 5.0
IDLE_SECONDS = 0.5


def backoff(failures: int) -> float:
    """How long to wait after so many failures in a row."""
    return float(min(BACKOFF_FIRST * 2 ** max(failures - 1, 0), BACKOFF_MOST))


@dataclass
class MarketRunner:
    """One market's schedule. `step` does what is due and says when to call again; it never sleeps."""

    market_id: int
    lease: MarketLease = field(init=False)
    period: float = 0.0
    due: float = 0.0
    tick: int = -1
    taken: bool = False
    gates_since: float | None = None
    failures: int = 0

    def __post_init__(self) -> None:
        self.lease = MarketLease(self.market_id)

    def step(self, now: float) -> float:
        """Do what is due at `now` (monotonic seconds); the next time to call."""
        if not self.lease.hold():
            self.taken = False
            return now + SCAN_SECONDS
        if not self.taken or self.lease.renewed:
            self._take(now)
        pending = settlement_pending(self.market_id)
        if pending is not None:
            return self._settle(pending, now)
        if now < self.due:
            return self.due
        if self.tick >= 0 and not self._gates_let_go(now):
            return now + GATE_RETRY_SECONDS
        settlement = tick_store(market_id=self.market_id)
        if settlement is None:
            return now + min(SCAN_SECONDS, self.period)
        self.tick = settlement.tick.index
        on_time = now - self.due < self.period / 2
        self.due = (self.due if on_time else now) + self.period  # what was missed is not made up for
        return self._settle(settlement, now)

    def _take(self, now: float) -> None:
        """Take the market over: the tick in force is shown and worked on again, and lasts its full time from now."""
        market = tick_in_force(self.market_id)
        self.period = float(market_view(self.market_id).seconds_per_tick)
        self.tick, self.gates_since, self.failures = market.tick, None, 0
        self.due = now + self.period if market.tick >= 0 else now
        if market.tick >= 0:
            settlement_open(market)
        self.taken, self.lease.renewed = True, False
        logger.info("market %s taken over at tick %s", market.slug, market.tick)

    def _settle(self, settlement: Settlement, now: float) -> float:
        try:
            settlement.run()
        except Exception as error:
            self.failures += 1
            wait = backoff(self.failures)
            logger.exception(
                "%s failed at tick %s of market %s, again in %.1f s",
                settlement.step,
                settlement.tick.index,
                self.market_id,
                wait,
            )
            if isinstance(error, DatabaseError | InterfaceError) and not connection.in_atomic_block:
                connection.close_if_unusable_or_obsolete()
            return now + wait
        if self.failures:
            self.failures, self.due = 0, now + self.period
        settlement_done(self.market_id)
        return self.due

    def _gates_let_go(self, now: float) -> bool:
        closed = gates_closed(self.market_id, self.tick)
        if not closed:
            self.gates_since = None
            return True
        self.gates_since = now if self.gates_since is None else self.gates_since
        if now - self.gates_since < GATE_WAIT_SECONDS:
            return False
        logger.warning("market %s leaves tick %s although %s is not done", self.market_id, self.tick, ", ".join(closed))
        self.gates_since = None
        return True

    def drop(self) -> None:
        """Stop advancing this market."""
        settlement_done(self.market_id)
        self.lease.release()


@dataclass
class MarketProcess:
    """All markets of this process, until `stop` is set. Survives restarts of PostgreSQL and Redis."""

    stop: Event
    only: frozenset[int] | None = None
    clock: Callable[[], float] = time.monotonic
    runners: dict[int, MarketRunner] = field(default_factory=dict)
    _scan_at: float = 0.0
    _beat_at: float = 0.0
    _failures: int = 0

    def run(self) -> None:
        """Loop until stopped; then give every market back."""
        connection.close()
        connection.settings_dict["CONN_MAX_AGE"] = None  # the session holds the leases
        while not self.stop.is_set():
            self.stop.wait(max(0.0, min(self.round() - self.clock(), IDLE_SECONDS)))
        for runner in self.runners.values():
            runner.drop()
        connection.close()

    def round(self) -> float:
        """One round over all markets; when the next is due."""
        now = self.clock()
        try:
            self._beat(now)
            if now >= self._scan_at:
                self._scan()
                self._scan_at = now + SCAN_SECONDS
            wake = self._scan_at
            for runner in list(self.runners.values()):
                if self.stop.is_set():
                    break
                wake = min(wake, runner.step(self.clock()))
        except (DatabaseError, InterfaceError, RedisError, OSError):
            self._failures += 1
            wait = backoff(self._failures)
            logger.warning("the market process lost a service, again in %.1f s", wait, exc_info=self._failures == 1)
            connection.close()
            self.stop.wait(wait)
            return self.clock()
        self._failures = 0
        return wake

    def _scan(self) -> None:
        running = set(running_markets())
        if self.only is not None:
            running &= self.only
        for market_id in set(self.runners) - running:
            self.runners.pop(market_id).drop()
        for market_id in running - set(self.runners):
            self.runners[market_id] = MarketRunner(market_id)

    def _beat(self, now: float) -> None:
        if now < self._beat_at:
            return
        try:
            heartbeat.beat("market", ttl=BEAT_TTL)
            self._beat_at = now + BEAT_SECONDS
        except RedisError:
            self._beat_at = now + 1.0
            logger.warning("no heartbeat: Redis does not answer")
