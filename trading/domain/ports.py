"""What trading asks of higher floors, without knowing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any, Protocol

from trading.domain.rules.facts import NewsEvent
from trading.domain.types import Denial, OrderRequest


@dataclass(frozen=True, slots=True)
class PolicyContext:
    """What an account policy may look at. Amounts in minor units of the account's currency.

    `equity_minor` is the latest mark (None before the first); `position_notional_minor` is what the position in the
    order's symbol would be worth after the order and the entries that rest on its side, at the order's price, whether
    long or short. `opens` is the part of
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


class Access(IntEnum):
    """What somebody other than its owner may do with an account."""

    NONE = 0
    SEE = 1
    TRADE = 2


# (account id, user id or None for a visitor) -> what they may do with it.
AccountAccess = Callable[[int, int | None], Access]
_ACCESS: dict[str, AccountAccess] = {}


def register_account_access(purpose: str, access: AccountAccess) -> None:
    """Have `access` say who beside the owner may see accounts of `purpose`, or trade them."""
    _ACCESS[purpose] = access


def account_access(purpose: str, account_id: int, user_id: int | None) -> Access:
    """What somebody who is not the owner may do with an account."""
    access = _ACCESS.get(purpose)
    return access(account_id, user_id) if access is not None else Access.NONE


# (market id, market time) -> the scheduled news of the hours around it.
NewsCalendar = Callable[[int, datetime], tuple[NewsEvent, ...]]
_calendar: list[NewsCalendar] = []


def register_news_calendar(calendar: NewsCalendar | None) -> None:
    """Let `calendar` say which scheduled news the rules look at; None forgets it. Without one there is no news."""
    _calendar[:] = [] if calendar is None else [calendar]


def news_around(market_id: int, at: datetime) -> tuple[NewsEvent, ...]:
    """The scheduled news around a market time."""
    return _calendar[0](market_id, at) if _calendar else ()
