"""The one Redis client of a process: pooled, text replies, short timeouts."""

import os
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

_held = threading.local()


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


def ask(server: "redis.Redis", commands: Sequence[Sequence[Any]]) -> list[Any]:
    """The raw replies to these commands, sent in one round trip over a connection that the calling thread keeps.

    For what every order asks: a pipeline of the client borrows a connection, looks whether it is clean, and keeps
    statistics, which costs more than the commands. As there, a lost connection is tried once more (so a command may be
    carried out twice), and RedisError is raised when that fails too, or for the first command that is refused.
    """
    try:
        return _ask(_connection(server), commands)
    except (RedisConnectionError, RedisTimeoutError):
        # A connection that failed is closed, and opens again when it is used.
        return _ask(_connection(server), commands)


class _Held:
    """A connection that one thread of one process keeps. It goes back to the pool with the thread."""

    def __init__(self, server: "redis.Redis") -> None:
        self.server, self.process = server, os.getpid()
        self.connection: Any = server.connection_pool.get_connection()

    def __del__(self) -> None:
        # A server that starts a thread for each connection would empty the pool otherwise.
        connection = getattr(self, "connection", None)
        if connection is not None and self.process == os.getpid():
            self.server.connection_pool.release(connection)


def _connection(server: "redis.Redis") -> Any:
    """This thread's connection to the server; never one that a parent process uses."""
    held: _Held | None = getattr(_held, "connection", None)
    if held is None or held.server is not server or held.process != os.getpid():
        held = _held.connection = _Held(server)
    return held.connection


def _ask(connection: Any, commands: Sequence[Sequence[Any]]) -> list[Any]:
    connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    refused: ResponseError | None = None
    for _ in commands:
        try:
            replies.append(connection.read_response())
        except ResponseError as error:
            # The other replies are on their way, and must not be taken for the next question's.
            refused = refused or error
    if refused is not None:
        raise refused
    return replies
