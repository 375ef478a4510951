"""Making agents: each is a user of its own, under the same rules as people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.services.users import user_create_in_tx
from ai_strategies.domain.strategies import make
from ai_strategies.models import Agent
from core.errors import Conflict, Invalid
from core.services import audit

MAX_NAME = 40


def agent_create(
    *,
    actor: object | None,
    key: str,
    name: str,
    strategy: str,
    params: Mapping[str, Any] | None = None,
    seed: int = 0,
    title: str = "",
    bio: str = "",
) -> int:
    """Make an agent with its user; returns its id. An agent that is already there is returned as it is."""
    coded = make(strategy, params or {})
    if not key or len(key) > MAX_NAME or not key.replace("-", "").isalnum() or key != key.lower():
        raise Invalid("invalid_agent", "An agent's key is lower-case letters, digits and dashes.", {"field": "key"})
    with transaction.atomic(durable=True):
        known = Agent.objects.filter(key=key).values_list("id", flat=True).first()
        if known is not None:
            return known
        # .invalid never resolves: nobody can sign in as an agent, and nothing is ever mailed to it.
        user = user_create_in_tx(email=f"{key}@agents.invalid", password=None, display_name=name, kind="agent")
        try:
            with transaction.atomic():
                agent = Agent.objects.create(
                    key=key,
                    user=user,
                    strategy=strategy,
                    params=dict(params or {}),
                    seed=seed,
                    title=title or coded.title,
                    bio=bio,
                )
        except IntegrityError as error:
            raise Conflict("agent_exists", "There is already an agent with this key.", {"key": key}) from error
        audit.record(
            actor=actor,
            action="agent.create",
            subject_type="agent",
            subject_id=agent.pk,
            after={"key": key, "strategy": strategy, "params": dict(params or {}), "seed": seed},
        )
        return agent.pk


def agent_set_active(*, actor: object | None, agent_id: int, active: bool, reason: str = "") -> None:
    """Let an agent take new seats, or not. Seats that it has stay."""
    with transaction.atomic(durable=True):
        changed = Agent.objects.filter(pk=agent_id).exclude(is_active=active).update(is_active=active)
        if changed:
            audit.record(
                actor=actor,
                action="agent.activate" if active else "agent.deactivate",
                subject_type="agent",
                subject_id=agent_id,
                reason=reason,
            )
