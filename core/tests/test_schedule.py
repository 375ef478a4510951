"""The schedule is data, and an operator's edits stay."""

import pytest
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from core import schedule as registry
from core.services.schedule import schedule_sync


@pytest.fixture(autouse=True)
def empty(monkeypatch, db):
    monkeypatch.setattr(registry, "_entries", {})


def register(every=5, **options):
    registry._entries.clear()
    registry.register("one", "core.tasks.purge", every, **options)


def test_missing_tasks_are_created_once():
    register(kwargs={"a": 1})
    assert schedule_sync().created == ["one"]
    row = PeriodicTask.objects.get()
    assert (row.task, row.interval.every, row.kwargs, row.expire_seconds) == ("core.tasks.purge", 5, '{"a": 1}', 5)
    assert schedule_sync().unchanged == ["one"]


def test_untouched_tasks_follow_the_code():
    register()
    schedule_sync()
    register(every=9)
    assert schedule_sync().updated == ["one"]
    assert PeriodicTask.objects.get().interval.every == 9


@pytest.mark.parametrize("edit", [{"enabled": False}, {"expire_seconds": 77}, {"queue": "slow"}])
def test_an_operators_edit_is_kept(edit):
    register()
    schedule_sync()
    PeriodicTask.objects.update(**edit)
    register(every=9)
    assert schedule_sync().kept == ["one"]
    row = PeriodicTask.objects.get()
    assert row.interval.every == 5
    assert {name: getattr(row, name) for name in edit} == edit


def test_an_operators_other_interval_is_kept():
    register()
    schedule_sync()
    slower, _ = IntervalSchedule.objects.get_or_create(every=60, period="seconds")
    PeriodicTask.objects.update(interval=slower)
    assert schedule_sync().kept == ["one"]


def test_a_run_by_beat_is_no_edit():
    register()
    schedule_sync()
    PeriodicTask.objects.update(total_run_count=7)
    assert schedule_sync().unchanged == ["one"]


def test_tasks_of_the_operator_are_left_alone():
    interval, _ = IntervalSchedule.objects.get_or_create(every=3, period="seconds")
    PeriodicTask.objects.create(name="one", task="mine", interval=interval)
    register()
    assert schedule_sync().kept == ["one"]
    assert PeriodicTask.objects.get().task == "mine"


def test_retired_tasks_are_disabled_and_come_back():
    register()
    schedule_sync()
    registry._entries.clear()
    assert schedule_sync().retired == ["one"]
    assert not PeriodicTask.objects.get().enabled
    register()
    assert schedule_sync().updated == ["one"]
    assert PeriodicTask.objects.get().enabled


def test_names_are_taken_once():
    register()
    with pytest.raises(ValueError, match="one"):
        registry.register("one", "other.task", 5)
