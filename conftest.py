"""Fixtures of the whole suite."""

import os
from collections.abc import Sequence

import pytest

_TEMPLATES = "test_template_"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, django_db_blocker):
    """Workers copy one database that the first of them has migrated: migrating takes each of them a minute."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
    if run:
        with django_db_blocker.unblock():
            _template_ensure(f"{_TEMPLATES}{run[:24]}")


def _template_ensure(name: str) -> None:
    from django.core.management import call_command
    from django.db import connection

    creation = connection.creation
    with creation._nodb_cursor() as cursor:
        # The others wait here until it is there; what earlier runs have left goes.
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(hashtextextended('test template', 0))")
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [_TEMPLATES])
        known = [row[0] for row in cursor.fetchall()]
        if name not in known:
            for old in known:
                cursor.execute(f'DROP DATABASE IF EXISTS "{old}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{name}"')
            before = connection.settings_dict["NAME"]
            connection.close()
            connection.settings_dict["NAME"] = name
            try:
                call_command("migrate", verbosity=0, interactive=False)
            finally:
                connection.close()
                connection.settings_dict["NAME"] = before
        cursor.execute("SELECT pg_advisory_unlock(hashtextextended('test template', 0))")
    connection.settings_dict["TEST"]["TEMPLATE"] = name


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
    from propfirm.services.calendar import calendar_forget
    from trading.services.context import forget
    from trading.services.pauses import forget as pauses_forget

    forget()
    pauses_forget()
    calendar_forget()
    rates_forget()
    cache_clear()
    sessions_forget()
    live_forget()
    forget_process_state()
    cache.clear()
    client().flushdb()
