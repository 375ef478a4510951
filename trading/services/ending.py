"""An account that has done its work: no new orders, what it holds is closed at the market, then it is closed."""

from __future__ import annotations

from django.db import transaction

from trading.locks import accounts_lock
from trading.models import Account, AccountRules, Position
from trading.services.locking import account_close_in_tx, account_lock_in_tx


def account_finish_in_tx(*, account_id: int, reason: str) -> None:
    """Lock an account for good; the next ticks cancel its orders and close its positions. Under rules only.

    Safe to repeat; an account that is closed already is left alone.
    """
    row = accounts_lock([account_id])
    if not row or row[0].status == Account.Status.CLOSED:
        return
    account_lock_in_tx(account_id=account_id, reason=reason)
    AccountRules.objects.filter(pk=account_id).update(must_flatten=True)


def account_close_when_flat(*, account_id: int, reason: str) -> bool:
    """Close a locked account that has nothing left; whether it is closed now."""
    with transaction.atomic(durable=True):
        row = accounts_lock([account_id])
        if not row or row[0].status == Account.Status.CLOSED:
            return bool(row)
        held = Position.objects.filter(account_id=account_id).exclude(quantity=0).exists()
        if held or row[0].open_orders_count or row[0].status != Account.Status.LOCKED:
            return False
        account_close_in_tx(account_id=account_id, reason=reason)
    return True
