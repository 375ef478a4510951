"""Reads of the ground floor: is everything that must run, running?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from django.db import connection

from core import heartbeat
from core.redis import client


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """One thing that must be live, and what was seen of it."""

    name: str
    ok: bool
    detail: str


def readiness() -> list[ReadyCheck]:
    """Database, Redis and the four background processes. Never raises: what cannot be asked is not live."""
    checks: dict[str, Callable[[], str | None]] = {"database": _database, "redis": _redis}
    checks |= {name: partial(_process, name) for name in heartbeat.PROCESSES}
    return [_run(name, check) for name, check in checks.items()]


def _run(name: str, check: Callable[[], str | None]) -> ReadyCheck:
    try:
        detail = check()
    except Exception as error:
        return ReadyCheck(name, False, f"not reachable ({type(error).__name__})")
    return ReadyCheck(name, detail is not None, detail or "no sign of life")


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "answers"


def _redis() -> str | None:
    return "answers" if client().ping() else None


def _process(name: str) -> str | None:
    seen = heartbeat.last_seen(name)
    if seen is None:
        return None
    return f"seen {max(0, round((datetime.now(tz=UTC) - seen).total_seconds()))} s ago"
