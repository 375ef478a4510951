"""Phases of an account: each opens a fresh trading account under its rules, and ends with what ended it."""

from __future__ import annotations

from datetime import datetime

from core.money import Money
from core.services import outbox
from marketdata import selectors as market_selectors
from propfirm.domain import states
from propfirm.models import PropAccount, PropPhase
from propfirm.selectors.plans import definition_of
from propfirm.services.moves import activity_in_tx
from propfirm.services.plans import plan_group_in_tx, plan_market
from trading.domain.types import SYSTEM, Actor
from trading.services.accounts import account_open_in_tx
from trading.services.ending import account_finish_in_tx
from trading.services.rules import rule_set_store, rules_assign_in_tx

_Status = PropPhase.Status


def phase_open_in_tx(account: PropAccount, index: int, *, actor: Actor = SYSTEM) -> PropPhase:
    """Open a phase of a locked account: a trading account with the full balance, under the rules that were bought.

    Raises Unavailable `practice_not_ready` when there is no market to trade in.
    """
    plan = account.plan
    read = definition_of(plan)
    phase = read.phase(index)
    earlier = PropPhase.objects.filter(account=account, index=index).order_by("-attempt").first()
    attempt = 1 if earlier is None else earlier.attempt + 1
    market = plan_market(plan)
    purpose = states.PURPOSES[phase.kind]
    rule_set = rule_set_store(document=read.rule_document(index, account.add_ons))
    trading_id = account_open_in_tx(
        owner_id=account.owner_id,
        market_id=market.id,
        group_id=plan_group_in_tx(plan, market.id, purpose),
        purpose=purpose,
        label=f"{account.number} {phase.name}" + (f" ({attempt})" if attempt > 1 else ""),
        initial=Money(plan.size_minor, plan.currency),
        terms=read.terms,
    )
    rules_assign_in_tx(account_id=trading_id, rule_set_id=rule_set.pk, retries=account.retries, resets=account.resets)
    at = market_selectors.market_clock(market.id).at
    made = PropPhase.objects.create(
        account=account,
        index=index,
        attempt=attempt,
        key=phase.key,
        name=phase.name,
        kind=phase.kind,
        trading_account_id=trading_id,
        rule_set=rule_set,
        started_at=at,
    )
    account.phase_index = index
    account.save(update_fields=["phase_index"])
    activity_in_tx(
        account,
        "phase_started",
        f"{phase.name} has begun with {Money(plan.size_minor, plan.currency)}.",
        data={"phase": phase.key, "attempt": attempt, "trading_account_id": trading_id, "rules": rule_set.hash},
        actor=actor,
        market_at=at,
    )
    payload = {"prop_account_id": account.pk, "phase_id": made.pk, "trading_account_id": trading_id}
    outbox.emit(topic="propfirm.phase_started", aggregate=f"prop_account:{account.pk}", payload=payload)
    return made


def phase_end_in_tx(
    phase: PropPhase, status: str, *, reason: str, verdict_id: int | None = None, at: datetime | None = None
) -> None:
    """End an active phase: its trading account takes no more orders, and what it holds is closed at the market."""
    account_finish_in_tx(account_id=phase.trading_account_id, reason=reason)
    phase.status = status
    phase.verdict_id = verdict_id
    phase.ended_at = at or market_selectors.market_clock(phase.trading_account.market_id).at
    phase.save(update_fields=["status", "verdict", "ended_at"])
