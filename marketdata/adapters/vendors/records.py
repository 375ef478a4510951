"""What is known of a vendor, in Redis: its circuit, its last success and failure, whether it asked to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import structlog
from pybreaker import STATE_CLOSED, CircuitBreakerStorage
from redis.exceptions import RedisError

from core.redis import client
from marketdata.domain.providers import ProviderError

logger = structlog.get_logger(__name__)
T = TypeVar("T")

KEEP_SECONDS = 7 * 86_400
MAX_WAIT = 3_600.0
AWAY_SECONDS = 3.0


_away_until = 0.0


def shared(ask: Callable[[], T], otherwise: T) -> T:
    """What Redis says, or `otherwise` while it is away: then nobody waits for it for some seconds."""
    global _away_until
    if time.monotonic() < _away_until:
        return otherwise
    try:
        return ask()
    except RedisError as error:
        _away_until = time.monotonic() + AWAY_SECONDS
        logger.warning("vendor_records_not_shared", error=type(error).__name__)
        return otherwise


def key(name: str) -> str:
    """The Redis hash of a vendor."""
    return f"md:provider:{name}"


def read_all(names: list[str]) -> dict[str, dict[str, str]]:
    """The hashes of these vendors in one round trip; nothing of them when Redis is away."""

    def ask() -> dict[str, dict[str, str]]:
        pipe = client().pipeline(transaction=False)
        for name in names:
            pipe.hgetall(key(name))
        return dict(zip(names, pipe.execute(), strict=True))

    return shared(ask, {name: {} for name in names})


class Record:
    """One vendor's hash, and the same in this process for when Redis is away."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._own: dict[str, str] = {}
        self._wait_until = 0.0

    def get(self, field: str) -> str | None:
        """A field as text."""
        return shared(lambda: cast("str | None", client().hget(key(self.name), field)), self._own.get(field))

    def put(self, fields: Mapping[str, str | int | float]) -> None:
        """Set fields."""
        self._own.update({name: str(value) for name, value in fields.items()})

        def write() -> None:
            pipe = client().pipeline(transaction=False)
            pipe.hset(key(self.name), mapping=cast(Any, dict(fields)))
            pipe.expire(key(self.name), KEEP_SECONDS)
            pipe.execute()

        shared(write, None)

    def add(self, field: str) -> None:
        """Count one more."""
        self._own[field] = str(int(self._own.get(field, "0")) + 1)
        shared(lambda: client().hincrby(key(self.name), field, 1), 0)

    def succeeded(self, seconds: float, budget_left: int) -> None:
        """It answered."""
        self.add("calls")
        self.put({"ok_at": time.time(), "latency_ms": round(seconds * 1_000, 1), "budget_left": budget_left})

    def failed(self, error: ProviderError, budget_left: int) -> None:
        """It did not give what was asked."""
        self.add("calls")
        words = {"error_code": error.code, "error": error.message[:300]}
        self.put({"error_at": time.time(), "budget_left": budget_left, **words})

    def wait(self, seconds: float) -> None:
        """The vendor asked to be left alone for so long."""
        seconds = min(max(seconds, 1.0), MAX_WAIT)
        self._wait_until = time.monotonic() + seconds
        shared(lambda: client().set(f"{key(self.name)}:wait", "1", px=int(seconds * 1_000)), None)

    def told_to_wait(self) -> float:
        """Seconds for which the vendor is still to be left alone."""
        left = shared(lambda: int(client().pttl(f"{key(self.name)}:wait")) / 1_000, 0.0)
        return max(left, self._wait_until - time.monotonic(), 0.0)

    def claim_trial(self, seconds: float) -> bool:
        """Whether this process is the one that tries a vendor whose circuit is open."""
        name = f"{key(self.name)}:trial"
        return shared(lambda: bool(client().set(name, "1", nx=True, px=int(seconds * 1_000) + 1_000)), True)

    def end_trial(self) -> None:
        """The trial is over."""
        shared(lambda: client().delete(f"{key(self.name)}:trial"), 0)


class SharedState(CircuitBreakerStorage):
    """A breaker's state in a vendor's hash, so that all processes go by the same."""

    def __init__(self, record: Record) -> None:
        super().__init__("vendor")
        self._record = record

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        return self._record.get("state") or STATE_CLOSED

    @state.setter
    def state(self, state: str) -> None:
        self._record.put({"state": state})
        self._record.end_trial()

    def increment_counter(self) -> None:
        """One more failure in a row."""
        self._record.add("failures")

    def reset_counter(self) -> None:
        """No failure."""
        if self.counter:
            self._record.put({"failures": 0})

    @property
    def counter(self) -> int:
        """Failures in a row."""
        return int(self._record.get("failures") or 0)

    def increment_success_counter(self) -> None:
        """One more success of a trial."""
        self._record.add("successes")

    def reset_success_counter(self) -> None:
        """No trial has succeeded."""
        self._record.put({"successes": 0})

    @property
    def success_counter(self) -> int:
        """Successes of trials in a row."""
        return int(self._record.get("successes") or 0)

    @property
    def opened_at(self) -> datetime | None:
        """When the circuit was opened last."""
        raw = self._record.get("opened_at")
        return datetime.fromtimestamp(float(raw), tz=UTC) if raw else None

    @opened_at.setter
    def opened_at(self, at: datetime) -> None:
        self._record.put({"opened_at": at.timestamp()})
