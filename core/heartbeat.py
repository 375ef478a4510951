"""Signs of life. Each process renews its key in Redis; a key that has run out means the process is gone."""

from datetime import UTC, datetime

from core.redis import client

PROCESSES = ("worker", "beat", "market", "feed", "stream")


def key(name: str) -> str:
    """The Redis key of a process."""
    return f"hb:{name}"


def beat(name: str, ttl: int = 15) -> None:
    """Say that `name` is alive for the next `ttl` seconds."""
    client().set(key(name), datetime.now(tz=UTC).isoformat(), ex=ttl)


def last_seen(name: str) -> datetime | None:
    """When `name` last gave a sign, or None when it has been silent for longer than its ttl."""
    raw = client().get(key(name))
    return datetime.fromisoformat(str(raw)) if raw else None


def alive(name: str) -> bool:
    """Whether `name` has given a sign within its ttl."""
    return last_seen(name) is not None
