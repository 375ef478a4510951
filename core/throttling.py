"""Request limits, counted in Redis. Rates are settings; a view names its own with `throttle_scope`.

Each limit is a sliding window of two counters (this window's, and the fading rest of the last one's), so a check is
one round trip whatever the rate. When Redis does not answer, requests pass.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from redis.exceptions import RedisError
from rest_framework.throttling import AnonRateThrottle, ScopedRateThrottle, SimpleRateThrottle, UserRateThrottle

from core.errors import DomainError
from core.redis import ask, client

logger = logging.getLogger(__name__)


def hit(key: str, limit: int, window: int, *, now: float | None = None) -> float | None:
    """Count one request against `limit` per `window` seconds; None when it passes, else the seconds to wait."""
    now = time.time() if now is None else now
    index = int(now // window)
    passed = (now % window) / window
    this, last = f"thr:{key}:{index}", f"thr:{key}:{index - 1}"
    try:
        count, _, before = ask(client(), (("INCR", this), ("EXPIRE", this, window * 2), ("GET", last)))
        if int(count) + int(before or 0) * (1 - passed) <= limit:
            return None
        client().decr(this)
    except RedisError:
        logger.warning("requests are not limited: Redis does not answer", exc_info=True)
        return None
    return window * (1 - passed)


class _RedisThrottle(SimpleRateThrottle):
    """DRF's rates and identities, with the counting above."""

    num_requests: int | None
    duration: int | None
    wait_seconds: float = 1.0

    def allow_request(self, request: Any, view: Any) -> bool:
        """Whether the request passes."""
        key = self.get_cache_key(request, view) if self.rate is not None else None
        if key is None or self.num_requests is None or self.duration is None:
            return True
        wait = hit(key.removeprefix("throttle_"), self.num_requests, self.duration)
        self.wait_seconds = wait or 0
        return wait is None

    def wait(self) -> float:
        """Seconds until it is worth trying again."""
        return math.ceil(self.wait_seconds)


class AnonThrottle(_RedisThrottle, AnonRateThrottle):
    """Limit per address for those who are not signed in."""

    scope = "anon"


# user id -> requests a minute that are theirs; None: the common limit.
RateOf = Callable[[int], int | None]
_rate_of: list[RateOf] = []
RATE_SECONDS = 30  # how long a person's own limit is remembered


def register_user_rate(rate_of: RateOf | None) -> None:
    """Let `rate_of` say how many API requests a minute each person has; None forgets it."""
    _rate_of[:] = [] if rate_of is None else [rate_of]
    rates_forget()


@lru_cache(maxsize=20_000)
def _rate_at(user_id: int, moment: int) -> int | None:  # noqa: ARG001
    return _rate_of[0](user_id) if _rate_of else None


def rates_forget() -> None:
    """Ask anew for each person's own limit."""
    _rate_at.cache_clear()


class UserThrottle(_RedisThrottle, UserRateThrottle):
    """Limit per user; those who are not signed in have the limit per address instead.

    With a token or a key (so not from the pages of this site) it is the person's own, if one is registered for them.
    """

    scope = "user"

    def allow_request(self, request: Any, view: Any) -> bool:
        """Whether the request passes."""
        if _rate_of and request.auth is not None and request.user and request.user.is_authenticated:
            own = _rate_at(request.user.pk, int(time.monotonic() // RATE_SECONDS))
            if own is not None:
                self.num_requests, self.duration = own, 60
        return super().allow_request(request, view)

    def get_cache_key(self, request: Any, view: Any) -> str | None:
        """None without a user."""
        return super().get_cache_key(request, view) if request.user and request.user.is_authenticated else None


class ScopedThrottle(_RedisThrottle, ScopedRateThrottle):
    """Limit per user (or address) for views with a `throttle_scope`: signing in, ordering."""

    def allow_request(self, request: Any, view: Any) -> bool:
        """Whether the request passes; views without a scope always do."""
        self.scope = getattr(view, self.scope_attr, None)
        if not self.scope:
            return True
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return _RedisThrottle.allow_request(self, request, view)


def user_wait(scope: str, user_id: int) -> float | None:
    """Count one request of a user against a scope's rate, as ScopedThrottle does: None, or the seconds to wait."""
    rate = ScopedThrottle.THROTTLE_RATES[scope]
    number, seconds = _parsed(rate)
    if number is None or seconds is None:
        return None
    wait = hit(f"{scope}_{user_id}", number, seconds)
    return None if wait is None else float(math.ceil(wait))


@cache
def _parsed(rate: str | None) -> tuple[int | None, int | None]:
    return ScopedThrottle().parse_rate(rate)


class _NamedThrottle(_RedisThrottle):
    """A scope's rate for a given identity; used outside DRF's views."""

    def __init__(self, scope: str, ident: str) -> None:
        self.scope = scope
        self.ident = ident
        super().__init__()

    def get_cache_key(self, request: Any, view: Any) -> str | None:  # noqa: ARG002
        """The identity's key."""
        return f"{self.scope}_{self.ident}"


def address(request: Any) -> str:
    """The client's address, by the same rule as DRF's throttles (NUM_PROXIES)."""
    return str(AnonThrottle().get_ident(request))


def limit(scope: str, ident: str) -> None:
    """Count one act against a scope's rate; raises `rate_limited` (429) when there were too many."""
    throttle = _NamedThrottle(scope, ident)
    if not throttle.allow_request(None, None):
        wait = int(throttle.wait())
        raise DomainError(
            "rate_limited", f"Too many attempts. Try again in {wait} s.", {"retry_after": wait}, status=429
        )


def limit_attempts(request: Any, *, email: str | None = None) -> None:
    """Count an attempt to sign in or up against the limit of its address, and of the email it is about."""
    limit("auth", f"ip:{address(request)}")
    if email is not None:
        digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
        limit("auth", f"email:{digest}")
