"""What trading asks of higher floors, without knowing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from trading.domain.types import Denial, OrderRequest


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """What an account policy may look at. Amounts in minor units of the account's currency.

    `equity_minor` is the latest mark (None before the first); `position_notional_minor` is what the position in the
    order's symbol would be worth after the order, at the order's price, whether long or short. `opens` is the part of
    the order that opens or enlarges a position: 0 for one that only reduces.
    """

    request: OrderRequest
    group_status: str | None
    market_at: str | None
    price: Decimal
    notional_minor: int
    position_quantity: Decimal
    position_notional_minor: int
    cash_minor: int
    equity_minor: int | None
    trades_today: int | None
    opens: Decimal


class AccountPolicy(Protocol):
    """Judges an order by the rules of the account's purpose. Pure: `policy` is the group's data."""

    def __call__(self, policy: Mapping[str, Any], context: PolicyContext) -> Denial | None:
        """A denial, or None when the policy has nothing against the order."""
        ...


_POLICIES: dict[str, AccountPolicy] = {}


def register_account_policy(purpose: str, policy: AccountPolicy) -> None:
    """Register the policy for accounts of `purpose`; called from a higher app's AppConfig.ready()."""
    _POLICIES[purpose] = policy


def account_policy(purpose: str) -> AccountPolicy | None:
    """The policy registered for `purpose`, if any."""
    return _POLICIES.get(purpose)
