"""Pre-trade checks: each one small, pure, with its own code. The first that objects denies the order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from core.money import to_major
from trading.domain.fills import Costs, costs, immediate
from trading.domain.ports import AccountPolicy, PolicyContext
from trading.domain.snapshot import QuoteState, Snapshot, Terms
from trading.domain.types import Denial, OrderRequest, plain

MAX_OPEN_ORDERS = 200
MAX_NOTIONAL_MINOR = 10**13
# A limit further than this from the last price is taken for a slip of the keyboard.
COLLAR = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Case:
    """One order before its judges. `price` is the immediate fill price, or the limit when it would rest."""

    snapshot: Snapshot
    request: OrderRequest
    terms: Terms
    quote: QuoteState
    fill_price: Decimal | None
    price: Decimal
    costs: Costs

    @property
    def total_minor(self) -> int:
        """What a buy takes from buying power: notional and commission."""
        return self.costs.notional_minor + self.costs.fee_minor


def make_case(snapshot: Snapshot, request: OrderRequest, terms: Terms, quote: QuoteState) -> Case:
    """Price an order against the quote in force."""
    limit = request.limit_price if request.type == "limit" else None
    fill_price = immediate(request.side, limit, quote.prices)
    price = fill_price if fill_price is not None else (limit or quote.prices.last)
    return Case(
        snapshot,
        request,
        terms,
        quote,
        fill_price,
        price,
        costs(request.quantity, price, snapshot.account.currency, snapshot.commission_bps),
    )


def _money(case: Case, minor: int) -> str:
    return f"{to_major(minor, case.snapshot.account.currency):,}"


def _grouped(number: Decimal) -> str:
    return f"{Decimal(plain(number)):,}"


def _shares(quantity: Decimal) -> str:
    return f"{_grouped(quantity)} {'share' if quantity == 1 else 'shares'}"


def owner_active(case: Case) -> Denial | None:
    """The owner is not suspended."""
    if case.snapshot.owner_active:
        return None
    return Denial("account_suspended", "Your sign-in is suspended, so this order was not taken. Contact support.")


def account_active(case: Case) -> Denial | None:
    """The account may open new orders."""
    status = case.snapshot.account.status
    if status == "active":
        return None
    return Denial("account_not_active", f"This account is {status} and takes no new orders.", {"status": status})


def group_open(case: Case) -> Denial | None:
    """The contest or plan that the account belongs to is open."""
    status = case.snapshot.group_status
    if status in (None, "open"):
        return None
    words = {
        "pending": "Trading has not started yet. Your order will be taken once it does.",
        "paused": "Trading is paused. Try again when it resumes.",
        "closed": "Trading has ended. No more orders are taken.",
    }
    return Denial("trading_not_open", words.get(str(status), "Trading is not open."), {"status": status})


def market_open(case: Case) -> Denial | None:
    """The market is running and has printed."""
    if case.snapshot.market_status == "running" and case.snapshot.market_tick >= 0:
        return None
    status = case.snapshot.market_status
    return Denial("market_closed", f"The market is {status}. Orders are taken while it runs.", {"status": status})


def quote_fresh(case: Case) -> Denial | None:
    """The quote is the one in force now, not an older one."""
    if case.quote.tick == case.snapshot.market_tick:
        return None
    return Denial(
        "stale_quote",
        "The price moved on while your order was on its way. Look at the new price and send it again.",
        {"quote_tick": case.quote.tick, "market_tick": case.snapshot.market_tick},
    )


def on_grid(case: Case) -> Denial | None:
    """Quantity is a multiple of the lot, limit price a multiple of the tick."""
    request, terms = case.request, case.terms
    if request.quantity % terms.lot_size:
        lot = plain(terms.lot_size)
        return Denial(
            "lot_size", f"{terms.symbol} trades in multiples of {_shares(terms.lot_size)}.", {"lot_size": lot}
        )
    if request.limit_price is not None and request.limit_price % terms.tick_size:
        tick = plain(terms.tick_size)
        return Denial("tick_size", f"Prices of {terms.symbol} move in steps of {tick}.", {"tick_size": tick})
    return None


def collar(case: Case) -> Denial | None:
    """A limit price is within reach of the last price."""
    limit, last = case.request.limit_price, case.quote.prices.last
    if limit is None or abs(limit - last) <= last * COLLAR:
        return None
    low, high = last * (1 - COLLAR), last * (1 + COLLAR)
    return Denial(
        "price_collar",
        f"The limit {_grouped(limit)} is too far from the last price {_grouped(last)}. "
        f"Use a price from {low:,.2f} to {high:,.2f}.",
        {"limit_price": plain(limit), "last": plain(last)},
    )


def size(case: Case) -> Denial | None:
    """The order is worth at least the currency's smallest unit, and at most the platform's bound."""
    if not case.costs.notional_minor:
        return Denial("order_too_small", "This order is worth less than the smallest unit of money. Order more.")
    if case.costs.notional_minor <= MAX_NOTIONAL_MINOR:
        return None
    bound = _money(case, MAX_NOTIONAL_MINOR)
    return Denial(
        "order_too_large", f"One order is worth at most {bound}. Reduce the quantity.", {"max_notional": bound}
    )


def open_orders(case: Case) -> Denial | None:
    """There is room for one more resting order."""
    if case.fill_price is not None or case.snapshot.account.open_orders_count < MAX_OPEN_ORDERS:
        return None
    return Denial(
        "too_many_open_orders",
        f"An account holds at most {MAX_OPEN_ORDERS} open orders. Cancel some first.",
        {"limit": MAX_OPEN_ORDERS},
    )


def holdings(case: Case) -> Denial | None:
    """A sale is covered by shares that no other order has promised."""
    if case.request.side == "buy":
        return None
    available = case.snapshot.holding.available
    if case.request.quantity <= available:
        return None
    symbol, asked, have = case.terms.symbol, plain(case.request.quantity), plain(available)
    reserved = case.snapshot.holding.reserved_quantity
    note = f" ({_shares(reserved)} more wait in open orders)" if reserved else ""
    advice = f"Sell {_shares(available)} or less." if available > 0 else "Short selling is off here."
    return Denial(
        "not_enough_shares",
        f"Not enough {symbol}: this order sells {_shares(case.request.quantity)}, "
        f"you can sell {_shares(available)}{note}. {advice}",
        {"requested": asked, "available": have},
    )


def buying_power(case: Case) -> Denial | None:
    """A buy is covered by cash that no resting order holds."""
    if case.request.side == "sell":
        return None
    power = case.snapshot.account.buying_power_minor
    if case.total_minor <= power:
        return None
    lots = case.request.quantity * power / case.total_minor // case.terms.lot_size
    most = lots * case.terms.lot_size
    advice = f"Reduce to {_shares(most)} or less." if most > 0 else "Sell something or cancel an open order first."
    need, have = _money(case, case.total_minor), _money(case, power)
    return Denial(
        "not_enough_buying_power",
        f"Not enough buying power: this order needs {need}, you have {have}. {advice}",
        {"required": need.replace(",", ""), "available": have.replace(",", ""), "max_quantity": plain(most)},
    )


CHECKS: tuple[Callable[[Case], Denial | None], ...] = (
    owner_active,
    account_active,
    group_open,
    market_open,
    quote_fresh,
    on_grid,
    collar,
    size,
    open_orders,
    holdings,
    buying_power,
)


def judge(case: Case, policy: AccountPolicy | None) -> Denial | None:
    """The first objection of our checks, then of the account's policy; None accepts."""
    for check in CHECKS:
        denial = check(case)
        if denial is not None:
            return denial
    if policy is None:
        return None
    held, signed = case.snapshot.holding.quantity, case.request.quantity
    after = held + signed if case.request.side == "buy" else held - signed
    return policy(
        case.snapshot.policy,
        PolicyContext(
            request=case.request,
            group_status=case.snapshot.group_status,
            market_at=case.snapshot.market_at,
            price=case.price,
            notional_minor=case.costs.notional_minor,
            position_quantity=after,
            position_notional_minor=costs(after, case.price, case.snapshot.account.currency, Decimal(0)).notional_minor,
            cash_minor=case.snapshot.account.cash_minor,
            equity_minor=case.snapshot.equity_minor,
            trades_today=case.snapshot.trades_today,
        ),
    )
