"""How many shares a share of buying power or of a position is: asked of the same checks that an order meets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from core.errors import DomainError, Invalid
from core.money import to_major
from marketdata import selectors as market_selectors
from trading import selectors
from trading.domain.types import Actor, OrderRequest
from trading.domain.views import AccountView, PositionView
from trading.services.changes import PreviewView, order_preview

SHARES = (25, 50, 75, 100)
# A denial of these is about the size alone: less may be taken.
_SIZE = frozenset(
    {
        *("not_enough_buying_power", "position_limit", "position_share_limit"),
        *("order_share_limit", "order_too_large", "not_enough_shares"),
    }
)
_STEPS = 24
# An order that opens at least this share of equity is asked about before it is sent.
LARGE = Decimal("0.5")


def held_in(account_id: int, symbol: str) -> PositionView | None:
    """The open position in a symbol."""
    return next((row for row in selectors.positions(account_id) if row.symbol == symbol), None)


def _lot(found: AccountView, symbol: str) -> Decimal:
    listing = market_selectors.listing_get(found.market_id, symbol)
    if listing is None:
        raise Invalid("unknown_symbol", f"{symbol} does not trade in this market.", {"field": "symbol"})
    return listing.lot_size


def _down(quantity: Decimal, lot: Decimal) -> Decimal:
    return max(Decimal(0), quantity // lot * lot)


def reduces(held: PositionView | None, side: str) -> bool:
    """Whether an order on `side` works against the position."""
    return held is not None and (held.quantity > 0) == (side == "sell")


def quantity_for(who: Actor, found: AccountView, asked: OrderRequest, share: int) -> Decimal:
    """`share` percent of what could be closed of the position, or of the most that would be accepted. Whole lots."""
    lot = _lot(found, asked.symbol)
    held = held_in(found.id, asked.symbol)
    if held is not None and reduces(held, asked.side):
        free = abs(held.quantity) - held.reserved_quantity
        return free if share == 100 else _down(free * share / 100, lot)
    return _down(_most(who, found, asked, lot) * share / 100, lot)


def _look(who: Actor, account_id: int, asked: OrderRequest, quantity: Decimal) -> PreviewView:
    return order_preview(actor=who, account_id=account_id, request=replace(asked, quantity=quantity))


def _fits(view: PreviewView) -> bool:
    return view.denial is None or view.denial.code not in _SIZE


def _most(who: Actor, found: AccountView, asked: OrderRequest, lot: Decimal) -> Decimal:
    """The largest quantity that no check finds too large; 0 when one lot is."""
    one = _look(who, found.id, asked, lot)
    if not _fits(one):
        return Decimal(0)
    unit = Decimal(one.margin or one.total) if one.margin is None or Decimal(one.margin) else Decimal(one.total)
    power = Decimal(one.buying_power)
    high = _down(power / max(unit, Decimal("0.0001")) * lot, lot) + lot
    if one.denial is not None:
        # Refused for another reason whatever its size: what the money would buy.
        return high - lot
    low = lot
    view = _look(who, found.id, asked, high)
    while _fits(view) and high < 10**8 * lot:
        low, high = high, high * 2
        view = _look(who, found.id, asked, high)
    for _ in range(_STEPS):
        if high - low <= lot:
            break
        hint = Decimal(str((view.denial.details if view.denial else {}).get("max_quantity", 0)))
        middle = hint if low < hint < high else _down((low + high) / 2, lot)
        tried = _look(who, found.id, asked, middle)
        if not _fits(tried):
            high, view = middle, tried
            continue
        low = middle
        if middle == hint and not _fits(_look(who, found.id, asked, middle + lot)):
            break
    return low


def large_words(who: Actor, found: AccountView, asked: OrderRequest) -> str:
    """Why an order is asked about before it is sent, or nothing."""
    if asked.reduce_only:
        return ""
    try:
        view = order_preview(actor=who, account_id=found.id, request=asked)
    except DomainError:
        return ""
    worth = Decimal(view.notional)
    equity = to_major(found.equity_minor, found.currency)
    if view.denial is not None or equity <= 0 or worth < equity * LARGE:
        return ""
    held = held_in(found.id, asked.symbol)
    if held is not None and reduces(held, asked.side) and asked.quantity <= abs(held.quantity):
        return ""
    side = "Buying" if asked.side == "buy" else "Selling"
    return (
        f"This is a large order. {side} {asked.quantity:,f} {asked.symbol} is worth {worth:,} {view.currency}, "
        f"{worth * 100 / equity:.0f}% of your equity."
    )


def confirm_word(asked: OrderRequest) -> str:
    """What a confirmation is about: another order needs another one."""
    return f"{asked.side}:{asked.symbol}:{asked.quantity.normalize():f}:{asked.type}"
