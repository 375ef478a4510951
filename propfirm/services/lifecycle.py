"""What verdicts of the rules do to accounts of the firm: passed, failed, expired, paused, warned."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef

from propfirm.domain import states
from propfirm.locks import account_lock, phase_lock
from propfirm.models import PropAccount, PropPhase
from propfirm.selectors.plans import definition_of
from propfirm.services.certificates import certificate_make_in_tx
from propfirm.services.moves import account_tell_in_tx, activity_in_tx, move_in_tx, tell
from propfirm.services.phases import is_stopped, phase_end_in_tx, phase_open_in_tx
from trading.models import Account, Position
from trading.services.ending import account_close_when_flat

logger = logging.getLogger(__name__)

_ENDS = {"fail": (PropPhase.Status.FAILED, states.FAILED), "expired": (PropPhase.Status.EXPIRED, states.EXPIRED)}
_TOLD = {"warn", "soft"}
BATCH = 200


def verdict_apply_in_tx(payload: Mapping[str, Any]) -> None:
    """Take a verdict in, once: what it means for the account. Of accounts that are not of the firm: nothing.

    A verdict about a phase that has ended changes nothing any more. The trader is told of it by trading.
    """
    found = PropPhase.objects.filter(trading_account_id=payload["account_id"]).values_list("account_id", flat=True)
    account_id = found.first()
    if account_id is None:
        return
    account = account_lock(account_id)
    phase = phase_lock(account)
    if phase is None or phase.trading_account_id != payload["account_id"]:
        return
    kind = str(payload["kind"])
    at = datetime.fromisoformat(str(payload["market_at"]))
    verdict_id = int(payload["verdict_id"])
    if kind in _ENDS:
        _end_in_tx(account, phase, payload, at)
    elif kind == "pass":
        _pass_in_tx(account, phase, verdict_id, at)
    elif kind in _TOLD:
        message = str(payload["message"])
        activity_in_tx(account, kind, message, data=_data(payload), verdict_id=verdict_id, market_at=at)
        tell(account, "warned" if kind == "warn" else "paused", verdict_id=verdict_id)


def _data(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"code": payload["code"], "rule": payload["rule_key"]}


def _end_in_tx(account: PropAccount, phase: PropPhase, payload: Mapping[str, Any], at: datetime) -> None:
    phase_status, status = _ENDS[str(payload["kind"])]
    message, verdict_id = str(payload["message"]), int(payload["verdict_id"])
    phase_end_in_tx(phase, phase_status, reason=message, verdict_id=verdict_id, at=at)
    move_in_tx(account, status, message=message, verdict_id=verdict_id, market_at=at)


def _pass_in_tx(account: PropAccount, phase: PropPhase, verdict_id: int, at: datetime) -> None:
    """The next phase opens at once, with a fresh balance; after the last evaluation it is the funded one.

    Where an operator has stopped the account it stays stopped.
    """
    read = definition_of(account.plan)
    if phase.kind != states.EVALUATION or phase.index + 1 >= len(read.phases):
        return
    phase_end_in_tx(phase, PropPhase.Status.PASSED, reason=f"{phase.name} is passed.", verdict_id=verdict_id, at=at)
    message = f"{phase.name} is passed."
    activity_in_tx(account, "passed", message, verdict_id=verdict_id, market_at=at)
    certificate_make_in_tx(account, "passed", phase=phase)
    account.retries = 0
    following = read.phase(phase.index + 1)
    if following.kind == states.FUNDED_KIND:
        move_in_tx(account, states.FUNDED, message=f"{phase.name} is passed: the account is funded.", market_at=at)
    else:
        account.save(update_fields=["retries"])
    opened = phase_open_in_tx(account, phase.index + 1)
    if opened.kind == states.FUNDED_KIND:
        certificate_make_in_tx(account, "funded", phase=opened)
    tell(account, "passed", phase_id=phase.pk, verdict_id=verdict_id)
    is_funded = opened.kind == states.FUNDED_KIND
    what = "is funded" if is_funded else "has passed"
    said = f"{message} {opened.name} has begun."
    if is_stopped(opened.trading_account):
        said += f" The account stays stopped. {opened.trading_account.lock_reason}"
    account_tell_in_tx(account, f"verdict:{verdict_id}", what, said)


def phases_close_due() -> int:
    """Close the trading accounts of phases that have ended and are flat; how many were closed."""
    # What failed stays locked, so that a verdict that is undone finds its account again.
    over = PropPhase.objects.filter(status__in=(PropPhase.Status.PASSED, PropPhase.Status.CLOSED))
    held = Position.objects.filter(account=OuterRef("trading_account_id")).exclude(quantity=0)
    # Those that can be closed, so that what stays open (a halt) keeps nobody else waiting.
    rows = over.filter(
        ~Exists(held), trading_account__status=Account.Status.LOCKED, trading_account__open_orders_count=0
    ).order_by("pk")
    ids = list(rows.values_list("trading_account_id", flat=True)[:BATCH])
    return sum(account_close_when_flat(account_id=trading_id, reason="The phase is over.") for trading_id in ids)
