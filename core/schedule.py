"""Periodic tasks as data: apps register them in `AppConfig.ready`; `manage.py sync_schedule` writes them for beat."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """One periodic task. A run not started within `expires_seconds` is dropped: a stopped worker makes no backlog."""

    name: str
    task: str
    every_seconds: int
    kwargs: dict[str, Any] = field(default_factory=dict)
    expires_seconds: int | None = None
    queue: str | None = None


_entries: dict[str, ScheduleEntry] = {}


def register(name: str, task: str, every_seconds: int, **opts: Any) -> ScheduleEntry:
    """Register a periodic task under a lasting name. Options: kwargs, expires_seconds, queue."""
    if every_seconds < 1:
        raise ValueError("a periodic task runs at most once a second")
    opts.setdefault("expires_seconds", max(every_seconds, 5))
    entry = ScheduleEntry(name=name, task=task, every_seconds=every_seconds, **opts)
    if _entries.get(name, entry) != entry:
        raise ValueError(f"two periodic tasks are called {name}")
    _entries[name] = entry
    return entry


def entries() -> list[ScheduleEntry]:
    """All registered periodic tasks."""
    return list(_entries.values())
