"""Delivery of events: in order, again after a failure, with effects that happen once."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from core import outbox as registry
from core.errors import Conflict
from core.models import AuditEntry, OutboxEvent, OutboxReceipt
from core.services import audit, outbox
from core.tests.threads import race


@pytest.fixture(autouse=True)
def handlers(monkeypatch):
    monkeypatch.setattr(registry, "_handlers", {})


def emit(number=0, aggregate="a:1", topic="t"):
    outbox.emit(topic=topic, aggregate=aggregate, payload={"n": number})


def listen(name="h", topic="t", act=None):
    seen: list[int] = []

    @registry.subscribe(topic, name)
    def handler(event):
        if act is not None:
            act(event)
        seen.append(event.payload["n"])

    return seen


def statuses():
    return list(OutboxEvent.objects.order_by("pk").values_list("status", flat=True))


def make_due():
    OutboxEvent.objects.update(next_at=datetime.now(tz=UTC) - timedelta(seconds=1))


def test_an_event_lives_and_dies_with_its_transaction(db):
    with transaction.atomic():
        emit()
        transaction.set_rollback(True)
    assert not OutboxEvent.objects.exists()


def test_events_arrive_in_order_per_aggregate(db):
    seen = listen()
    outbox.emit_many([("t", f"a:{number % 3}", {"n": number}) for number in range(30)])
    assert outbox.drain() == 30
    for remainder in range(3):
        assert [number for number in seen if number % 3 == remainder] == list(range(remainder, 30, 3))
    assert set(statuses()) == {"done"}
    assert outbox.drain() == 0


def test_what_nobody_listens_to_is_done_in_one_statement(db, django_assert_max_num_queries):
    outbox.emit_many([("unheard", f"a:{number}", {}) for number in range(50)])
    with django_assert_max_num_queries(3):
        assert outbox.drain() == 50
    assert set(statuses()) == {"done"}
    assert not OutboxReceipt.objects.exists()


def test_unheard_events_do_not_hold_up_heard_ones(db):
    seen = listen()
    emit(1, topic="unheard")
    emit(2)
    outbox.drain()
    assert seen == [2]


def test_rows_written_by_sql_are_delivered(db):
    seen = listen()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO core_outboxevent (topic, aggregate, payload) VALUES ('t', 'a:1', '{\"n\": 7}')")
    assert outbox.drain() == 1
    assert seen == [7]


def test_the_limit_is_kept(db):
    seen = listen()
    for number in range(10):
        emit(number, aggregate=f"a:{number}")
    assert outbox.drain(limit=4) == 4
    assert seen == [0, 1, 2, 3]


def test_a_failure_holds_back_its_aggregate_and_no_other(db):
    broken = [True]

    def act(event):
        if broken[0] and event.payload["n"] == 0:
            raise RuntimeError("not now")

    seen = listen(act=act)
    emit(0)
    emit(1)
    emit(2, aggregate="b:1")
    outbox.drain()
    assert seen == [2]
    event = OutboxEvent.objects.order_by("pk").first()
    assert (event.status, event.attempts, event.error) == ("pending", 1, "h: RuntimeError: not now")
    assert event.next_at > datetime.now(tz=UTC)
    outbox.drain()
    assert seen == [2]
    broken[0] = False
    make_due()
    outbox.drain()
    assert seen == [2, 0, 1]


def test_the_delay_grows_up_to_a_limit():
    delays = [outbox._delay(attempts).total_seconds() for attempts in range(1, 13)]
    assert 0.7 < delays[0] < 1.3
    assert 380 < delays[9] < 650
    assert max(delays) <= 750


def test_after_the_last_attempt_it_is_set_aside_and_an_operator_can_revive_it(db):
    broken = [True]

    def act(event):
        if broken[0] and event.payload["n"] == 0:
            raise RuntimeError

    seen = listen(act=act)
    emit(0)
    emit(1)
    for _ in range(outbox.MAX_ATTEMPTS):
        make_due()
        outbox.drain()
    assert statuses() == ["dead", "done"]
    assert seen == [1]
    broken[0] = False
    dead, done = OutboxEvent.objects.order_by("pk")
    outbox.retry(actor=None, event_id=dead.pk, reason="fixed")
    with pytest.raises(Conflict):
        outbox.retry(actor=None, event_id=done.pk, reason="?")
    outbox.drain()
    assert seen == [1, 0]
    assert AuditEntry.objects.get().reason == "fixed"


def test_one_handler_failing_does_not_repeat_the_others(db):
    failures = [2]

    def act(event):
        if failures[0]:
            failures[0] -= 1
            raise RuntimeError

    good, bad = listen("good"), listen("bad", act=act)
    emit(5)
    for _ in range(3):
        make_due()
        outbox.drain()
    assert (good, bad) == ([5], [5])
    assert set(OutboxReceipt.objects.values_list("handler", flat=True)) == {"good", "bad"}


def test_a_revived_event_does_not_repeat_the_handlers_that_succeeded(db):
    def act(event):
        raise RuntimeError

    good = listen("good")
    listen("bad", act=act)
    emit(5)
    for _ in range(outbox.MAX_ATTEMPTS):
        make_due()
        outbox.drain()
    registry.unsubscribe("t", "bad")
    outbox.retry(actor=None, event_id=OutboxEvent.objects.get().pk, reason="fixed")
    outbox.drain()
    assert (good, statuses()) == ([5], ["done"])


def test_a_failed_handlers_writes_are_undone(db):
    def act(event):
        audit.record(actor=None, action="effect", subject_type="t", subject_id=event.id)
        raise RuntimeError

    listen(act=act)
    emit()
    outbox.drain()
    assert not AuditEntry.objects.exists()
    assert not OutboxReceipt.objects.exists()


def test_a_broken_statement_in_a_handler_is_a_failure_like_others(db):
    def act(event):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    listen(act=act)
    emit()
    outbox.drain()
    assert "division by zero" in OutboxEvent.objects.get().error


def test_racing_drains_have_each_effect_once_and_in_order(transactional_db):
    def act(event):
        time.sleep(0.002)
        audit.record(actor=None, action="effect", subject_type=event.aggregate, subject_id=event.payload["n"])

    listen(act=act)
    outbox.emit_many([("t", f"a:{number % 5}", {"n": number}) for number in range(60)])
    handled = race(4, lambda _: outbox.drain())
    assert sum(handled) == 60
    rows = AuditEntry.objects.order_by("pk").values_list("subject_type", "subject_id")
    assert len(rows) == 60
    for remainder in range(5):
        assert [int(n) for kind, n in rows if kind == f"a:{remainder}"] == list(range(remainder, 60, 5))


def test_another_process_holding_the_event_is_not_waited_for(transactional_db):
    listen()
    emit()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT id FROM core_outboxevent FOR UPDATE")
            assert outbox.drain() == 0
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert outbox.drain() == 1


def test_old_delivered_events_are_forgotten(db):
    listen()
    for number in range(5):
        emit(number)
    outbox.drain()
    emit(6, topic="t")
    OutboxEvent.objects.update(created_at=datetime.now(tz=UTC) - timedelta(days=8))
    emit(7)
    assert outbox.purge_done(batch=2) == 5
    assert statuses() == ["pending", "pending"]
    assert not OutboxReceipt.objects.exists()


def test_two_handlers_cannot_share_a_name():
    listen("same")
    with pytest.raises(ValueError, match="same"):
        listen("same")
