"""Turns that nobody works on: taken up again while their tick lasts, given up after; old rows are pruned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from ai_strategies.models import AgentRun, Decision
from ai_strategies.services.runs import runs_execute, runs_miss
from ai_strategies.services.turns import CHUNK, OPEN_STATES, chunks, turn_lasts

# How long a turn may wait for a worker before someone else takes it.
PATIENCE = timedelta(seconds=3)
HOLDS_KEPT = timedelta(hours=2)
RUNS_KEPT = timedelta(hours=6)
PRUNE_BATCH = 50_000


def _open(market_id: int, tick: int) -> QuerySet[AgentRun]:
    return AgentRun.objects.filter(market_id=market_id, tick=tick, state__in=OPEN_STATES)


def _abandoned(rows: QuerySet[AgentRun]) -> QuerySet[AgentRun]:
    now = datetime.now(tz=UTC)
    waiting = Q(state=AgentRun.State.PENDING, created_at__lt=now - PATIENCE)
    return rows.filter(waiting | Q(state=AgentRun.State.LEASED, leased_until__lt=now))


def gate_open(market_id: int, tick: int) -> bool:
    """Whether the market may leave the tick: every turn is done. Turns that no worker took are done here."""
    if not _open(market_id, tick).exists():
        return True
    left = _abandoned(_open(market_id, tick)).order_by("account_id").values_list("account_id", flat=True)[:CHUNK]
    if left:
        runs_execute(market_id=market_id, tick=tick, account_ids=list(left))
    return not _open(market_id, tick).exists()


def runs_recover() -> int:
    """Take up abandoned turns whose tick lasts, and miss those whose tick is over; returns how many were taken up."""
    done = 0
    rows = _abandoned(AgentRun.objects.filter(state__in=OPEN_STATES))
    for market_id, tick, at in sorted(set(rows.values_list("market_id", "tick", "market_at"))):
        these = _abandoned(_open(market_id, tick)).order_by("account_id")
        if turn_lasts(market_id, tick, at):
            for chunk in chunks(list(these.values_list("account_id", flat=True))):
                done += runs_execute(market_id=market_id, tick=tick, account_ids=chunk)
        else:
            runs_miss(list(these.values_list("id", flat=True)), "the market had moved on")
    return done


def prune() -> dict[str, int]:
    """Remove old `hold` decisions and old finished runs. Decisions that traded are kept for good."""
    now = datetime.now(tz=UTC)
    holds = Decision.objects.filter(action="hold", created_at__lt=now - HOLDS_KEPT).order_by("id")
    runs = AgentRun.objects.filter(finished_at__lt=now - RUNS_KEPT).order_by("id")
    hold_ids = list(holds.values_list("id", flat=True)[:PRUNE_BATCH])
    run_ids = list(runs.values_list("id", flat=True)[:PRUNE_BATCH])
    return {
        "holds": Decision.objects.filter(pk__in=hold_ids).delete()[0],
        "runs": AgentRun.objects.filter(pk__in=run_ids).delete()[0],
    }
