"""Taking the agents' turns: decide, place the orders, record the decisions.

A turn is leased; its plan is stored before its first order; each order has the key `agent:{account}:{tick}:{n}`. So
a turn that was cut off anywhere is taken up again with the same decisions, and no order is placed twice.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from ai_strategies.domain.strategies import make
from ai_strategies.domain.view import Action, hold
from ai_strategies.locks import Lease, leases_renew, plan_keep, runs_lease
from ai_strategies.models import AgentRun, AgentSeat, Decision
from ai_strategies.services.views import MarketPicture, picture_narrow, picture_take, view_build
from contests import selectors as contest_selectors
from contests.selectors import ContestView
from core.errors import DomainError
from core.push import publish_many
from marketdata import selectors as market_selectors
from marketdata.domain.types import iso
from trading import selectors as trading_selectors
from trading.domain.types import Actor, OrderRequest, OrderView, plain
from trading.domain.views import AccountView
from trading.services.orders import order_place

logger = logging.getLogger(__name__)

MAX_ACTIONS = 60
SOURCE = "agent"


def runs_execute(*, market_id: int, tick: int, account_ids: Sequence[int]) -> int:
    """Take the open turns of these accounts at this tick, in account order; returns how many were done.

    A second delivery finds the turns leased or done and does nothing. Turns of a tick that is over are missed.
    """
    with transaction.atomic():
        leases = runs_lease(market_id=market_id, tick=tick, account_ids=account_ids)
    if not leases:
        return 0
    if market_selectors.market_view(market_id).tick != tick:
        runs_miss([lease.run_id for lease in leases], "the market had moved on")
        return 0
    picture = picture_take(market_id)
    seats = {seat.pk: seat for seat in _seats([lease.seat_id for lease in leases])}
    contests = {key: contest_selectors.contest_by_id(key) for key in {lease.contest_id for lease in leases}}
    accounts = trading_selectors.accounts_by_ids([lease.account_id for lease in leases])
    narrowed = {key: picture_narrow(picture, contest.allowed_symbols) for key, contest in contests.items()}
    for index, lease in enumerate(leases):
        if index:
            leases_renew([later.run_id for later in leases[index:]])
        contest = contests[lease.contest_id]
        plan = lease.plan or plan_keep(
            lease.run_id, _decide(seats[lease.seat_id], accounts[lease.account_id], contest, narrowed[contest.id])
        )
        _carry_out(lease, seats[lease.seat_id], [Action.from_json(item) for item in plan])
    return len(leases)


def _seats(ids: list[int]) -> list[AgentSeat]:
    return list(AgentSeat.objects.select_related("agent__user", "contest").filter(pk__in=ids))


def runs_miss(run_ids: Sequence[int], why: str) -> int:
    """Give up on turns whose tick is over."""
    rows = AgentRun.objects.filter(pk__in=run_ids, state__in=[AgentRun.State.PENDING, AgentRun.State.LEASED])
    return rows.update(state=AgentRun.State.MISSED, error=why, finished_at=Now())


def _decide(
    seat: AgentSeat, account: AccountView, contest: ContestView, picture: MarketPicture
) -> list[dict[str, Any]]:
    agent = seat.agent
    market_seed = int(seat.contest.definition["market"].get("seed", 0))
    view = view_build(picture, account, contest, seed=agent.seed, market_seed=market_seed)
    try:
        actions = make(agent.strategy, agent.params).decide(view)
    except Exception as error:
        # A strategy that fails loses its turn; it does not hold up the market or the others.
        logger.exception("strategy %s of agent %s failed", agent.strategy, agent.key)
        actions = hold(f"The strategy failed and did nothing: {type(error).__name__}.", 0.0)
    return [action.to_json() for action in actions[:MAX_ACTIONS]]


def _carry_out(lease: Lease, seat: AgentSeat, actions: list[Action]) -> None:
    actor = Actor(user_id=seat.agent.user_id, label=seat.agent.user.display_name)
    rows = [_row(lease, seat, n, action, actor) for n, action in enumerate(actions)]
    with transaction.atomic():
        Decision.objects.bulk_create(rows, ignore_conflicts=True)
        done = {"state": AgentRun.State.DONE, "finished_at": Now(), "leased_until": None}
        AgentRun.objects.filter(pk=lease.run_id).update(**done)
        channel = f"contest:{lease.contest_id}"
        publish_many([(channel, "decision", _event(row, actor.label)) for row in rows if row.action != "hold"])


def _row(lease: Lease, seat: AgentSeat, n: int, action: Action, actor: Actor) -> Decision:
    status, code, order = ("none", "", None) if action.side == "hold" else _place(lease, n, action, actor)
    price = order.average_price if order is not None else None
    return Decision(
        account_id=lease.account_id,
        agent_id=seat.agent_id,
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


def _place(lease: Lease, n: int, action: Action, actor: Actor) -> tuple[str, str, OrderView | None]:
    if action.side == "hold":
        return "none", "", None
    request = OrderRequest(symbol=action.symbol, side=action.side, quantity=Decimal(action.quantity), source=SOURCE)
    key = f"agent:{lease.account_id}:{lease.tick}:{n}"
    try:
        order = order_place(actor=actor, account_id=lease.account_id, request=request, idempotency_key=key)
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
