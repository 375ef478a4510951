"""Writes the registered periodic tasks for beat, and leaves alone what an operator has changed."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from core.schedule import ScheduleEntry, entries

MARK = "managed:"


@dataclass(slots=True)
class SyncReport:
    """Names of the tasks that were created, updated, unchanged, kept as the operator left them, or retired."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


def schedule_sync() -> SyncReport:
    """Create what is missing, update what nobody has edited, disable what is registered no more."""
    report = SyncReport()
    with transaction.atomic(durable=True):
        rows = {row.name: row for row in PeriodicTask.objects.select_for_update().filter(description__startswith=MARK)}
        taken = set(PeriodicTask.objects.exclude(description__startswith=MARK).values_list("name", flat=True))
        for entry in entries():
            _sync_one(entry, rows.pop(entry.name, None), entry.name in taken, report)
        for row in rows.values():
            _retire(row, report)
    return report


def _sync_one(entry: ScheduleEntry, row: PeriodicTask | None, is_taken: bool, report: SyncReport) -> None:
    values = _values(entry)
    if row is None:
        if is_taken:
            report.kept.append(entry.name)
            return
        PeriodicTask.objects.create(name=entry.name, **values)
        report.created.append(entry.name)
    elif _was_edited(row):
        report.kept.append(entry.name)
    elif row.description == values["description"]:
        report.unchanged.append(entry.name)
    else:
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
        report.updated.append(entry.name)


def _retire(row: PeriodicTask, report: SyncReport) -> None:
    if row.enabled and not _was_edited(row):
        row.enabled = False
        row.description = MARK + _fingerprint(row)
        row.save()
        report.retired.append(row.name)


def _values(entry: ScheduleEntry) -> dict[str, Any]:
    interval, _ = IntervalSchedule.objects.get_or_create(every=entry.every_seconds, period=IntervalSchedule.SECONDS)
    values: dict[str, Any] = {
        "task": entry.task,
        "interval": interval,
        "kwargs": json.dumps(entry.kwargs, sort_keys=True),
        "expire_seconds": entry.expires_seconds,
        "queue": entry.queue,
        "enabled": True,
    }
    values["description"] = MARK + _fingerprint(PeriodicTask(name=entry.name, **values))
    return values


def _was_edited(row: PeriodicTask) -> bool:
    """Whether the row differs from what was last written here."""
    return bool(row.description != MARK + _fingerprint(row))


def _fingerprint(row: PeriodicTask) -> str:
    every = [row.interval.every, row.interval.period] if row.interval is not None else None
    facts = [row.task, every, row.crontab_id, row.kwargs, row.expire_seconds, row.queue or "", row.enabled]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
