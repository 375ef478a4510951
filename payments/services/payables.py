"""What we owe people: prizes and shares of profit, until they ask for them."""

from __future__ import annotations

from core.errors import Conflict
from core.money import Money
from payments import locks
from payments.domain import chart
from payments.selectors.books import balance_of
from payments.services import books


def payable_credit_in_tx(*, user_id: int, amount: Money, source_account: str, reference: str, memo: str = "") -> None:
    """Owe a person an amount that comes from another account of the book `real`, once for a reference.

    From a prize pool comes no more than is in it: Conflict `pool_too_small`. The second time raises Conflict
    `journal_exists`.
    """
    if amount.minor <= 0:
        raise ValueError("what is owed is more than nothing")
    source = books.account_id_in_tx(source_account, amount.currency)
    locks.ledger_account_lock(source)
    has = -balance_of(source_account, amount.currency)
    if chart.kind_of(source_account) == chart.PRIZE_POOL and has < amount.minor:
        raise Conflict("pool_too_small", "There is not that much in the prize pool.", {"has_minor": has})
    books.post_in_tx(
        kind="award",
        reference=reference,
        currency=amount.currency,
        legs=[(source_account, amount.minor), (chart.payable(user_id), -amount.minor)],
        memo=memo,
    )


def payable_lock_in_tx(user_id: int, currency: str) -> int:
    """Lock what a person has to ask for; how much it is, in minor units."""
    code = chart.payable(user_id)
    locks.ledger_account_lock(books.account_id_in_tx(code, currency))
    return -balance_of(code, currency)
