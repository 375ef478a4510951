"""One step of an account of the firm: row, activity, audit entry and event together, under the account's lock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.services.notices import notify_in_tx
from core.errors import Conflict
from core.services import audit, outbox
from propfirm.domain import states
from propfirm.models import PropAccount, PropActivity
from trading.domain.types import SYSTEM, Actor

WORDS = {
    "active": "The evaluation has begun.",
    "funded": "The account is funded.",
    "failed": "The account has failed.",
    "expired": "The account has expired.",
    "closed": "The account is closed.",
    "void": "The payment did not come.",
}


def activity_in_tx(
    account: PropAccount,
    kind: str,
    message: str,
    *,
    data: dict[str, Any] | None = None,
    verdict_id: int | None = None,
    actor: Actor = SYSTEM,
    market_at: datetime | None = None,
) -> PropActivity:
    """Write what happened to an account where its owner reads it."""
    return PropActivity.objects.create(
        account=account,
        kind=kind,
        message=message[:500],
        data=data or {},
        verdict_id=verdict_id,
        actor_id=actor.user_id,
        market_at=market_at,
    )


def tell(account: PropAccount, verb: str, **payload: Any) -> None:
    """Write the event `propfirm.account_{verb}` in the caller's transaction."""
    outbox.emit(
        topic=f"propfirm.account_{verb}",
        aggregate=f"prop_account:{account.pk}",
        payload={
            "prop_account_id": account.pk,
            "number": account.number,
            "owner_id": account.owner_id,
            "status": account.status,
            **payload,
        },
    )


def account_tell_in_tx(
    account: PropAccount, dedupe: str, what: str, message: str, *, kind: str = "prop_account"
) -> None:
    """Notify the owner of an account, once for `dedupe`."""
    notify_in_tx(
        user_id=account.owner_id,
        kind=kind,
        dedupe=f"prop:{account.pk}:{dedupe}",
        params={"number": account.number, "what": what, "message": message[:400]},
        url=f"/prop-firm/accounts/{account.number}",
    )


def move_in_tx(
    account: PropAccount,
    target: str,
    *,
    actor: Actor = SYSTEM,
    message: str = "",
    verdict_id: int | None = None,
    market_at: datetime | None = None,
) -> None:
    """Move a locked account to `target`. Raises Conflict `prop_account_state` when its state does not allow that."""
    before = account.status
    if not states.may_become(before, target):
        details = {"status": before, "number": account.number}
        raise Conflict("prop_account_state", f"An account that is {before} cannot become {target}.", details)
    account.status = target
    message = message or WORDS[target]
    if target in states.ENDED or target == states.VOID:
        account.ended_at, account.end_reason = timezone.now(), message[:300]
    else:
        account.ended_at, account.end_reason = None, ""
        account.activated_at = account.activated_at or timezone.now()
    account.save()
    activity_in_tx(account, target, message, verdict_id=verdict_id, actor=actor, market_at=market_at)
    audit.record(
        actor=actor,
        action=f"prop_account.{target}",
        subject_type="prop_account",
        subject_id=account.pk,
        before={"status": before},
        after={"status": target, "verdict_id": verdict_id},
        reason=message,
    )
    tell(account, target, message=message, verdict_id=verdict_id)
