"""How often a vendor may be asked: one budget for all processes, in Redis; without Redis one for each process."""

from __future__ import annotations

import time
from threading import Lock

from pyrate_limiter import AbstractBucket, InMemoryBucket, Rate, RateItem, RedisBucket
from redis.exceptions import NoScriptError

from core.redis import client
from marketdata.adapters.vendors.records import shared
from marketdata.domain.providers import ProviderError

MINUTE_MS = 60_000
MAX_WAIT = 1.0
KEY_SECONDS = 180


class BudgetSpent(ProviderError):
    """Our own budget is used up, or the vendor asked to wait: nothing was asked."""


class Budget:
    """So many requests in any minute. A request waits for at most a second; later ones are refused."""

    def __init__(self, provider: str, per_minute: int) -> None:
        self._provider = provider
        self.per_minute = max(1, per_minute)
        self._key = f"md:budget:{provider}"
        self._lock = Lock()
        self._shared: RedisBucket | None = None
        self._own = InMemoryBucket(self._rates())

    def _rates(self) -> list[Rate]:
        return [Rate(self.per_minute, MINUTE_MS)]

    def spend(self) -> None:
        """Take one request out of the budget, or raise BudgetSpent."""
        wait = self._put()
        if 0 < wait <= MAX_WAIT:
            time.sleep(wait)
            wait = self._put()
        if wait > 0:
            why = f"the budget of {self.per_minute} requests a minute is used up"
            raise BudgetSpent(self._provider, ProviderError.RATE_LIMITED, why, wait)

    def left(self) -> int:
        """How many more requests this minute."""
        since = _now() - MINUTE_MS
        used = shared(lambda: int(client().zcount(self._key, since, "+inf")), -1)
        if used < 0:
            with self._lock:
                self._own.leak(_now())
                used = self._own.count()
        return max(0, self.per_minute - used)

    def _put(self) -> float:
        """0 when there was room, else the seconds until there is."""
        with self._lock:
            wait = shared(self._put_again, -1.0)
            return self._put_into(self._own) if wait < 0 else wait

    def _put_again(self) -> float:
        try:
            return self._put_shared()
        except NoScriptError:
            self._shared = None  # Redis has been restarted
            return self._put_shared()

    def _put_shared(self) -> float:
        if self._shared is None:
            self._shared = RedisBucket.init(self._rates(), client(), self._key)
        assert self._shared is not None
        wait = self._put_into(self._shared)
        client().expire(self._key, KEY_SECONDS)
        return wait

    def _put_into(self, bucket: AbstractBucket) -> float:
        now = _now()
        bucket.leak(now)
        item = RateItem(self._provider, now)
        if bucket.put(item):
            return 0.0
        return max(0.001, int(bucket.waiting(item)) / 1_000)  # type: ignore[arg-type]


def _now() -> int:
    return time.time_ns() // 1_000_000
