"""What `verify_books` proves about trading: every cached figure equals what the fills, orders and ledger say."""

from core.books import CheckResult, Mismatch, register_balance_check
from trading.balances import money, orders
from trading.services.rebuild import positions_check


def _histories() -> CheckResult:
    """Positions that a split or a delisting has changed: their sums alone do not prove the order of things."""
    checked, found = positions_check(adjusted_only=True)
    wrong = [Mismatch(f"position {d.account_id}/{d.listing_id}", str(d.rebuilt), str(d.stored)) for d in found]
    return CheckResult(checked, wrong)


def register() -> None:
    """Add trading's checks to `verify_books`."""
    money.register()
    orders.register()
    register_balance_check("positions follow their history, action by action", _histories)
