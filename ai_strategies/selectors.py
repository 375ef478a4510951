"""The reads about agents and their decisions. Frozen values, never rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet

from ai_strategies.domain.strategies import STRATEGIES
from ai_strategies.domain.view import Strategy
from ai_strategies.models import Agent, AgentSeat, Backtest, Decision
from core.errors import NotFound

MAX_ROWS = 500
AGENT_IDS, AGENT_IDS_SECONDS = "ai_strategies.agent_ids_by_user", 60


@dataclass(frozen=True, slots=True)
class SeatView:
    """An agent's place in a contest."""

    contest_id: int
    contest_slug: str
    contest_name: str
    contest_status: str
    account_id: int


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent as everyone may see it: how it decides is public."""

    id: int
    key: str
    user_id: int
    name: str
    title: str
    bio: str
    strategy: str
    strategy_title: str
    strategy_description: str
    params: dict[str, Any]
    seed: int
    is_active: bool
    created_at: datetime
    seats: tuple[SeatView, ...]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision with its reason and what became of it. `status`: "none" for hold, "refused" when no order was made."""

    id: int
    contest_id: int
    account_id: int
    agent_id: int
    agent_key: str
    agent_name: str
    tick: int
    action: str
    symbol: str
    quantity: int
    reason: str
    confidence: Decimal
    status: str
    code: str
    price: Decimal | None
    order_id: int | None
    market_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TurnView:
    """All decisions of one turn of one account."""

    account_id: int
    tick: int
    market_at: datetime
    decisions: tuple[DecisionView, ...]


@dataclass(frozen=True, slots=True)
class BacktestView:
    """A kept backtest. `result` holds its figures and latest trades; `curve` is [date, equity], thinned."""

    id: int
    strategy: str
    params: dict[str, Any]
    symbols: tuple[str, ...]
    start: date
    end: date
    options: dict[str, Any]
    assumptions: tuple[str, ...]
    result: dict[str, Any]
    curve: list[list[Any]]
    bars_checksum: str
    elapsed_ms: int
    requested_by_id: int | None
    created_at: datetime


def strategy_of(agent: AgentView) -> type[Strategy]:
    """The coded strategy that an agent follows."""
    return STRATEGIES[agent.strategy]


def agents_query() -> QuerySet[Agent]:
    """Agents, oldest first."""
    return Agent.objects.select_related("user").order_by("id")


def agent_views(rows: Iterable[Agent], seats_each: int = 10) -> list[AgentView]:
    """Views of rows of `agents_query`, each with its newest seats."""
    found = list(rows)
    seats: dict[int, list[SeatView]] = {agent.pk: [] for agent in found}
    recent = AgentSeat.objects.select_related("contest").filter(agent__in=found).order_by("-id")
    for seat in recent[: seats_each * max(len(found), 1)]:
        if len(seats[seat.agent_id]) < seats_each:
            contest = seat.contest
            view = SeatView(contest.pk, contest.slug, contest.name, contest.status, seat.account_id)
            seats[seat.agent_id].append(view)
    return [_agent_view(agent, tuple(seats[agent.pk])) for agent in found]


def _agent_view(row: Agent, seats: tuple[SeatView, ...]) -> AgentView:
    strategy = STRATEGIES[row.strategy]
    return AgentView(
        id=row.pk,
        key=row.key,
        user_id=row.user_id,
        name=row.user.display_name,
        title=row.title,
        bio=row.bio,
        strategy=row.strategy,
        strategy_title=strategy.title,
        strategy_description=strategy.description,
        params=dict(row.params),
        seed=row.seed,
        is_active=row.is_active,
        created_at=row.created_at,
        seats=seats,
    )


def agents_list(limit: int = 100) -> list[AgentView]:
    """The agents, oldest first."""
    return agent_views(agents_query()[:limit])


def agent_get(agent_id: int) -> AgentView:
    """One agent. Raises NotFound."""
    found = agent_views(agents_query().filter(pk=agent_id))
    if not found:
        raise NotFound("agent_not_found", "There is no such agent.")
    return found[0]


def agent_of_account(account_id: int) -> AgentView:
    """The agent that trades an account. Raises NotFound for an account that no agent trades."""
    seat = AgentSeat.objects.filter(account_id=account_id).values_list("agent_id", flat=True).first()
    if seat is None:
        raise NotFound("agent_not_found", "No agent trades this account.")
    return agent_get(seat)


def decisions_query(
    *, contest_id: int | None = None, account_id: int | None = None, holds: bool = True
) -> QuerySet[Decision]:
    """Decisions of a contest or an account, newest first."""
    rows = Decision.objects.select_related("agent__user").order_by("-id")
    if contest_id is not None:
        rows = rows.filter(contest_id=contest_id)
    if account_id is not None:
        rows = rows.filter(account_id=account_id)
    return rows if holds else rows.exclude(action="hold")


def decision_view(row: Decision) -> DecisionView:
    """A row as others see it."""
    return DecisionView(
        id=row.pk,
        contest_id=row.contest_id,
        account_id=row.account_id,
        agent_id=row.agent_id,
        agent_key=row.agent.key,
        agent_name=row.agent.user.display_name,
        tick=row.tick,
        action=row.action,
        symbol=row.symbol,
        quantity=row.quantity,
        reason=row.reason,
        confidence=row.confidence,
        status=row.status,
        code=row.code,
        price=row.price,
        order_id=row.order_id,
        market_at=row.market_at,
        created_at=row.created_at,
    )


def decisions(
    *, contest_id: int | None = None, account_id: int | None = None, limit: int = 50, holds: bool = False
) -> list[DecisionView]:
    """The newest decisions of a contest or an account; those to do nothing only on request."""
    rows = decisions_query(contest_id=contest_id, account_id=account_id, holds=holds)
    return [decision_view(row) for row in rows[: min(limit, MAX_ROWS)]]


def turn_ticks(account_id: int) -> QuerySet[Decision, int]:
    """The ticks at which an account had a turn, newest first."""
    return Decision.objects.filter(account_id=account_id, n=0).order_by("-tick").values_list("tick", flat=True)


def turns(account_id: int, ticks: Sequence[int]) -> list[TurnView]:
    """The turns at these ticks, in the order given."""
    grouped: dict[int, list[DecisionView]] = {tick: [] for tick in ticks}
    rows = Decision.objects.select_related("agent__user").filter(account_id=account_id, tick__in=ticks)
    for row in rows.order_by("tick", "n"):
        grouped[row.tick].append(decision_view(row))
    return [TurnView(account_id, tick, found[0].market_at, tuple(found)) for tick, found in grouped.items() if found]


def agent_ids_by_user() -> dict[int, int]:
    """Each agent's id by its user, to link names to their pages. Kept for a minute: agents are rarely made."""
    kept: dict[int, int] | None = cache.get(AGENT_IDS)
    if kept is None:
        kept = dict(Agent.objects.order_by("id").values_list("user_id", "pk")[:MAX_ROWS])
        cache.set(AGENT_IDS, kept, AGENT_IDS_SECONDS)
    return kept


def backtests_query(requested_by: int | None = None) -> QuerySet[Backtest]:
    """Kept backtests, newest first: those that one person asked for, or all."""
    rows = Backtest.objects.order_by("-id")
    return rows if requested_by is None else rows.filter(requested_by_id=requested_by)


def backtest_view(row: Backtest) -> BacktestView:
    """A row of `backtests_query` as others see it."""
    return BacktestView(
        id=row.pk,
        strategy=row.strategy,
        params=dict(row.params),
        symbols=tuple(row.symbols),
        start=row.start,
        end=row.end,
        options=dict(row.options),
        assumptions=tuple(row.assumptions),
        result=dict(row.result),
        curve=list(row.curve),
        bars_checksum=row.bars_checksum,
        elapsed_ms=row.elapsed_ms,
        requested_by_id=row.requested_by_id,
        created_at=row.created_at,
    )


def backtest_get(backtest_id: int) -> BacktestView:
    """One kept backtest. Raises NotFound."""
    row = Backtest.objects.filter(pk=backtest_id).first()
    if row is None:
        raise NotFound("backtest_not_found", "There is no such backtest.")
    return backtest_view(row)
