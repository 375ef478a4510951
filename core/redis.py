"""The one Redis client of a process: pooled, text replies, short timeouts."""

from functools import cache

import redis
from django.conf import settings


@cache
def client() -> "redis.Redis":
    """The shared client. Safe across threads and forks (its pool reconnects after a fork)."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=2,
        socket_connect_timeout=1,
        health_check_interval=30,
    )
