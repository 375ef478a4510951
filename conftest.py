"""Fixtures of the whole suite."""

from collections.abc import Sequence

import pytest


@pytest.fixture(scope="session", autouse=True)
def _quick_flush():
    """Empty what is not empty after a test that committed: of a hundred tables a test fills ten.

    What migrations make (content types and their permissions) stays. Tables that SQL made are emptied too: nothing
    cascades to them here. Without triggers and in any order, which a session of the superuser may ask for; the tests'
    database has one.
    """
    from django.db import connection

    def sql_flush(tables: Sequence[str]) -> list[str]:
        if not tables:
            return []
        kept = ("django_migrations", "django_content_type", "auth_permission")
        names = [name for name in connection.introspection.table_names() if name not in kept]
        asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in names)
        with connection.cursor() as cursor:
            cursor.execute(asked)
            filled = [row[0] for row in cursor.fetchall()]
        deletes = [f'DELETE FROM "{name}"' for name in filled]
        return ["SET LOCAL session_replication_role = replica", *deletes] if filled else []

    original = type(connection.ops).sql_flush
    type(connection.ops).sql_flush = lambda _self, _style, tables, **_more: sql_flush(tables)
    yield
    type(connection.ops).sql_flush = original


@pytest.fixture(autouse=True)
def _clean_process():
    """Forget what a process remembers between requests; ids come back when a test rolls back."""
    from core.flags import flags_assume_off

    flags_assume_off()
    yield
    from django.core.cache import cache

    from core.redis import client
    from core.throttling import rates_forget
    from marketdata.selectors import cache_clear
    from marketdata.selectors.sessions import sessions_forget
    from marketdata.services.live_ticks import live_forget
    from marketdata.services.ticks import forget_process_state
    from trading.services.context import forget
    from trading.services.pauses import forget as pauses_forget

    forget()
    pauses_forget()
    rates_forget()
    cache_clear()
    sessions_forget()
    live_forget()
    forget_process_state()
    cache.clear()
    client().flushdb()
