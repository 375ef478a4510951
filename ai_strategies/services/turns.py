"""When agents have a turn: every interval of market time, one run for each seat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from ai_strategies.models import AgentClock, AgentRun, AgentSeat
from contests import selectors as contest_selectors
from contests.selectors import ContestView
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick

CHUNK = 20
LIVE_TURN = timedelta(minutes=1)
OPEN_STATES = (AgentRun.State.PENDING, AgentRun.State.LEASED)

_RUNS = """
INSERT INTO ai_strategies_agentrun (seat_id, account_id, contest_id, market_id, tick, market_at)
SELECT id, account_id, contest_id, %s, %s, %s FROM ai_strategies_agentseat WHERE contest_id = %s
ON CONFLICT (account_id, tick) DO NOTHING
"""
_CLOCK = """
INSERT INTO ai_strategies_agentclock (contest_id, tick, market_at) VALUES (%s, %s, %s)
ON CONFLICT (contest_id) DO UPDATE SET tick = excluded.tick, market_at = excluded.market_at
"""


def turns_open(market: MarketView, tick: Tick) -> list[int]:
    """Open the turns that are due at this tick; returns the accounts with an open run, in id order. Idempotent."""
    for contest in contest_selectors.contests_on_market(market.id, statuses=("active",)):
        _turn_open(contest, tick)
    rows = AgentRun.objects.filter(market_id=market.id, tick=tick.index, state__in=OPEN_STATES)
    return list(rows.order_by("account_id").values_list("account_id", flat=True))


def _turn_open(contest: ContestView, tick: Tick) -> None:
    clock = AgentClock.objects.filter(contest_id=contest.id).first()
    interval = timedelta(minutes=contest.agent_interval_minutes)
    if clock is not None and (clock.tick >= tick.index or tick.at - clock.market_at < interval):
        return
    if not AgentSeat.objects.filter(contest_id=contest.id).exists():
        return
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_CLOCK, [contest.id, tick.index, tick.at])
        cursor.execute(_RUNS, [contest.market_id, tick.index, tick.at, contest.id])


def turn_lasts(market_id: int, tick: int, opened_at: datetime) -> bool:
    """Whether a turn may still be taken: its tick is in force or, as a live market waits for nobody, is a minute old.

    `opened_at` is the market's time of the tick, which in a live market is the wall's.
    """
    market = market_selectors.market_view(market_id)
    if market.kind == "replay" or market.status != "running":
        return market.tick == tick
    return datetime.now(tz=UTC) - opened_at < LIVE_TURN


def chunks(account_ids: list[int]) -> list[list[int]]:
    """Accounts in the portions that one task takes."""
    return [account_ids[start : start + CHUNK] for start in range(0, len(account_ids), CHUNK)]
