"""An account's statement over a period, made from its books."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from core.errors import Invalid, NotFound
from core.money import to_minor
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Quote
from trading.domain.positions import Holding
from trading.domain.statement import (
    MAX_ROWS,
    CashEvent,
    Heading,
    Standing,
    Statement,
    StatementFill,
    StatementPosition,
    build_statement,
)
from trading.models import Account, EquityPoint
from trading.selectors.books import Entry, entries, performance_of, walk

ZONE = ZoneInfo("UTC")
# Rows of each kind in a PDF: setting more takes a request too long.
PDF_ROWS = 2000
_KINDS = {
    "dividend": "dividends",
    "split": "splits",
    "delisting": "delistings",
    "payout": "withdrawal",
    "scaling": "deposit",
    "correction": "corrections",
}


def statement_of(account_id: int, start: datetime, end: datetime, *, max_rows: int = MAX_ROWS) -> Statement:
    """The statement of [start, end) of market time. Whoever calls has checked that the account may be seen.

    Positions are worth the last prices before `end`. Raises NotFound; Invalid `invalid_period`; DomainError
    `statement_unbalanced` when the books do not add up; Denied `history_too_long`.
    """
    if start.tzinfo is None or end.tzinfo is None or not start < end:
        raise Invalid("invalid_period", "A period begins before it ends, and its times have a zone.", {"field": "end"})
    row = Account.objects.select_related("owner", "market").filter(pk=account_id).first()
    if row is None:
        raise NotFound("account_not_found", "There is no such account.")
    market = market_selectors.market_view(row.market_id)
    book = entries(account_id, until=end)
    before, during = [item for item in book if item.at < start], [item for item in book if item.at >= start]
    opened = _opened_at(row)
    funding = CashEvent(opened, "deposit", row.initial_minor, note="Starting balance, virtual money")
    holdings: dict[int, Holding] = {}
    opening = _standing(row, market, before, holdings, start, row.initial_minor if opened < start else 0)
    events = [funding] if start <= opened < end else []
    brought = sum(event.minor for event in events)
    closing = _standing(row, market, during, holdings, end, opening.cash_minor + brought)
    events += [_event(item) for item in during if item.kind != "fill"]
    return build_statement(
        _heading(row, market, start, end),
        opening,
        closing,
        [_fill(item) for item in during if item.kind == "fill"],
        events,
        _positions(row, market, holdings, end),
        performance_of(account_id, start=start, end=end, book=book),
        max_rows,
    )


def _opened_at(row: Account) -> datetime:
    """When the account was funded, in market time."""
    first = EquityPoint.objects.filter(account_id=row.pk).order_by("tick").values_list("market_at", flat=True).first()
    return first or row.created_at


def _heading(row: Account, market: MarketView, start: datetime, end: datetime) -> Heading:
    return Heading(
        account_id=row.pk,
        account_name=row.label,
        owner=row.owner.display_name,
        currency=row.currency,
        market=market.name or market.slug,
        # Every account trades with virtual money on replayed prices.
        simulated=True,
        start=start,
        end=end,
        generated_at=datetime.now(tz=UTC),
        zone=ZONE,
    )


def _standing(
    row: Account, market: MarketView, book: list[Entry], holdings: dict[int, Holding], at: datetime, cash_minor: int
) -> Standing:
    """Where the account stands after `book`, from `cash_minor` and `holdings` before it; `holdings` is changed."""
    for item in book:
        walk(holdings, item)
    cash = cash_minor + sum(item.cash_minor for item in book)
    held = _positions(row, market, holdings, at)
    return Standing(cash, sum(item.cost_minor for item in held), cash + sum(item.value_minor for item in held))


def _quotes(market: MarketView, at: datetime) -> dict[int, Quote]:
    """The last quotes before a moment, by listing; none before the first print."""
    line = market_selectors.timeline(market.id)
    tick = line.last_before(at, market.tick)
    return line.quotes(tick) if tick >= 0 else {}


def _positions(row: Account, market: MarketView, holdings: dict[int, Holding], at: datetime) -> list[StatementPosition]:
    """What is held, at the last prices before `at`; at its cost where there is no price or no rate."""
    held = {listing_id: item for listing_id, item in holdings.items() if item.quantity}
    if not held:
        return []
    quotes = _quotes(market, at)
    found = []
    for listing_id, item in held.items():
        listing, quote = market_selectors.listing_by_id(listing_id), quotes.get(listing_id)
        value, last = item.cost_minor, Decimal(0)
        if quote is not None:
            last = quote.last
            rate = market_selectors.fx_rate(listing.currency, row.currency, quote.at.date())
            value = item.cost_minor if rate is None else to_minor(item.quantity * last * rate, row.currency)
        symbol = listing.symbol if quote is None else quote.symbol
        found.append(StatementPosition(symbol, item.quantity, last, listing.currency, item.cost_minor, value))
    return sorted(found, key=lambda item: item.symbol)


def _fill(item: Entry) -> StatementFill:
    return StatementFill(
        at=item.at,
        order_id=item.order_id,
        symbol=item.symbol,
        side=item.side,
        quantity=abs(item.quantity),
        price=item.price,
        currency=item.currency,
        notional_minor=item.notional_minor,
        realized_minor=item.realized_minor,
        charges=item.charges,
    )


def _event(item: Entry) -> CashEvent:
    """Cash without a fill: the balance gains what cash gained less the cost that left with it."""
    return CashEvent(
        at=item.at,
        kind=_KINDS.get(item.kind, item.kind),
        minor=item.cash_minor,
        symbol=item.symbol,
        note=item.reference,
        balance_minor=item.cash_minor + item.cost_minor,
    )
