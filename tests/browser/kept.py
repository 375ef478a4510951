"""What a fixture has made, kept and put back: building a site of contests and agents takes seconds, copying does not.

Everything in this process's PostgreSQL and Redis databases is kept as it is, so a test that gets a copy cannot tell. A
fixture starts its processes and sets its settings itself, each time.
"""

from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import connection, transaction

_COLUMNS = """SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""

_ONWARD = "SELECT setval(%s::regclass, GREATEST(%s, nextval(%s::regclass)))"


@dataclass(frozen=True)
class _Kept:
    tables: dict[str, tuple[str, bytes]]
    sequences: list[tuple[str, int]]
    redis: dict[bytes, tuple[bytes, int]]


_made: dict[str, _Kept] = {}


def made_once(name: str, build: Callable[[], None]) -> None:
    """Build it, or put back what the last build of that name has left in the databases."""
    if name in _made:
        _put_back(_made[name])
        return
    build()
    _made[name] = _keep()


def _keep() -> _Kept:
    tables: dict[str, tuple[str, bytes]] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            if table == "django_migrations":
                continue
            cursor.execute(_COLUMNS, [f'"{table}"'])
            columns = cursor.fetchone()[0]
            with cursor.copy(f'COPY (SELECT {columns} FROM "{table}") TO STDOUT') as copy:
                rows = b"".join(copy)
            if rows:
                tables[table] = (columns, rows)
        cursor.execute("SELECT schemaname || '.' || sequencename, last_value FROM pg_sequences WHERE last_value > 0")
        sequences = cursor.fetchall()
    return _Kept(tables, sequences, _redis_kept())


def _raw() -> redis.Redis:
    """This process's Redis database, for replies that are no text."""
    return redis.Redis.from_url(settings.REDIS_URL)


def _redis_kept() -> dict[bytes, tuple[bytes, int]]:
    server = _raw()
    return {key: (server.dump(key), max(server.pttl(key), 0)) for key in server.scan_iter()}


def _put_back(kept: _Kept) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table, (columns, rows) in kept.tables.items():
            cursor.execute(f'DELETE FROM "{table}"')
            with cursor.copy(f'COPY "{table}" ({columns}) FROM STDIN') as copy:
                copy.write(rows)
        for sequence, value in kept.sequences:
            cursor.execute(
                "SELECT setval(%s::regclass, GREATEST(%s, nextval(%s::regclass)))", [sequence, value, sequence]
            )
    server = _raw()
    for key, (value, ttl) in kept.redis.items():
        server.restore(key, ttl, value, replace=True)
