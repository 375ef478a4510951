"""Phases of an account: each opens a fresh trading account under its rules, and ends with what ended it."""

from __future__ import annotations

from datetime import datetime

from core.money import Money
from core.services import outbox
from marketdata import selectors as market_selectors
from propfirm.domain import states
from propfirm.models import PropAccount, PropPhase
from propfirm.selectors.accounts import last_phase
from propfirm.selectors.plans import definition_of
from propfirm.services.moves import account_tell_in_tx, activity_in_tx
from propfirm.services.plans import plan_group_in_tx, plan_market
from trading.domain.types import SYSTEM, Actor
from trading.models import Account
from trading.services.accounts import account_open_in_tx
from trading.services.ending import account_finish_in_tx
from trading.services.locking import account_lock_in_tx
from trading.services.rules import rule_set_store, rules_assign_in_tx

# A lock of an operator's begins so, which tells it from those of rules and payouts.
HELD = "Stopped by the firm: "
_Status = PropPhase.Status


def is_stopped(row: Account) -> bool:
    """Whether an operator has locked a trading account of the firm, and has not let it go on."""
    return row.status == Account.Status.LOCKED and row.lock_reason.startswith(HELD)


def phase_open_in_tx(account: PropAccount, index: int, *, actor: Actor = SYSTEM) -> PropPhase:
    """Open a phase of a locked account: a trading account with the full balance, under the rules that were bought.

    An operator's stop of the phase before goes on in this one. Raises Unavailable `practice_not_ready` when there is
    no market to trade in.
    """
    plan, read = account.plan, definition_of(account.plan)
    phase = read.phase(index)
    before, attempt = last_phase(account.pk), _next_attempt(account, index)
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
    if before is not None and is_stopped(before.trading_account):
        account_lock_in_tx(account_id=trading_id, reason=before.trading_account.lock_reason)
        activity_in_tx(account, "stopped", before.trading_account.lock_reason)
    return made


def _next_attempt(account: PropAccount, index: int) -> int:
    earlier = PropPhase.objects.filter(account=account, index=index).order_by("-attempt").first()
    return 1 if earlier is None else earlier.attempt + 1


def phase_end_in_tx(
    phase: PropPhase, status: str, *, reason: str, verdict_id: int | None = None, at: datetime | None = None
) -> None:
    """End an active phase: its trading account takes no more orders, and what it holds is closed at the market.

    Where a verdict ends it the owner is told with that. Closed without one, they are told here, with the reason.
    """
    account_finish_in_tx(account_id=phase.trading_account_id, reason=reason)
    phase.status = status
    phase.verdict_id = verdict_id
    phase.ended_at = at or market_selectors.market_clock(phase.trading_account.market_id).at
    phase.save(update_fields=["status", "verdict", "ended_at"])
    if status == _Status.CLOSED:
        account_tell_in_tx(phase.account, "closed", "is closed", reason)
