"""Statements of the hottest path, prepared once a connection and sent together with what goes around them.

Django's cursor sends text that the server parses and plans every time, and BEGIN and COMMIT take a round trip each.
Here a statement is prepared at its first use on a connection, BEGIN goes out with the transaction's first statement,
and the last one may take COMMIT with it. Transactions stay Django's: `atomic`, its hooks on commit and its rollback
work as ever.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection
from psycopg import pq
from psycopg.errors import error_from_result

from core.postgres.guard import Parameter, Row, Statement, unsettled

__all__ = ["Parameter", "Row", "Statement", "run", "settle"]

_ANSWERS = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
# A prepared statement's name and its values; or a command, without any.
Question = tuple[bytes, list[bytes | None] | None]
_BEGIN: Question = (b"BEGIN", None)
_COMMIT: Question = (b"COMMIT", None)
_IDLE = pq.TransactionStatus.IDLE


def run(statement: Statement, parameters: Sequence[Parameter], *, last: bool = False) -> Row | None:
    """The first row of the answer, as text in UTF-8, or None without one. Raises Django's database errors.

    `last`: nothing else follows in the transaction, so COMMIT goes with it, unless an outer transaction goes on. What a
    deferred constraint has against the transaction is then raised here.
    """
    wrapper: Any = connection
    wrapper.close_if_health_check_failed()
    wrapper.ensure_connection()
    with wrapper.wrap_database_errors:
        wrapper.validate_no_broken_transaction()
        session = wrapper.connection
        begins = not session.autocommit and session.pgconn.transaction_status == _IDLE
        ends = last and wrapper.in_atomic_block and not wrapper.savepoint_ids
        first = _guard(session, rides=begins and not ends)
        if wrapper.queries_logged:
            wrapper.queries_log.append({"sql": statement.sql.decode(), "time": "0"})
        asked = [*first, *([_BEGIN] if begins else []), _prepared(session, statement, parameters)]
        answers = _run(session.pgconn, [*asked, _COMMIT] if ends else asked)
        if first:
            _judge(answers[0])
        for answer in answers:
            _checked(session.pgconn, answer)
        return _first_row(answers[len(asked) - 1])


def settle() -> None:
    """Ask what the thread's guard wants to know, if it has not been asked. Raises RefusedError."""
    if unsettled() is not None:
        wrapper: Any = connection
        wrapper.close_if_health_check_failed()
        wrapper.ensure_connection()
        with wrapper.wrap_database_errors:
            _guard(wrapper.connection, rides=False)


def _guard(session: psycopg.Connection[Any], *, rides: bool) -> list[Question]:
    """The thread's guard, to be asked first; nothing when there is none, or when it cannot ride and was asked here."""
    guard = unsettled()
    if guard is None:
        return []
    question = _prepared(session, guard.statement, guard.parameters)
    if rides:
        return [question]
    _judge(_checked(session.pgconn, _run(session.pgconn, [question])[0]))
    return []


def _judge(answer: pq.abc.PGresult) -> None:
    guard = unsettled()
    if guard is not None and answer.status in _ANSWERS:
        guard.judge(_first_row(answer))


def _encoded(value: Parameter) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else str(value).encode()


def _prepared(session: psycopg.Connection[Any], statement: Statement, parameters: Sequence[Parameter]) -> Question:
    known: set[bytes] = session.__dict__.setdefault("_arena_statements", set())
    if statement.name not in known:
        _checked(session.pgconn, session.pgconn.prepare(statement.name, statement.sql))
        known.add(statement.name)
    return statement.name, [_encoded(value) for value in parameters]


def _run(server: pq.abc.PGconn, asked: Sequence[Question]) -> list[pq.abc.PGresult]:
    """The answers, in one round trip. What follows a failure is answered with PIPELINE_ABORTED."""
    if len(asked) == 1:
        name, values = asked[0]
        # psycopg's stub knows no NULL here; its code does.
        return [server.exec_prepared(name, values)]  # type: ignore[arg-type]
    server.enter_pipeline_mode()
    try:
        for name, values in asked:
            if values is None:
                server.send_query_params(name, None)
            else:
                server.send_query_prepared(name, values)
        server.pipeline_sync()
        answers = _answers(server)
    except BaseException:
        # What is still on its way would be taken for the answer to something else.
        server.finish()
        raise
    if server.status == pq.ConnStatus.OK:
        server.exit_pipeline_mode()
    return answers


def _answers(server: pq.abc.PGconn) -> list[pq.abc.PGresult]:
    """What came back, up to the end of the pipeline. Waits on the socket: libpq would wait with the GIL in its hand."""
    found: list[pq.abc.PGresult] = []
    poll = select.poll()
    poll.register(server.socket, select.POLLIN)
    while True:
        while server.is_busy():
            poll.poll()
            server.consume_input()
        answer = server.get_result()
        if answer is None:
            continue
        if answer.status == pq.ExecStatus.PIPELINE_SYNC:
            return found
        found.append(answer)
        if server.status != pq.ConnStatus.OK:
            return found


def _checked(server: pq.abc.PGconn, answer: pq.abc.PGresult) -> pq.abc.PGresult:
    if answer.status in _ANSWERS:
        return answer
    if server.status != pq.ConnStatus.OK:
        raise psycopg.OperationalError(server.get_error_message())
    raise error_from_result(answer, encoding="utf-8")


def _first_row(answer: pq.abc.PGresult) -> Row | None:
    if not answer.ntuples:
        return None
    return tuple(answer.get_value(0, column) for column in range(answer.nfields))
