"""Leases on agent runs: a run is taken by one worker at a time, and taken up again when its lease has run out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

LEASE_SECONDS = 5

_LEASE = """
WITH taken AS (
    UPDATE ai_strategies_agentrun SET state = 'leased', attempts = attempts + 1,
        leased_until = clock_timestamp() + make_interval(secs => %s),
        started_at = coalesce(started_at, clock_timestamp())
    WHERE market_id = %s AND tick = %s AND account_id = ANY(%s)
        AND (state = 'pending' OR (state = 'leased' AND leased_until < clock_timestamp()))
    RETURNING id, seat_id, account_id, contest_id, tick, market_at, plan, attempts
)
SELECT * FROM taken ORDER BY account_id
"""
_RENEW = """
UPDATE ai_strategies_agentrun SET leased_until = clock_timestamp() + make_interval(secs => %s)
WHERE id = ANY(%s) AND state = 'leased'
"""
_PLAN = "UPDATE ai_strategies_agentrun SET plan = coalesce(plan, %s::jsonb) WHERE id = %s RETURNING plan"


@dataclass(frozen=True, slots=True)
class Lease:
    """A run that this worker holds."""

    run_id: int
    seat_id: int
    account_id: int
    contest_id: int
    tick: int
    market_at: datetime
    plan: list[dict[str, Any]] | None
    attempts: int


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _lease(*row: Any) -> Lease:
    run_id, seat_id, account_id, contest_id, tick, market_at, plan, attempts = row
    return Lease(run_id, seat_id, account_id, contest_id, tick, market_at, _json(plan), attempts)


def runs_lease(*, market_id: int, tick: int, account_ids: Sequence[int]) -> list[Lease]:
    """Take the open runs of these accounts, in account order; runs that someone else holds are left out."""
    with connection.cursor() as cursor:
        cursor.execute(_LEASE, [LEASE_SECONDS, market_id, tick, list(account_ids)])
        return [_lease(*row) for row in cursor.fetchall()]


def leases_renew(run_ids: Sequence[int]) -> None:
    """Hold these runs for another while."""
    with connection.cursor() as cursor:
        cursor.execute(_RENEW, [LEASE_SECONDS, list(run_ids)])


def plan_keep(run_id: int, plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Store the run's plan unless it has one; returns the plan that counts: the first."""
    with connection.cursor() as cursor:
        cursor.execute(_PLAN, [json.dumps(plan), run_id])
        kept: list[dict[str, Any]] = _json(cursor.fetchone()[0])
    return kept
