"""Statements sent together: the transaction stays Django's, and nothing is done for who is refused."""

import signal
import threading
import time

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from core.models import IdempotencyRecord
from core.postgres.direct import Statement, run, settle
from core.postgres.guard import Guard, RefusedError, guarded

ECHO = Statement(b"test_echo", b"SELECT $1::text, $2::bigint")
NAP = Statement(b"test_nap", b"SELECT pg_sleep(0.3)")
DIVIDE = Statement(b"test_divide", b"SELECT 1 / $1::bigint")
KEEP = Statement(
    b"test_keep",
    b"INSERT INTO core_idempotencyrecord (scope, key, body_hash, status, response)"
    b" VALUES ('t', $1::text, '', 200, '{}') RETURNING key",
)
NONE = Statement(b"test_none", b"SELECT 1 WHERE false")


def kept() -> list[str]:
    return sorted(IdempotencyRecord.objects.values_list("key", flat=True))


def guard(answer: bool) -> Guard:
    return Guard(ECHO, ("who", 1), lambda row: answer and row == (b"who", b"1"))


@pytest.mark.django_db
def test_the_answer_is_text():
    assert run(ECHO, ("ä", 7)) == ("ä".encode(), b"7")
    assert run(ECHO, (None, None)) == (None, None)
    assert run(NONE, ()) is None


@pytest.mark.django_db(transaction=True)
def test_the_last_statement_takes_the_commit_with_it():
    done = []
    with transaction.atomic():
        transaction.on_commit(lambda: done.append(kept()))
        run(ECHO, ("a", 1))
        run(KEEP, ("one",), last=True)
        assert connection.connection.info.transaction_status.name == "IDLE"
        assert done == []
    assert done == [["one"]]


@pytest.mark.django_db(transaction=True)
def test_a_single_statement_begins_and_commits():
    with transaction.atomic():
        assert run(KEEP, ("one",), last=True) == (b"one",)
    assert kept() == ["one"]


@pytest.mark.django_db(transaction=True)
def test_an_outer_transaction_is_not_committed():
    with transaction.atomic():
        with transaction.atomic():
            run(KEEP, ("one",), last=True)
        transaction.set_rollback(True)
    assert kept() == []


def keep_and(statement: Statement, parameters: tuple[object, ...], last: bool) -> None:
    with transaction.atomic():
        run(KEEP, ("one",))
        run(statement, parameters, last=last)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("last", [False, True])
def test_a_failure_rolls_everything_back_and_the_connection_goes_on(last):
    for statement, parameters, error in ((DIVIDE, (0,), DataError), (KEEP, ("one",), IntegrityError)):
        with pytest.raises(error):
            keep_and(statement, parameters, last)
        assert kept() == []
    with pytest.raises(DataError), transaction.atomic():
        run(DIVIDE, (0,), last=last)
    assert run(ECHO, ("a", 1)) == (b"a", b"1")


@pytest.mark.django_db(transaction=True)
def test_a_lost_server_is_an_operational_error_and_the_next_request_has_a_new_one():
    for last in (False, True):
        run(ECHO, ("a", 1))
        pid = connection.connection.info.backend_pid
        ended = threading.Thread(target=lambda pid=pid: (end_backend(pid), connection.close()))
        with pytest.raises(OperationalError):
            go_on_after(ended, last)
        connection.close_if_unusable_or_obsolete()
        assert run(ECHO, ("a", 1)) == (b"a", b"1")


def go_on_after(ended: threading.Thread, last: bool) -> None:
    with transaction.atomic():
        run(ECHO, ("a", 1))
        ended.start()
        ended.join()
        run(ECHO, ("a", 1), last=last)


def end_backend(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@pytest.mark.django_db(transaction=True)
def test_other_threads_go_on_while_a_statement_waits():
    steps = []

    def step() -> None:
        for _ in range(20):
            steps.append(time.monotonic())
            time.sleep(0.005)

    with transaction.atomic():
        thread = threading.Thread(target=step)
        thread.start()
        run(NAP, (), last=True)
        thread.join()
    assert steps[-1] - steps[0] < 0.29


@pytest.mark.django_db(transaction=True)
def test_answers_that_nobody_waited_for_are_not_given_to_somebody_else():
    def ring(*_: object) -> None:
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(InterruptedError), transaction.atomic():
            run(NAP, (), last=True)
    finally:
        signal.signal(signal.SIGALRM, before)
    connection.close_if_unusable_or_obsolete()
    with transaction.atomic():
        assert run(ECHO, ("a", 1), last=True) == (b"a", b"1")


@pytest.mark.django_db(transaction=True)
def test_who_is_refused_does_nothing():
    with guarded(guard(False)):
        with pytest.raises(RefusedError), transaction.atomic():
            run(KEEP, ("rides",))
        with pytest.raises(RefusedError):
            kept()
    for act in (
        lambda: run(KEEP, ("alone",)),
        lambda: run(KEEP, ("last",), last=True),
        lambda: IdempotencyRecord.objects.create(scope="t", key="orm", status=200, response={}),
        settle,
    ):
        with guarded(guard(False)), pytest.raises(RefusedError), transaction.atomic():
            act()
    assert kept() == []


@pytest.mark.django_db(transaction=True)
def test_who_passes_is_asked_once():
    asked = []
    passing = Guard(ECHO, ("who", 1), lambda row: bool(asked.append(row) or True))
    with guarded(passing):
        with transaction.atomic():
            run(KEEP, ("one",))
            run(KEEP, ("two",), last=True)
        settle()
        assert kept() == ["one", "two"]
    assert asked == [(b"who", b"1")]
    with guarded(guard(True)):
        assert kept() == ["one", "two"]
    settle()


@pytest.mark.django_db(transaction=True)
def test_a_failure_beside_a_guard_is_told_only_to_who_passes():
    with guarded(guard(True)), pytest.raises(DataError), transaction.atomic():
        run(DIVIDE, (0,))
    with guarded(guard(False)), pytest.raises(RefusedError), transaction.atomic():
        run(DIVIDE, (0,))
