"""The storing thread: jobs in their order, some of them later, each tried until the database takes it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from queue import Empty, Full, Queue
from threading import Event, Lock, Thread

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, ProgrammingError, connection

logger = logging.getLogger(__name__)

MOST = 200
LOOK_SECONDS = 0.1
BACKOFF_FIRST, BACKOFF_MOST = 0.2, 5.0
LAST_ATTEMPTS = 5  # of a job that fails while the feed stops
Job = Callable[[], object]


@dataclass
class Jobs:
    """Runs jobs one after the other in a thread with its own connection. `lost` is called when one is dropped."""

    lost: Callable[[], None]
    clock: Callable[[], float] = time.monotonic
    _queue: Queue[Job] = field(default_factory=lambda: Queue(MOST))
    _later: list[tuple[float, int, Job]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)
    _lock: Lock = field(default_factory=Lock)
    _closing: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin to work."""
        self._thread = Thread(target=self._run, name="feed-store", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Do a job after those that are waiting; never waits itself."""
        try:
            self._queue.put_nowait(job)
        except Full:
            logger.error("the feed's store is %s jobs behind; one is dropped", MOST)
            self.lost()

    def later(self, seconds: float, job: Job) -> None:
        """Do a job when so many seconds have passed."""
        with self._lock:
            heappush(self._later, (self.clock() + seconds, next(self._numbers), job))

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        return self._queue.qsize()

    def close(self, patience: float) -> None:
        """Finish what is waiting, but not what is for later."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        while True:
            self._ripen()
            try:
                job = self._queue.get(timeout=LOOK_SECONDS)
            except Empty:
                if self._closing.is_set():
                    break
                continue
            self._do(job)
        connection.close()

    def _ripen(self) -> None:
        with self._lock:
            while self._later and self._later[0][0] <= self.clock() and not self._closing.is_set():
                self.submit(heappop(self._later)[2])

    def _do(self, job: Job) -> None:
        failures = last = 0
        while last < LAST_ATTEMPTS:
            try:
                job()
            except (DataError, IntegrityError, ProgrammingError):
                logger.exception("a job of the feed's store cannot be done")
                return
            except (DatabaseError, InterfaceError, OSError):
                logger.warning("the feed's store failed, again soon", exc_info=failures == 0)
                connection.close()
                failures += 1
                if self._closing.is_set():
                    last += 1
                    time.sleep(BACKOFF_FIRST)
                else:
                    self._closing.wait(min(BACKOFF_FIRST * 2 ** min(failures, 6), BACKOFF_MOST))
            except Exception:
                logger.exception("a job of the feed's store failed")
                return
            else:
                return
        logger.error("a job of the feed's store was given up")
