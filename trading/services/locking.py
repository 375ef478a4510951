"""Locking accounts and lifting locks. A locked account takes no orders and fills none; the system may reduce it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from core.errors import Conflict, Invalid, NotFound
from core.services import audit, outbox
from marketdata.domain.types import MarketView, Tick
from marketdata.selectors import market_clock
from trading.domain import rules
from trading.domain.rules import RuleState
from trading.domain.rules.sweep import micros
from trading.domain.types import SYSTEM, Actor
from trading.models import Account, AccountRules, BookChange, RuleLines

_Status = Account.Status
LONGEST_REASON = 500
_LOCK = ["status", "locked_until", "lock_reason"]
_LOCK_MANY = """
UPDATE trading_account a SET status = v.status, locked_until = v.until, lock_reason = v.reason
FROM jsonb_to_recordset(%s::jsonb) AS v(id bigint, status text, until timestamptz, reason text) WHERE a.id = v.id
"""


def _locked_row(account_id: int) -> Account:
    row = Account.objects.select_for_update(no_key=True).filter(pk=account_id).first()
    if row is None:
        raise NotFound("account_not_found", "There is no such account.")
    return row


def _shape(row: Account) -> dict[str, str | None]:
    until = None if row.locked_until is None else row.locked_until.isoformat()
    return {"status": row.status, "until": until, "reason": row.lock_reason}


def account_lock_in_tx(*, account_id: int, reason: str, until: datetime | None = None, actor: Actor = SYSTEM) -> bool:
    """Lock an account until a moment of its market's time, or for good; returns whether anything changed.

    The account's row stays locked until the caller's transaction ends. A lock never becomes weaker: of two the later
    counts, and one for good stays. Resting orders stay too, and do not fill: flatten the account to end them. Raises
    NotFound, Invalid ("reason_needed") and Conflict ("account_closed").
    """
    reason = reason.strip()[:LONGEST_REASON]
    if not reason:
        raise Invalid("reason_needed", "Give a reason.", {"field": "reason"})
    row = _locked_row(account_id)
    if row.status == _Status.CLOSED:
        raise Conflict("account_closed", "This account is closed.")
    before = _lock(row, reason, until)
    if before is None:
        return False
    row.save(update_fields=_LOCK)
    if until is None:
        _idle_clock(row, rules.held)
    _tell([(row, before, reason)], actor, "account_locked")
    return True


def accounts_lock_in_tx(wanted: Iterable[tuple[Account, str, datetime | None]]) -> None:
    """`account_lock_in_tx` by the system for rows that the transaction has locked: (row, reason, until) each.

    The same account may come twice; none may be closed.
    """
    changed = []
    for row, words, until in wanted:
        reason = words.strip()[:LONGEST_REASON]
        before = _lock(row, reason, until)
        if before is not None:
            changed.append((row, before, reason))
    if changed:
        shapes = {row.pk: {"id": row.pk, **_shape(row)} for row, _, _ in changed}
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_MANY, [json.dumps(list(shapes.values()))])
        _tell(changed, SYSTEM, "account_locked")


def _lock(row: Account, reason: str, until: datetime | None) -> dict[str, str | None] | None:
    """Put a lock on a row, unless the one that it has is stronger; its shape before, None when nothing changed."""
    if row.status == _Status.LOCKED and (row.locked_until is None or (until is not None and until <= row.locked_until)):
        return None
    before = _shape(row)
    row.status, row.locked_until, row.lock_reason = _Status.LOCKED, until, reason
    return before


def _idle_clock(row: Account, move: Callable[[RuleState, datetime], RuleState]) -> None:
    """Stop or start the clock of a locked row that ends accounts without trades; it is looked at at the next tick."""
    found = AccountRules.objects.filter(pk=row.pk).first()
    if found is None:
        return
    before, at = RuleState.from_json(found.state), market_clock(row.market_id).at
    after = move(before, at)
    if after is before:
        return
    found.state = after.to_json()
    found.save(update_fields=["state"])
    RuleLines.objects.filter(pk=row.pk).update(due_us=micros(at))
    BookChange.objects.create(account_id=row.pk, rules_only=True)


def account_unlock_in_tx(*, account_id: int, reason: str, actor: Actor = SYSTEM) -> bool:
    """Let a locked account trade again; returns whether it was locked. Raises NotFound and Conflict ("account_closed").

    Who may do this is the caller's business; it is recorded with the reason.
    """
    row = _locked_row(account_id)
    if row.status == _Status.CLOSED:
        raise Conflict("account_closed", "This account is closed.")
    if row.status != _Status.LOCKED:
        return False
    before = _shape(row)
    row.status, row.locked_until, row.lock_reason = _Status.ACTIVE, None, ""
    row.save(update_fields=["status", "locked_until", "lock_reason"])
    _idle_clock(row, rules.released)
    _tell([(row, before, reason)], actor, "account_unlocked")
    return True


def account_close_in_tx(*, account_id: int, reason: str, actor: Actor = SYSTEM) -> bool:
    """Close an account for good; returns whether it was open. Its orders stay, and can only be cancelled.

    Who may do this is the caller's business; it is recorded with the reason. Raises NotFound.
    """
    row = _locked_row(account_id)
    if row.status == _Status.CLOSED:
        return False
    before = _shape(row)
    row.status, row.locked_until, row.lock_reason = _Status.CLOSED, None, reason[:LONGEST_REASON]
    row.save(update_fields=["status", "locked_until", "lock_reason"])
    _tell([(row, before, reason)], actor, "account_closed")
    return True


def _tell(rows: Sequence[tuple[Account, dict[str, str | None], str]], actor: Actor, event: str) -> None:
    """Events and audit of rows as they are now: (row, shape before, reason) each."""
    outbox.emit_many(
        (
            f"trading.{event}",
            f"account:{row.pk}",
            {"account_id": row.pk, "owner_id": row.owner_id, **_shape(row), "reason": reason},
        )
        for row, _, reason in rows
    )
    audit.record_many(
        audit.Act(
            actor=actor,
            action=event,
            subject_type="account",
            subject_id=row.pk,
            before=before,
            after=_shape(row),
            reason=reason,
        )
        for row, before, reason in rows
    )


def account_lock(*, actor: Actor, account_id: int, reason: str, until: datetime | None = None) -> bool:
    """`account_lock_in_tx` in a transaction of its own."""
    with transaction.atomic(durable=True):
        return account_lock_in_tx(account_id=account_id, reason=reason, until=until, actor=actor)


def account_unlock(*, actor: Actor, account_id: int, reason: str) -> bool:
    """`account_unlock_in_tx` in a transaction of its own."""
    with transaction.atomic(durable=True):
        return account_unlock_in_tx(account_id=account_id, reason=reason, actor=actor)


def locks_lift(market: MarketView, tick: Tick) -> int:
    """Lift the locks of a market whose time is over at a tick; returns how many."""
    over = Q(market_id=market.id, status=_Status.LOCKED, locked_until__lte=tick.at)
    lifted = 0
    for account_id in list(Account.objects.filter(over).order_by("id").values_list("id", flat=True)):
        with transaction.atomic(durable=True):
            # The row decides: it may have been locked for longer since.
            if Account.objects.select_for_update(no_key=True).filter(over, pk=account_id).exists():
                lifted += account_unlock_in_tx(account_id=account_id, reason="Its time is over.")
    return lifted
