"""An account's fills and adjustments in the order of its books, and the figures made from them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from core.errors import Denied, DomainError
from marketdata import selectors as market_selectors
from trading.domain import fees
from trading.domain.performance import Adjustment as Change
from trading.domain.performance import (
    EquityPoint,
    Performance,
    RoundTrip,
    TradeFill,
    performance,
    trade_stats,
    trades_and_open,
)
from trading.domain.positions import Holding, apply_fill
from trading.domain.snapshot import terms_of
from trading.domain.views import FeeWords
from trading.models import Account, Adjustment, Fill
from trading.selectors.equity import equity_points, point_before

MAX_EVENTS = 50_000
_MAX_POINTS = 20_000
# Money that no trading brought or lost: profit paid out, growth of the account.
_FLOWS = ("payout", "scaling")


@dataclass(frozen=True, slots=True)
class Entry:
    """A fill (`kind` "fill") or an adjustment of the books. Amounts in minor units of the account's currency.

    `quantity` of a fill is what it traded; of an adjustment what it added to the position, as `cost_minor` to the cost.
    """

    kind: str
    at: datetime
    listing_id: int
    symbol: str
    quantity: Decimal
    realized_minor: int
    cash_minor: int
    cash_after_minor: int
    cost_minor: int = 0
    quantity_before: Decimal = Decimal(0)
    side: Any = ""
    price: Decimal = Decimal(0)
    currency: str = ""
    notional_minor: int = 0
    fee_minor: int = 0
    order_id: int = 0
    charges: tuple[fees.Charge, ...] = ()
    reference: str = ""
    # Of money that came or left: whether its tick's point of the equity curve was there before it.
    after_point: bool = False

    def event(self) -> TradeFill | Change | None:
        """As the figures of performance take it; None for what leaves the position as it is (a dividend)."""
        if self.kind == "fill":
            return TradeFill(
                self.at,
                self.listing_id,
                self.symbol,
                self.side,
                self.quantity,
                self.price,
                self.notional_minor,
                self.fee_minor,
            )
        if not (self.quantity or self.cost_minor or self.realized_minor):
            return None
        return Change(self.at, self.listing_id, self.symbol, self.quantity, self.cost_minor, self.realized_minor)


# What an entry takes of a fill: the quote, by far the largest part of a fill, is left where it is.
_FILL = (
    *("market_at", "listing_id", "listing__symbol", "quantity", "realized_minor", "cash_after_minor", "side", "price"),
    *("listing__instrument__currency", "notional_minor", "fee_minor", "order_id", "charges"),
)


def _fill(row: Sequence[Any]) -> Entry:
    at, listing_id, symbol, quantity, realized, cash_after, side, price, currency, notional, fee, order_id, paid = row
    return Entry(
        kind="fill",
        at=at,
        listing_id=listing_id,
        symbol=symbol,
        quantity=quantity,
        realized_minor=realized,
        cash_minor=(notional if side == "sell" else -notional) - fee,
        cash_after_minor=cash_after,
        side=side,
        price=price,
        currency=currency,
        notional_minor=notional,
        fee_minor=fee,
        order_id=order_id,
        charges=charges_of(paid, fee),
    )


def charges_of(stored: dict[str, int], fee_minor: int) -> tuple[fees.Charge, ...]:
    """A fill's charges by kind; those of a fill from before they were kept are its commission."""
    known = stored or ({"commission": fee_minor} if fee_minor else {})
    return tuple(fees.Charge(kind, minor) for kind, minor in known.items())


def _adjustment(row: Adjustment) -> Entry:
    return Entry(
        kind=row.kind,
        at=row.market_at,
        listing_id=row.listing_id or 0,
        symbol=row.listing.symbol if row.listing else "",
        quantity=row.quantity_after - row.quantity_before,
        realized_minor=row.realized_minor,
        cash_minor=row.cash_minor,
        cash_after_minor=row.cash_after_minor,
        cost_minor=row.cost_after_minor - row.cost_before_minor,
        quantity_before=row.quantity_before,
        reference=row.reference,
        after_point=bool(row.details.get("after_point")),
    )


def entries(account_id: int, *, until: datetime | None = None, listing_id: int | None = None) -> list[Entry]:
    """The books of an account up to a moment, oldest first. Raises Denied `history_too_long` beyond MAX_EVENTS."""
    only: dict[str, Any] = {"account_id": account_id}
    if until is not None:
        only["market_at__lt"] = until
    if listing_id is not None:
        only["listing_id"] = listing_id
    fills = Fill.objects.filter(**only).order_by("id").values_list(*_FILL)[: MAX_EVENTS + 1]
    changes = Adjustment.objects.select_related("listing").filter(**only).order_by("id")[: MAX_EVENTS + 1]
    found = in_order([_fill(row) for row in fills], [_adjustment(row) for row in changes])
    if len(found) > MAX_EVENTS:
        words = f"These figures are made of at most {MAX_EVENTS:,} fills, and this account has more."
        raise Denied("history_too_long", words, {"most": MAX_EVENTS})
    return found


def in_order(fills: Sequence[Entry], changes: Sequence[Entry]) -> list[Entry]:
    """Fills and adjustments, each in their own order, as the books took them.

    At the same market time an adjustment belongs where it finds the quantity that it says it found.
    """
    held: dict[int, Decimal] = {}
    found: list[Entry] = []
    left = list(reversed(changes))
    for fill in fills:
        while left and _precedes(left[-1], fill, held):
            change = left.pop()
            held[change.listing_id] = change.quantity_before + change.quantity
            found.append(change)
        sign = 1 if fill.side == "buy" else -1
        held[fill.listing_id] = held.get(fill.listing_id, Decimal(0)) + sign * fill.quantity
        found.append(fill)
    return [*found, *reversed(left)]


def _precedes(change: Entry, fill: Entry, held: dict[int, Decimal]) -> bool:
    if change.at != fill.at:
        return change.at < fill.at
    return change.listing_id != fill.listing_id or held.get(change.listing_id, 0) == change.quantity_before


def walk(holdings: dict[int, Holding], entry: Entry) -> Holding:
    """The position of an entry's listing after it; `holdings` is changed."""
    before = holdings.get(entry.listing_id, Holding())
    if entry.kind == "fill":
        after = apply_fill(before, entry.side, entry.quantity, entry.notional_minor)[0]
    else:
        after = replace(
            before, quantity=before.quantity + entry.quantity, cost_minor=before.cost_minor + entry.cost_minor
        )
    holdings[entry.listing_id] = after
    return after


def ever_short(book: Iterable[Entry]) -> bool:
    """Whether any position was ever below zero."""
    holdings: dict[int, Holding] = {}
    return any(walk(holdings, entry).quantity < 0 for entry in book)


def _points(
    account_id: int, start: datetime | None, end: datetime | None, book: Sequence[Entry], *, gross: bool
) -> list[EquityPoint]:
    """The account's points in [start, end), after the one that the period begins with, with what came and left."""
    rows = equity_points(account_id, start=start, end=end, limit=_MAX_POINTS + 1)
    if len(rows) > _MAX_POINTS:
        rows = equity_points(account_id, by_day=True, start=start, end=end, limit=_MAX_POINTS)
    first = None if start is None else point_before(account_id, start)
    found = rows if first is None else [first, *rows]
    flows = [0] * (len(found) + 1)
    for entry in book:
        if entry.kind in _FLOWS:
            side = bisect_right if entry.after_point else bisect_left
            flows[side(found, entry.at, key=itemgetter(0))] += entry.cash_minor
    return [
        EquityPoint(at, equity, flow, equity - cash if gross else None)
        for (at, equity, cash), flow in zip(found, flows, strict=False)
    ]


def performance_of(
    account_id: int,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    book: Sequence[Entry] | None = None,
) -> Performance:
    """The account's performance over [start, end) of market time.

    Trades count in the period in which they are closed, with all of their fills; money figures are the period's own.
    """
    book = entries(account_id, until=end) if book is None else book
    events = [event for entry in book if (event := entry.event()) is not None]
    found = performance(_points(account_id, start, end, book, gross=not ever_short(book)), events)
    if start is None:
        return replace(found, realized_minor=sum(entry.realized_minor for entry in book))
    own = [entry for entry in book if entry.at >= start]
    closed, _ = trades_and_open(events)
    traded = sum(entry.notional_minor for entry in own)
    share = found.turnover / found.traded_minor if found.turnover and found.traded_minor else None
    return replace(
        found,
        trades=trade_stats([trip for trip in closed if trip.closed_at is not None and trip.closed_at >= start]),
        fills=sum(entry.kind == "fill" for entry in own),
        realized_minor=sum(entry.realized_minor for entry in own),
        fees_minor=sum(entry.fee_minor for entry in own),
        traded_minor=traded,
        turnover=found.turnover if share is None else traded * share,
    )


def round_trips(account_id: int, status: str = "all") -> list[RoundTrip]:
    """The account's trades from flat to flat: open ones first, then the closed ones, newest first."""
    events = [event for entry in entries(account_id) if (event := entry.event()) is not None]
    closed, still_open = trades_and_open(events)
    closed.reverse()
    return {"open": still_open, "closed": closed}.get(status, [*still_open, *closed])


def fee_words(account_id: int) -> FeeWords:
    """What the account is charged today, in plain words, for each of the market's exchanges."""
    row = Account.objects.select_related("group").get(pk=account_id)
    terms = terms_of(row.terms)
    bps = (row.group.policy or {}).get("commission_bps") if row.group else None
    schedule = f"bps:{bps}" if terms.fees == "none" and bps else terms.fees
    on = market_selectors.market_clock(row.market_id).at.date()
    lines: dict[str, tuple[str, ...]] = {}
    for exchange in sorted({item.exchange for item in market_selectors.listings(row.market_id)}):
        try:
            lines[exchange] = tuple(fees.describe(schedule, on, exchange, terms.product))
        except DomainError as error:
            lines[exchange] = (error.message,)
    return FeeWords(schedule, terms.product, on, lines)
