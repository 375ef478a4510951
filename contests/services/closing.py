"""Ending a contest: shut the door, wait for who is inside, cancel, mark, rank, freeze.

In steps that can each be repeated, so that a crash between them is mended by the next attempt:
1. the market ends and the group takes no orders (`closing_at` says that ending has begun);
2. every account is locked once in id order: an order that was being decided has finished after that;
3. resting orders are cancelled, and all accounts marked at the last tick's prices;
4. ranks are computed from those marks, stored on the participants, and the contest is ended.
"""

from __future__ import annotations

from django.db import connection, transaction

from contests.domain.states import LIVE, OVER, ContestStatus
from contests.locks import contest_lock, contest_try_lock
from contests.models import Contest
from contests.selectors import ContestView, view_of
from contests.selectors.standings import Table, table_compute
from contests.services import standings
from contests.services.moves import SYSTEM, move_in_tx, now
from contests.services.proof import proof_of
from core.errors import Conflict
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from marketdata.services import markets
from trading.domain.types import Actor
from trading.services.accounts import group_barrier_in_tx, group_set_status_in_tx
from trading.services.changes import orders_cancel_for_group
from trading.services.marking import mark_tick

_FREEZE = """
UPDATE contests_participant AS p SET final_rank = nullif(f.place, 0), final_value_minor = f.value,
    final_cash_minor = f.cash, final_trades = f.trades, final_score = f.score
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
    AS f(account, place, value, cash, trades, score)
WHERE p.account_id = f.account AND p.contest_id = %s
"""


def closing_begin_in_tx(contest: Contest, *, actor: Actor = SYSTEM, reason: str = "") -> None:
    """Step 1, on a locked contest: from here on nothing trades."""
    if contest.closing_at is None:
        contest.closing_at = now()
        contest.save(update_fields=["closing_at"])
    if contest.group.status == "open":
        group_set_status_in_tx(group_id=contest.group_id, status="paused")
    markets.market_end_in_tx(actor=actor, market_id=contest.market_id, reason=reason)


def contest_end(*, actor: Actor = SYSTEM, contest_id: int, reason: str = "", wait: bool = True) -> ContestView | None:
    """End a running or paused contest and freeze its ranks. Ending an ended one changes nothing.

    Without `wait`, None when someone else is at it just now.
    """
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id) if wait else contest_try_lock(contest_id)
        if contest is None:
            return None
        if contest.status in OVER:
            return view_of(contest)
        if contest.status not in LIVE:
            message = f"A contest that is {contest.status} cannot be ended."
            raise Conflict("contest_state", message, {"status": contest.status})
        closing_begin_in_tx(contest, actor=actor, reason=reason)
    with transaction.atomic(durable=True):
        group_barrier_in_tx(group_id=contest.group_id)
    orders_cancel_for_group(group_id=contest.group_id, reason="trading_ended")
    market, tick = _last_tick(contest.market_id)
    if tick is not None:
        mark_tick(market, tick)
    return _freeze(contest_id, tick, actor=actor, reason=reason)


def _last_tick(market_id: int) -> tuple[MarketView, Tick | None]:
    return market_selectors.market_view(market_id), market_selectors.last_tick(market_id)


def _freeze(contest_id: int, tick: Tick | None, *, actor: Actor, reason: str) -> ContestView:
    with transaction.atomic(durable=True):
        contest = contest_lock(contest_id)
        if contest.status in OVER:
            return view_of(contest)
        contest.ended_at = now()
        table = _rank_in_tx(contest, tick)
        if tick is not None:
            standings.snapshot_record(contest, table, day_index=tick.day_index, tick=tick, is_final=True)
            standings.show(contest, table, tick)
        group_set_status_in_tx(group_id=contest.group_id, status="closed")
        move_in_tx(contest, ContestStatus.ENDED, actor=actor, reason=reason)
        return view_of(contest)


def _rank_in_tx(contest: Contest, tick: Tick | None) -> Table:
    """Rank the marks of the end, and keep ranks, hash and proof."""
    table = table_compute(contest, day_index=None if tick is None else tick.day_index)
    _store(contest, table)
    contest.final_hash = standings.table_hash(contest, table)
    contest.proof = proof_of(contest, table, tick)
    contest.save(update_fields=["ended_at", "final_hash", "proof"])
    return table


def refreeze_in_tx(contest: Contest) -> None:
    """Rank a locked contest that has ended once more, because somebody was taken out of it or let in again.

    Prices, cash and positions are those of its end. The standings that were recorded then stay on record.
    Raises Conflict `contest_state` unless it has ended and its prizes are not out.
    """
    if contest.status != ContestStatus.ENDED:
        message = f"The standings of a contest that is {contest.status} are not frozen anew."
        raise Conflict("contest_state", message, {"status": contest.status})
    out = contest.participants.exclude(status="active")
    out.update(final_rank=None, final_value_minor=None, final_cash_minor=None, final_trades=None, final_score=None)
    _, tick = _last_tick(contest.market_id)
    table = _rank_in_tx(contest, tick)
    if tick is not None:
        standings.show(contest, table, tick)


def _store(contest: Contest, table: Table) -> None:
    accounts, places, _, values, cash, trades, score = table.columns.tolist()
    with connection.cursor() as cursor:
        cursor.execute(_FREEZE, [accounts, places, values, cash, trades, score, contest.pk])
