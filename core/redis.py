"""The one Redis client of a process: pooled, text replies, short timeouts."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import ConstantBackoff
from redis.retry import Retry


@cache
def client() -> "redis.Redis":
    """The shared client. Safe across threads and forks (its pool reconnects after a fork)."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=2,
        socket_connect_timeout=1,
        health_check_interval=30,
        # Once more over a fresh connection, no longer: a request must not wait for a Redis that is down.
        retry=Retry(ConstantBackoff(0.02), 1),
    )
