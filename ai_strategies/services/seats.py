"""Seating the agents that a contest's definition names, in the order it names them."""

from __future__ import annotations

import logging

from ai_strategies.models import Agent, AgentSeat
from contests import selectors as contest_selectors
from contests.services.joins import contest_join_in_tx
from core.errors import DomainError
from trading.domain.types import Actor

logger = logging.getLogger(__name__)


def unknown_agent_keys(keys: tuple[str, ...]) -> list[str]:
    """The keys that name no active agent."""
    known = set(Agent.objects.filter(key__in=keys, is_active=True).values_list("key", flat=True))
    return [key for key in keys if key not in known]


def seats_join_in_tx(contest_id: int) -> None:
    """Join every agent of the contest that has no seat yet, in the caller's transaction. Idempotent."""
    contest = contest_selectors.contest_by_id(contest_id)
    if contest.status not in ("scheduled", "active", "paused"):
        return
    seated = set(AgentSeat.objects.filter(contest_id=contest_id).values_list("agent_id", flat=True))
    agents = {agent.key: agent for agent in Agent.objects.select_related("user").filter(key__in=contest.agents)}
    for key in contest.agents:
        agent = agents.get(key)
        if agent is None or agent.pk in seated or not agent.is_active:
            continue
        actor = Actor(user_id=agent.user_id, label=agent.user.display_name)
        try:
            account_id = contest_join_in_tx(actor=actor, contest_id=contest_id, invited=True)
        except DomainError as error:
            logger.warning("agent %s takes no seat in contest %s: %s", key, contest_id, error.code)
            continue
        AgentSeat.objects.create(agent=agent, contest_id=contest_id, account_id=account_id)
