"""What a backtest is told and what it writes down: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from trading.domain.limits import Limits
from trading.domain.margin import Terms
from trading.domain.ports import AccountPolicy
from trading.domain.venue import DEFAULT_VENUE, Venue


@dataclass(frozen=True, slots=True)
class Setup:
    """On what terms a backtest trades: what an account, its group and its market say of a live one.

    `cash_minor`: minor units of `currency`. `policy` is the group's data, `account_policy` what judges by it, and
    `limits` the person's own.
    """

    cash_minor: int
    currency: str = "USD"
    terms: Terms = field(default_factory=Terms)
    venue: Venue = DEFAULT_VENUE
    policy: Mapping[str, Any] = field(default_factory=dict)
    account_policy: AccountPolicy | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the market stands. `day_tick` is the first tick of the session; `session` its date."""

    tick: int
    at: datetime
    day_tick: int
    day_index: int
    session: date


@dataclass(frozen=True, slots=True)
class PaperFill:
    """A fill as it is booked; money in minor units of the account's currency."""

    tick: int
    at: datetime
    order_id: int
    listing_id: int
    symbol: str
    side: Any
    quantity: Decimal
    price: Decimal
    notional_minor: int
    fee_minor: int
    charges: Mapping[str, int]
    realized_minor: int
    cash_after_minor: int


@dataclass(frozen=True, slots=True)
class Mark:
    """The account after a tick's matching. Minor units; `gross_minor`: sum of the positions' absolute values."""

    tick: int
    at: datetime
    day_index: int
    equity_minor: int
    cash_minor: int
    gross_minor: int
