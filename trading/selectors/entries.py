"""Trades as the paper-trading API shows them: an entry order, the lot that it opened, and its exits (docs/api.md)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from core.errors import Denied, NotFound
from marketdata.models import Listing
from trading.domain import states
from trading.domain.entries import Changed, Lot, Traded, lots_of
from trading.domain.views import TradeView
from trading.models import Account, Order
from trading.selectors.accounts import own_account
from trading.selectors.books import Entry, entries
from trading.selectors.marks import Marks, marks_at

MAX_ORDERS = 20_000
MAX_ACCOUNTS = 200
_CLOSE = "trade:"


def close_id(trade_id: int) -> str:
    """The client order id of the orders that close a trade."""
    return f"{_CLOSE}{trade_id}:close"


@dataclass(frozen=True, slots=True)
class TradeOrders:
    """The orders of one trade: its entry as it now stands, and the protective legs that live."""

    account_id: int
    symbol: str
    is_live: bool
    entry_id: int
    leg_ids: tuple[int, ...]


class _Orders:
    """The orders of one account in one listing, by what they are to its trades."""

    def __init__(self, rows: Iterable[Order]) -> None:
        self.rows = {row.pk: row for row in rows}
        self.roots: dict[int, int] = {}
        self.owners: dict[int, int] = {}
        self.legs: dict[int, list[Order]] = {}
        for pk, row in self.rows.items():
            self.roots[pk] = self.roots.get(row.replaces_id or 0, pk)
        for pk, row in self.rows.items():
            if row.role and row.link_id in self.rows and row.link_id != pk:
                entry = self.roots[row.link_id]
                if not self.rows[entry].role:
                    self.owners[pk] = entry
                    self.legs.setdefault(entry, []).append(row)
            elif row.reduce_only and row.client_order_id.startswith(_CLOSE):
                number = row.client_order_id.removeprefix(_CLOSE).removesuffix(":close")
                if number.isdecimal():
                    self.owners[pk] = int(number)

    def entries(self) -> dict[int, Order]:
        """The newest order of each chain of entries, by the id of the first."""
        found: dict[int, Order] = {}
        for pk, row in self.rows.items():
            if not row.role and not row.reduce_only:
                found[self.roots[pk]] = row
        return found


def _rows(user_id: int, **only: Any) -> QuerySet[Order]:
    rows = Order.objects.filter(account__owner_id=user_id, listing__isnull=False, **only)
    return rows.exclude(status=states.DENIED).order_by("id").defer("details", "message")


def _loaded(query: QuerySet[Order]) -> list[Order]:
    """The orders with their accounts and listings, each of which is loaded once."""
    rows = list(query[: MAX_ORDERS + 1])
    accounts = Account.objects.in_bulk({row.account_id for row in rows})
    listings = Listing.objects.in_bulk({row.listing_id for row in rows if row.listing_id is not None})
    for row in rows:
        row.account = accounts[row.account_id]
        row.listing = listings[row.listing_id or 0]
    return rows


def _lots(orders: _Orders, book: Sequence[Entry]) -> dict[int, Lot]:
    events: list[Traded | Changed] = []
    for item in book:
        if item.kind == "fill":
            quantity = item.quantity if item.side == "buy" else -item.quantity
            events.append(Traded(item.at, item.order_id, quantity, item.price, item.notional_minor, item.fee_minor))
        elif item.quantity:
            after = item.quantity_before + item.quantity
            events.append(Changed(item.at, item.quantity_before, after, item.cash_minor))
    return lots_of(events, orders.owners, orders.roots)


def _is_entry(row: Order, lot: Lot | None, lots: dict[int, Lot]) -> bool:
    """Whether an order opens, or would open, a position: what only reduces one is the exit of another trade."""
    if lot is not None:
        return True
    if row.filled_quantity:
        return False
    if row.status not in states.LIVE:
        return row.side == "buy" or row.account.is_margin
    sign = 1 if row.side == "buy" else -1
    against = sum((item.open for item in lots.values() if item.sign != sign), Decimal(0))
    return row.quantity > against if row.account.is_margin else row.side == "buy"


def _status(row: Order, lot: Lot | None) -> str:
    live = row.status in states.LIVE
    if lot is None:
        return "pending" if live else "cancelled"
    return "open" if lot.open or live else "closed"


def _leg_price(legs: Sequence[Order], role: str) -> Decimal | None:
    """The price of the newest leg in a role: the living one, where one lives."""
    own = [leg for leg in legs if leg.role == role]
    found = [leg for leg in own if leg.status in states.LIVE] or own
    if not found:
        return None
    return found[-1].limit_price if role == "take_profit" else found[-1].stop_price


def _view(entry_id: int, row: Order, first: Order, lot: Lot | None, legs: Sequence[Order], marks: Marks) -> TradeView:
    currency = row.account.currency
    unrealized = 0
    if lot is not None and lot.open:
        value = marks.value_minor(row.listing_id or 0, lot.sign * lot.open, lot.cost_minor)
        unrealized = value - lot.cost_minor
    assert row.listing is not None
    return TradeView(
        id=entry_id,
        account_id=row.account_id,
        symbol=row.listing.symbol,
        direction="long" if (lot.sign > 0 if lot else row.side == "buy") else "short",
        order_type=row.type,
        status=_status(row, lot),
        quantity=(lot.opened if lot else Decimal(0)) + _waiting(row, lot),
        open_quantity=lot.open if lot else Decimal(0),
        entry_price=lot.entry_price if lot else None,
        limit_price=row.limit_price,
        exit_price=lot.exit_price if lot else None,
        stop_loss=_leg_price(legs, "stop_loss"),
        take_profit=_leg_price(legs, "take_profit"),
        pnl_minor=lot.pnl_minor if lot else 0,
        unrealized_minor=unrealized,
        fees_minor=lot.fees_minor if lot else 0,
        currency=currency,
        reason=row.code,
        order_ids=(row.pk, *(leg.pk for leg in legs), *(lot.exits if lot else ())),
        opened_at=lot.opened_at if lot else None,
        closed_at=lot.closed_at if lot and not lot.open else None,
        created_at=first.created_at,
    )


def _waiting(row: Order, lot: Lot | None) -> Decimal:
    """What the entry still waits for; all that it asked for when nothing came of it."""
    if row.status in states.LIVE or lot is None:
        return row.quantity - row.filled_quantity
    return Decimal(0)


def _trades(rows: Sequence[Order], book: Sequence[Entry], marks: Marks) -> list[TradeView]:
    """The trades of one account in one listing."""
    orders = _Orders(rows)
    lots = _lots(orders, book)
    return [
        _view(entry_id, row, orders.rows[entry_id], lots.get(entry_id), orders.legs.get(entry_id, []), marks)
        for entry_id, row in orders.entries().items()
        if _is_entry(row, lots.get(entry_id), lots)
    ]


def trades_for_user(user_id: int, *, account_id: int | None = None, status: str = "", symbol: str = "") -> Any:
    """A person's trades on their own accounts (or on one of them), newest first.

    Raises NotFound for an account that is not theirs, Denied `history_too_long` beyond MAX_ORDERS orders.
    """
    only: dict[str, Any] = {}
    if account_id is not None:
        only["account_id"] = own_account(user_id, account_id)
    if symbol:
        only["listing__symbol"] = symbol
    rows = _loaded(_rows(user_id, **only))
    groups: dict[int, dict[int, list[Order]]] = {}
    for row in rows:
        groups.setdefault(row.account_id, {}).setdefault(row.listing_id or 0, []).append(row)
    if len(rows) > MAX_ORDERS or len(groups) > MAX_ACCOUNTS:
        words = f"A list of trades is made of at most {MAX_ORDERS:,} orders. Name an account or a symbol."
        raise Denied("history_too_long", words, {"most": MAX_ORDERS})
    found: list[TradeView] = []
    kept: dict[tuple[int, str], Marks] = {}
    for ident, listings in groups.items():
        books: dict[int, list[Entry]] = {}
        for item in entries(ident):
            books.setdefault(item.listing_id, []).append(item)
        for listing_id, own in listings.items():
            key = (own[0].account.market_id, own[0].account.currency)
            marks = kept[key] = kept.get(key) or marks_at(*key)
            found.extend(_trades(own, books.get(listing_id, []), marks))
    found = [trade for trade in found if not status or trade.status == status]
    return sorted(found, key=lambda trade: -trade.id)


def _listing_rows(user_id: int, trade_id: int) -> list[Order]:
    row = _rows(user_id, pk=trade_id).first()
    if row is None:
        raise NotFound("trade_not_found", "There is no such trade.")
    return _loaded(_rows(user_id, account_id=row.account_id, listing_id=row.listing_id))


def trade_get(user_id: int, trade_id: int) -> TradeView:
    """One trade of a person by the id of its entry order. Raises NotFound `trade_not_found`."""
    rows = _listing_rows(user_id, trade_id)
    account = rows[0].account
    book = entries(rows[0].account_id, listing_id=rows[0].listing_id)
    for trade in _trades(rows, book, marks_at(account.market_id, account.currency)):
        if trade.id == trade_id:
            return trade
    raise NotFound("trade_not_found", "There is no such trade.")


def trade_orders(user_id: int, trade_id: int) -> TradeOrders:
    """The orders to act on when a trade is closed or cancelled. Raises NotFound."""
    orders = _Orders(_listing_rows(user_id, trade_id))
    entry = orders.entries().get(trade_id)
    if entry is None:
        raise NotFound("trade_not_found", "There is no such trade.")
    legs = tuple(leg.pk for leg in orders.legs.get(trade_id, []) if leg.status in states.LIVE)
    return TradeOrders(entry.account_id, entry.symbol, entry.status in states.LIVE, entry.pk, legs)
