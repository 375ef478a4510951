"""Everything a decision about one account may look at, loaded under its lock. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from accounts.domain.standing import CLEAR, Standing, standing
from trading.domain.fills import Prices, Working
from trading.domain.margin import Terms
from trading.domain.positions import ZERO, Holding
from trading.domain.venue import DEFAULT_VENUE, Venue


@dataclass(frozen=True, slots=True)
class AccountState:
    """The locked account row. Amounts are minor units of `currency`; `other_minor` is cash that no trade brought."""

    id: int
    owner_id: int
    market_id: int
    group_id: int | None
    purpose: str
    currency: str
    status: str
    initial_minor: int
    cash_minor: int
    reserved_minor: int
    realized_minor: int
    fees_minor: int
    other_minor: int
    fills_count: int
    open_orders_count: int
    ledger_account_id: int
    clearing_account_id: int
    fees_account_id: int
    locked_until: str | None = None
    lock_reason: str = ""

    @property
    def buying_power_minor(self) -> int:
        """Cash that no resting order holds."""
        return self.cash_minor - self.reserved_minor


@dataclass(frozen=True, slots=True)
class OrderState:
    """A stored order that is acted on again: matched, replaced, cancelled or expired.

    `link_id` is the entry of its bracket, or the first leg of its OCO pair; `seen_tick` the last quote that it met.
    """

    id: int
    listing_id: int
    symbol: str
    side: Any
    type: Any
    time_in_force: Any
    quantity: Decimal
    filled_quantity: Decimal
    limit_price: Decimal | None
    average_price: Decimal | None
    status: str
    reserved_minor: int
    reserved_quantity: Decimal
    source: str
    client_order_id: str
    accepted_tick: int | None
    actor_id: int | None
    market_at: str | None
    created_at: str
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_percent: Decimal | None = None
    extreme: Decimal | None = None
    triggered: bool = False
    expires_at: str | None = None
    live_at: str | None = None
    reduce_only: bool = False
    order_class: str = "simple"
    role: str = ""
    link_id: int | None = None
    replaces_id: int | None = None
    replaced_by_id: int | None = None
    seen_tick: int | None = None
    notional_minor: int = 0
    fees_minor: int = 0
    code: str = ""

    @property
    def remaining(self) -> Decimal:
        """Quantity not filled yet."""
        return self.quantity - self.filled_quantity

    def working(self, remaining: Decimal | None = None) -> Working:
        """The order as the fill model sees it, with `remaining` instead of its own where that is given."""
        return Working(
            side=self.side,
            type=self.type,
            time_in_force=self.time_in_force,
            remaining=self.remaining if remaining is None else remaining,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
            trail_amount=self.trail_amount,
            trail_percent=self.trail_percent,
            extreme=self.extreme,
            triggered=self.triggered,
            live_at=None if self.live_at is None else datetime.fromisoformat(self.live_at),
        )


@dataclass(frozen=True, slots=True)
class Instrument:
    """The instrument as the order path needs it.

    Prices move in `tick_size`, quantities in `lot_size`. `fx`: what one unit of its currency is worth in the account's.
    """

    listing_id: int
    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    currency: str = "USD"
    exchange: str = ""
    fx: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class QuoteState:
    """The quote that a decision uses, with its tick and its JSON evidence.

    `closed`: the exchange does not trade now, why, and when it opens (None: it trades, or the market is a replay).
    """

    prices: Prices
    tick: int
    at: datetime
    evidence: Mapping[str, Any]
    closed: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PositionState:
    """One position of a margin account (all of them carry its equity), or of one under rules."""

    listing_id: int
    symbol: str
    holding: Holding


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One account, its owner, group and market, one position, and what else the decision needs.

    `rules` is there for new orders of an account under rules (trading.domain.ruled); `positions` then are all it holds.
    `trades_today` are fills, and entries that rest and may yet fill. `working` is what rests of entries in the symbol
    on the order's side, where a limit bounds the position: both would get around their limits otherwise. `halt` is what
    the platform says while it takes no orders at all, None when it takes them.
    """

    account: AccountState
    terms: Terms
    venue: Venue
    owner_active: bool
    group_status: str | None
    policy: Mapping[str, Any]
    risk: Mapping[str, Any] | None
    market_status: str
    market_tick: int
    market_at: str | None
    holding: Holding
    order: OrderState | None
    companions: tuple[OrderState, ...]
    positions: tuple[PositionState, ...]
    replay: Mapping[str, Any] | None
    trades_today: int | None
    orders_minute: int | None
    orders_today: int | None
    equity_minor: int | None
    day_equity_minor: int | None
    taken: Decimal
    order_ids: tuple[int, ...]
    fill_id: int
    now: str
    rules: Mapping[str, Any] | None = None
    working: Decimal = ZERO
    owner_standing: Standing = CLEAR
    halt: str | None = None

    @property
    def fee_schedule(self) -> str:
        """The account's fee schedule: its own, or the commission of its group."""
        bps = self.policy.get("commission_bps")
        if self.terms.fees != "none" or not bps:
            return self.terms.fees
        return f"bps:{bps}"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        """Read what the SQL function trading_snapshot returned; numbers with a point must have been read as Decimal."""
        position, order, group, owner = data["position"], data["order"], data["group"], data["owner"]
        account, market = data["account"], data["market"]
        return cls(
            account=AccountState(**{name: account[name] for name in _ACCOUNT}),
            terms=terms_of(account["terms"]),
            venue=venue_of(market["venue"]),
            owner_active=owner["is_active"] and owner["status"] == "active",
            group_status=group["status"] if group else None,
            policy=(group or {}).get("policy") or {},
            risk=data["risk"],
            market_status=market["status"],
            market_tick=market["tick"],
            market_at=market["at"] and moment(market["at"]),
            holding=holding_of(position) if position else Holding(),
            order=order_state(order) if order else None,
            companions=tuple(order_state(item) for item in data["companions"] or ()),
            positions=tuple(
                PositionState(item["listing_id"], item["symbol"], holding_of(item)) for item in data["positions"] or ()
            ),
            replay=data["replay"],
            trades_today=data["trades_today"],
            orders_minute=data["orders_minute"],
            orders_today=data["orders_today"],
            equity_minor=data["equity_minor"],
            day_equity_minor=data["day_equity_minor"],
            taken=Decimal(data["taken"] or ZERO),
            order_ids=tuple(data["order_ids"] or ()),
            fill_id=data["fill_id"],
            now=moment(data["now"]),
            rules=data.get("rules"),
            working=Decimal(data.get("working") or ZERO),
            owner_standing=standing(clearance=owner["clearance"], edition=owner["edition"]),
            halt=owner["halt"],
        )


_ACCOUNT = tuple(item.name for item in fields(AccountState))
_ORDER = tuple(item.name for item in fields(OrderState))
_TIMES = ("market_at", "created_at", "expires_at")
_DECIMALS = (
    *("quantity", "filled_quantity", "limit_price", "average_price", "reserved_quantity"),
    *("stop_price", "trail_amount", "trail_percent", "extreme"),
)


def moment(text: str) -> str:
    """A time as the API spells it: PostgreSQL's JSON leaves out the last zeros of a second's fraction."""
    return datetime.fromisoformat(text).isoformat()


def order_state(data: Mapping[str, Any]) -> OrderState:
    """An order row as JSON."""
    values = {name: data[name] for name in _ORDER}
    for name in _TIMES:
        values[name] = values[name] and moment(values[name])
    for name in _DECIMALS:
        if values[name] is not None:
            values[name] = Decimal(values[name])
    return OrderState(**values)


def holding_of(data: Mapping[str, Any]) -> Holding:
    """A position row as JSON."""
    return Holding(
        Decimal(data["quantity"]),
        Decimal(data["reserved_quantity"]),
        data["cost_minor"],
        data["realized_minor"],
        data["drawn_tick"],
        Decimal(data["drawn_bought"]),
        Decimal(data["drawn_sold"]),
    )


@lru_cache(maxsize=1024)
def _terms(items: tuple[tuple[str, Any], ...]) -> Terms:
    return Terms.from_json(dict(items))


@lru_cache(maxsize=1024)
def _venue(items: tuple[tuple[str, Any], ...]) -> Venue:
    return Venue.from_json(dict(items))


_NO_TERMS = Terms()


def terms_of(data: Mapping[str, Any] | None) -> Terms:
    """An account's terms from its row, read once for each distinct value."""
    return _terms(tuple(sorted(data.items()))) if data else _NO_TERMS


def venue_of(data: Mapping[str, Any] | None) -> Venue:
    """A market's venue from its row; what is not plain is left to other readers."""
    plain = {
        name: value for name, value in (data or {}).items() if isinstance(value, str | int | float | bool | Decimal)
    }
    return _venue(tuple(sorted(plain.items()))) if plain else DEFAULT_VENUE
