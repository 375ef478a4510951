"""Taking the agents' turns: decide, place the orders, record the decisions.

A turn is leased; its plan is stored before its first order; each order has the key `agent:{account}:{tick}:{n}`. So
a turn that was cut off anywhere is taken up again with the same decisions, and no order is placed twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from ai_strategies.domain.picture import MAX_ACTIONS, Book, MarketPicture, picture_narrow, view_build
from ai_strategies.domain.strategies import make
from ai_strategies.domain.view import Action, hold
from ai_strategies.locks import Lease, leases_renew, plan_keep, runs_lease
from ai_strategies.models import AgentRun, AgentSeat, Decision
from ai_strategies.services.turns import turn_lasts
from ai_strategies.services.views import books_take, picture_take
from contests import selectors as contest_selectors
from contests.selectors import ContestView
from core.errors import DomainError
from core.push import publish_many
from marketdata.domain.types import iso
from trading.domain.types import Actor, OrderRequest, OrderView, plain
from trading.services.orders import order_place

logger = logging.getLogger(__name__)

Plan = list[dict[str, Any]]
SOURCE = "agent"


def runs_execute(*, market_id: int, tick: int, account_ids: Sequence[int]) -> int:
    """Take the open turns of these accounts at this tick, in account order; returns how many were done.

    A second delivery finds the turns leased or done and does nothing. Turns of a tick that is over are missed.
    """
    with transaction.atomic():
        leases = runs_lease(market_id=market_id, tick=tick, account_ids=account_ids)
    if not leases:
        return 0
    if not turn_lasts(market_id, tick, leases[0].market_at):
        runs_miss([lease.run_id for lease in leases], "the market had moved on")
        return 0
    turns = _turns(market_id, leases)
    idle = [turn for turn in turns if not turn.trades]
    _finish([(turn, [_row(turn, n, action) for n, action in enumerate(turn.actions)]) for turn in idle])
    trading = [turn for turn in turns if turn.trades]
    for index, turn in enumerate(trading):
        if index:
            leases_renew([later.lease.run_id for later in trading[index:]])
        _carry_out(turn)
    return len(leases)


@dataclass(frozen=True, slots=True)
class Turn:
    """A leased run with what its agent decided."""

    lease: Lease
    seat: AgentSeat
    actions: list[Action]

    @property
    def trades(self) -> bool:
        """Whether any order comes of it."""
        return any(action.side != "hold" for action in self.actions)

    @property
    def actor(self) -> Actor:
        """The agent as the order path knows it."""
        return Actor(user_id=self.seat.agent.user_id, label=self.seat.agent.user.display_name)


def _turns(market_id: int, leases: Sequence[Lease]) -> list[Turn]:
    """What each agent decides: all from one picture of the market, before any of them trades."""
    picture = picture_take(market_id)
    seats = {seat.pk: seat for seat in _seats([lease.seat_id for lease in leases])}
    contests = {key: contest_selectors.contest_by_id(key) for key in {lease.contest_id for lease in leases}}
    books = books_take([lease.account_id for lease in leases])
    narrowed = {key: picture_narrow(picture, contest.allowed_symbols) for key, contest in contests.items()}
    turns = []
    for lease in leases:
        seat, contest = seats[lease.seat_id], contests[lease.contest_id]
        plan = lease.plan or _decide(seat, books[lease.account_id], contest, narrowed[contest.id])
        turns.append(Turn(lease, seat, [Action.from_json(item) for item in plan]))
    return turns


def _seats(ids: list[int]) -> list[AgentSeat]:
    return list(AgentSeat.objects.select_related("agent__user", "contest").filter(pk__in=ids))


def runs_miss(run_ids: Sequence[int], why: str) -> int:
    """Give up on turns whose tick is over."""
    rows = AgentRun.objects.filter(pk__in=run_ids, state__in=[AgentRun.State.PENDING, AgentRun.State.LEASED])
    return rows.update(state=AgentRun.State.MISSED, error=why, finished_at=Now())


def _decide(seat: AgentSeat, book: Book, contest: ContestView, picture: MarketPicture) -> Plan:
    agent = seat.agent
    market_seed = int(seat.contest.definition["market"].get("seed", 0))
    most = contest.constraints.get("max_position_pct")
    view = view_build(picture, book, seed=agent.seed, market_seed=market_seed, max_position_pct=most)
    try:
        actions = make(agent.strategy, agent.params).decide(view)
    except Exception as error:
        # A strategy that fails loses its turn; it does not hold up the market or the others.
        logger.exception("strategy %s of agent %s failed", agent.strategy, agent.key)
        actions = hold(f"The strategy failed and did nothing: {type(error).__name__}.", 0.0)
    return [action.to_json() for action in actions[:MAX_ACTIONS]]


def _carry_out(turn: Turn) -> None:
    plan = turn.lease.plan or plan_keep(turn.lease.run_id, [action.to_json() for action in turn.actions])
    kept = Turn(turn.lease, turn.seat, [Action.from_json(item) for item in plan])
    _finish([(kept, [_row(kept, n, action) for n, action in enumerate(kept.actions)])])


def _finish(done: Sequence[tuple[Turn, list[Decision]]]) -> None:
    """Write the decisions of these turns down, and the turns as done, together."""
    if not done:
        return
    with transaction.atomic():
        Decision.objects.bulk_create([row for _, rows in done for row in rows], ignore_conflicts=True)
        AgentRun.objects.filter(pk__in=[turn.lease.run_id for turn, _ in done]).update(
            state=AgentRun.State.DONE, finished_at=Now(), leased_until=None
        )
        publish_many(
            (f"contest:{row.contest_id}", "decision", _event(row, turn.actor.label))
            for turn, rows in done
            for row in rows
            if row.action != "hold"
        )


def _row(turn: Turn, n: int, action: Action) -> Decision:
    lease = turn.lease
    status, code, order = ("none", "", None) if action.side == "hold" else _place(turn, n, action)
    price = order.average_price if order is not None else None
    return Decision(
        account_id=lease.account_id,
        agent_id=turn.seat.agent_id,
        contest_id=lease.contest_id,
        tick=lease.tick,
        n=n,
        action=action.side,
        symbol=action.symbol,
        quantity=action.quantity,
        reason=action.reason[:500],
        confidence=Decimal(str(round(action.confidence, 4))),
        status=status,
        code=code,
        price=Decimal(price) if price else None,
        order_id=order.id if order is not None else None,
        market_at=lease.market_at,
    )


def _place(turn: Turn, n: int, action: Action) -> tuple[str, str, OrderView | None]:
    if action.side == "hold":
        return "none", "", None
    account_id = turn.lease.account_id
    request = OrderRequest(symbol=action.symbol, side=action.side, quantity=Decimal(action.quantity), source=SOURCE)
    key = f"agent:{account_id}:{turn.lease.tick}:{n}"
    try:
        order = order_place(actor=turn.actor, account_id=account_id, request=request, idempotency_key=key)
    except DomainError as error:
        return "refused", error.code[:40], None
    return order.status, order.code, order


def _event(row: Decision, name: str) -> dict[str, Any]:
    return {
        "account_id": row.account_id,
        "name": name,
        "action": row.action,
        "symbol": row.symbol,
        "quantity": row.quantity,
        "price": None if row.price is None else plain(row.price),
        "reason": row.reason,
        "confidence": str(row.confidence),
        "status": row.status,
        "code": row.code,
        "tick": row.tick,
        "at": iso(row.market_at),
    }
