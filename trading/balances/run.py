"""Running a check that is one statement of SQL."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.db import connection

from core.books import CheckResult, Mismatch, register_balance_check
from core.money import exponent


def check(subject: str, sql: str, *arguments: Callable[[], str]) -> Callable[[], CheckResult]:
    """A check that runs `sql`: (id, cached, truth) as text; the values of `arguments` fill its placeholders."""

    def run() -> CheckResult:
        values = [argument() for argument in arguments]
        with connection.cursor() as cursor:
            cursor.execute(
                f"WITH q(id, cached, truth) AS MATERIALIZED ({sql}) "  # noqa: S608  constants of this file
                "SELECT count(*), array(SELECT ARRAY[id::text, cached, truth] FROM q "
                "WHERE cached IS DISTINCT FROM truth ORDER BY id LIMIT 100) FROM q",
                values,
            )
            checked, wrong = cursor.fetchone()
        found = [Mismatch(f"{subject} {name}", str(truth), str(cached)) for name, cached, truth in wrong]
        return CheckResult(checked, found)

    return run


def places() -> str:
    """The minor-unit exponent of each currency in use, as JSON."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT currency FROM trading_account UNION SELECT currency FROM marketdata_instrument")
        return json.dumps({currency: exponent(currency) for (currency,) in cursor.fetchall()})


def add(name: str, subject: str, sql: str, *arguments: Callable[[], str]) -> None:
    """Have `verify_books` run `sql` under a name; `subject` is the word for what its rows are about."""
    register_balance_check(name, check(subject, sql, *arguments))
