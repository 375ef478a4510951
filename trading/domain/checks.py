"""Pre-trade checks of state and price: each one small, pure, with its own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal

from accounts.domain.standing import Standing
from core.money import to_major
from trading.domain.case import Case
from trading.domain.fills import touch
from trading.domain.snapshot import OrderState
from trading.domain.states import HELD
from trading.domain.types import Denial, plain

# A price further than this from the last one is taken for a slip of the keyboard.
COLLAR = Decimal("0.5")


def money(case: Case, minor: int) -> str:
    """Minor units of the account's currency as people read them."""
    return f"{to_major(minor, case.snapshot.account.currency):,}"


def grouped(number: Decimal) -> str:
    """A number with its thousands apart."""
    return f"{Decimal(plain(number)):,}"


def shares(quantity: Decimal) -> str:
    """A quantity with its unit."""
    return f"{grouped(quantity)} {'share' if quantity == 1 else 'shares'}"


def owner_active(case: Case) -> Denial | None:
    """The owner is not suspended."""
    if case.snapshot.owner_active or case.forced:
        return None
    return Denial("account_suspended", "Your sign-in is suspended, so this order was not taken. Contact support.")


# What someone may still do who has to accept new terms, or moved where the platform serves nobody: get out.
_LETS_OUT = ("consent_due", "region_blocked")


def owner_cleared(case: Case) -> Denial | None:
    """The owner has set up the account and accepted the terms in force."""
    found = case.snapshot.owner_standing
    if found.is_clear or case.forced or may_reduce(found, case.opens):
        return None
    return Denial(found.code, found.message, {"url": found.url} if found.url else {})


def may_reduce(found: Standing, opens: Decimal) -> bool:
    """Whether someone of this standing may have an order that opens nothing."""
    return not opens and found.code in _LETS_OUT


def platform_open(case: Case) -> Denial | None:
    """The platform has not halted trading."""
    halt = case.snapshot.halt
    if halt is None or case.forced:
        return None
    why = f": {halt.rstrip('.')}" if halt else ""
    return Denial("trading_halted", f"Trading is halted on the whole platform{why}. Try again when it resumes.")


def account_active(case: Case) -> Denial | None:
    """The account may open new orders."""
    account = case.snapshot.account
    if account.status == "active" or (case.forced and account.status == "locked"):
        return None
    until = ""
    if account.status == "locked" and account.locked_until:
        until = f" until {datetime.fromisoformat(account.locked_until):%d %b %Y %H:%M} UTC"
    why = f": {account.lock_reason.rstrip('.')}" if account.lock_reason else ""
    return Denial(
        "account_not_active",
        f"This account is {account.status}{until}{why}. It takes no new orders; you can still cancel what rests.",
        {"status": account.status, "until": account.locked_until},
    )


def group_open(case: Case) -> Denial | None:
    """The contest or plan that the account belongs to is open."""
    status = case.snapshot.group_status
    if status in (None, "open") or case.forced:
        return None
    words = {
        "pending": "Trading has not started yet. Send the order again once it has.",
        "paused": "Trading is paused. Try again when it resumes.",
        "closed": "Trading has ended. No more orders are taken.",
    }
    return Denial("trading_not_open", words.get(str(status), "Trading is not open."), {"status": status})


def market_open(case: Case) -> Denial | None:
    """The market is running and has printed."""
    if case.snapshot.market_status == "running" and case.snapshot.market_tick >= 0:
        return None
    status = case.snapshot.market_status
    return Denial(
        "market_closed", f"The market is {status}. Orders are taken while it runs: try again then.", {"status": status}
    )


def exchange_open(case: Case) -> Denial | None:
    """The exchange whose prices the market shows is in continuous trading."""
    closed = case.quote.closed
    if closed is None:
        return None
    opens = f" It opens at {closed['next_open']}." if closed.get("next_open") else ""
    why = f": {closed['reason']}" if closed.get("reason") else ""
    return Denial(
        "exchange_closed", f"{closed['exchange']} is closed{why}.{opens} Send the order again then.", dict(closed)
    )


def quote_fresh(case: Case) -> Denial | None:
    """The quote is the one in force now, and no older than the market's staleness limit."""
    if case.quote.tick != case.snapshot.market_tick:
        return Denial(
            "stale_quote",
            "The price moved on while your order was on its way. Look at the new price and send it again.",
            {"quote_tick": case.quote.tick, "market_tick": case.snapshot.market_tick},
        )
    if case.snapshot.market_at is None:
        return None
    age = (datetime.fromisoformat(case.snapshot.market_at) - case.quote.at).total_seconds()
    limit = case.snapshot.venue.staleness_s
    if age <= limit:
        return None
    return Denial(
        "stale_quote",
        f"The last price of {case.instrument.symbol} is {int(age)} seconds old; orders need one of at most {limit}. "
        "Wait for the next price.",
        {"age_seconds": int(age), "limit_seconds": limit},
    )


def tradable(case: Case) -> Denial | None:
    """The instrument is not halted, or the order can wait; and its price lies within the session's band."""
    prices, symbol = case.quote.prices, case.instrument.symbol
    waits = case.request.time_in_force not in ("ioc", "fok") and case.request.type != "market"
    if prices.halted and not waits:
        return Denial(
            "halted",
            f"Trading in {symbol} is halted. Place a limit or stop order: it waits for the end of the halt.",
            {"symbol": symbol},
        )
    low, high = prices.band_low, prices.band_high
    for name in ("limit_price", "stop_price"):
        value = getattr(case.request, name)
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            bounds = {"low": None if low is None else plain(low), "high": None if high is None else plain(high)}
            return Denial(
                "outside_price_band",
                f"{symbol} trades from {bounds['low']} to {bounds['high']} today. Use a price within the band.",
                bounds,
            )
    return None


_GRID = ("limit_price", "stop_price", "take_profit_price", "stop_loss_price", "stop_loss_limit_price")


def on_grid(case: Case) -> Denial | None:
    """Quantity is a multiple of the lot, each price a multiple of the tick."""
    request, instrument = case.request, case.instrument
    if request.quantity % instrument.lot_size:
        lot = plain(instrument.lot_size)
        return Denial(
            "lot_size",
            f"{instrument.symbol} trades in multiples of {shares(instrument.lot_size)}. Change the quantity to one.",
            {"lot_size": lot},
        )
    for name in _GRID:
        value = getattr(request, name)
        if value is not None and value % instrument.tick_size:
            tick = plain(instrument.tick_size)
            return Denial(
                "tick_size",
                f"Prices of {instrument.symbol} move in steps of {tick}. Use a multiple of it.",
                {"tick_size": tick, "field": name},
            )
    return None


def collar(case: Case) -> Denial | None:
    """Each price is within reach of the last price."""
    last = case.quote.prices.last
    for name in _GRID:
        value = getattr(case.request, name)
        if value is None or abs(value - last) <= last * COLLAR:
            continue
        low, high = last * (1 - COLLAR), last * (1 + COLLAR)
        words = "limit" if name == "limit_price" else name.removesuffix("_price").replace("_", " ")
        return Denial(
            "price_collar",
            f"The {words} {grouped(value)} is too far from the last price {grouped(last)}. "
            f"Use a price from {low:,.2f} to {high:,.2f}.",
            {name: plain(value), "last": plain(last)},
        )
    return None


def stop_side(case: Case) -> Denial | None:
    """A stop lies beyond the market: one that is reached already is a market order in disguise."""
    request, last = case.request, case.quote.prices.last
    stop = request.stop_price
    if stop is None or (stop > last if request.side == "buy" else stop < last):
        return None
    words = "above" if request.side == "buy" else "below"
    return Denial(
        "stop_reached",
        f"A {request.side} stop lies {words} the last price {grouped(last)}; {grouped(stop)} is reached already. "
        "Move it, or send a market order.",
        {"stop_price": plain(stop), "last": plain(last)},
    )


def legs_side(case: Case) -> Denial | None:
    """The legs of an entry at the market lie on their sides of the price that it fills at."""
    request = case.request
    if request.order_class not in ("bracket", "oto"):
        return None
    return _crossed(case, request.take_profit_price, request.stop_loss_price)


def legs_crossed(case: Case, legs: Sequence[OrderState]) -> Denial | None:
    """The legs that wait for an entry still lie on their sides of it when it is replaced."""
    waiting = [leg for leg in legs if leg.status == HELD and leg.side != case.request.side]
    profit = next((leg.limit_price for leg in waiting if leg.role == "take_profit"), None)
    loss = next((leg.stop_price for leg in waiting if leg.role == "stop_loss"), None)
    return _crossed(case, profit, loss)


def _crossed(case: Case, profit: Decimal | None, loss: Decimal | None) -> Denial | None:
    request = case.request
    price = case.execution.price or request.limit_price or request.stop_price or touch(request.side, case.quote.prices)
    sign = 1 if request.side == "buy" else -1
    if (profit is None or sign * (profit - price) > 0) and (loss is None or sign * (price - loss) > 0):
        return None
    more, less = ("above", "below") if request.side == "buy" else ("below", "above")
    return Denial(
        "legs_crossed",
        f"The entry would fill at {grouped(price)}: move the take profit {more} and the stop loss {less} it.",
        {"price": plain(price)},
    )


def date_ahead(case: Case) -> Denial | None:
    """A good-till-date order has its date ahead of it, by the market's clock."""
    expires, now = case.request.expires_at, case.snapshot.market_at
    if expires is None or now is None or expires > datetime.fromisoformat(now):
        return None
    return Denial(
        "date_passed", "The order's date has passed by the market's clock. Choose a later one.", {"market_at": now}
    )


STATE_CHECKS: tuple[Callable[[Case], Denial | None], ...] = (
    owner_active,
    owner_cleared,
    platform_open,
    account_active,
    group_open,
    market_open,
)
PRICE_CHECKS: tuple[Callable[[Case], Denial | None], ...] = (
    exchange_open,
    quote_fresh,
    tradable,
    on_grid,
    collar,
    stop_side,
    legs_side,
    date_ahead,
)
