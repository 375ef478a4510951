"""Pre-trade checks of size, funds and risk, and the judgement: the first check that objects denies the order. Pure."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from trading.domain.case import Case, reducible
from trading.domain.checks import PRICE_CHECKS, STATE_CHECKS, grouped, money, shares
from trading.domain.ports import AccountPolicy, PolicyContext
from trading.domain.positions import signed
from trading.domain.ruled import rules_denial
from trading.domain.types import Denial, plain
from trading.domain.worth import value_minor

MAX_OPEN_ORDERS = 200
MAX_NOTIONAL_MINOR = 10**13


def size(case: Case) -> Denial | None:
    """The order is worth at least the currency's smallest unit, and at most the platform's bound."""
    if not case.worth.notional_minor:
        return Denial("order_too_small", "This order is worth less than the smallest unit of money. Order more.")
    if case.worth.notional_minor <= MAX_NOTIONAL_MINOR:
        return None
    bound = money(case, MAX_NOTIONAL_MINOR)
    return Denial(
        "order_too_large", f"One order is worth at most {bound}. Reduce the quantity.", {"max_notional": bound}
    )


def open_orders(case: Case) -> Denial | None:
    """There is room for one more resting order, and for its legs."""
    filled = case.execution.quantity == case.request.quantity or case.execution.end
    legs = {"bracket": 2, "oto": 1, "oco": 1}.get(case.request.order_class, 0)
    more = (0 if filled else 1) + legs
    limit = min(MAX_OPEN_ORDERS, case.limits.max_open_orders or MAX_OPEN_ORDERS)
    if not more or case.snapshot.account.open_orders_count + more <= limit:
        return None
    return Denial(
        "too_many_open_orders",
        f"An account holds at most {limit} open orders here. Cancel some first.",
        {"limit": limit},
    )


def reduces(case: Case) -> Denial | None:
    """A reduce-only order has a position to reduce; the protective order of an entry waits for its own."""
    request = case.request
    if not (request.reduce_only or request.order_class == "oco"):
        return None
    most = reducible(case.snapshot.holding, request.side, is_margin=case.margin is not None)
    if most > 0:
        return None
    symbol = case.instrument.symbol
    return Denial(
        "nothing_to_reduce",
        f"There is no position in {symbol} that a {request.side} could reduce. Without reduce-only it opens one.",
        {"position": plain(case.snapshot.holding.quantity)},
    )


def holdings(case: Case) -> Denial | None:
    """A sale is covered by shares that no other order has promised, or the account may go short."""
    request, holding = case.request, case.snapshot.holding
    if request.side == "buy" or request.reduce_only or request.order_class == "oco":
        return None
    if case.margin is not None and (case.snapshot.terms.short or not case.opens):
        return None
    available = max(holding.quantity, Decimal(0)) if case.margin is not None else holding.available
    if request.quantity <= available:
        return None
    symbol, asked, have = case.instrument.symbol, plain(request.quantity), plain(available)
    reserved = holding.reserved_quantity
    note = f" ({shares(reserved)} more wait in open orders)" if reserved else ""
    advice = f"Sell {shares(available)} or less." if available > 0 else "Short selling is off here."
    return Denial(
        "not_enough_shares",
        f"Not enough {symbol}: this order sells {shares(request.quantity)}, "
        f"you can sell {shares(available)}{note}. {advice}",
        {"requested": asked, "available": have},
    )


def buying_power(case: Case) -> Denial | None:
    """The order is covered: by cash that no resting order holds, or by equity that carries nothing yet."""
    account = case.snapshot.account
    need, power = case.need_minor, account.buying_power_minor
    if case.margin is not None:
        power = case.margin.excess_minor - account.reserved_minor
    elif case.request.side == "sell":
        need, power = case.worth.fee_minor, power + case.worth.notional_minor
    if not need or need <= power:
        return None
    # What closes a position needs nothing: it is what opens that must become less.
    opens = case.opens if case.margin is not None else case.request.quantity
    room = case.request.quantity - opens + opens * max(power, 0) / need
    lots = room // case.instrument.lot_size
    most = lots * case.instrument.lot_size
    advice = f"Reduce to {shares(most)} or less." if most > 0 else "Sell something or cancel an open order first."
    words = "this order needs" if case.margin is None else "this order needs a margin of"
    asked, have = money(case, need), money(case, power)
    return Denial(
        "not_enough_buying_power",
        f"Not enough buying power: {words} {asked}, you have {have}. {advice}",
        {"required": asked.replace(",", ""), "available": have.replace(",", ""), "max_quantity": plain(most)},
    )


def _equity(case: Case) -> int:
    if case.margin is not None:
        return case.margin.equity_minor
    known = case.snapshot.equity_minor
    return case.snapshot.account.cash_minor if known is None else known


def blocked(case: Case) -> Denial | None:
    """The kill switch is off."""
    if not case.limits.blocked or not case.opens:
        return None
    return Denial(
        "kill_switch",
        "The kill switch is on: only orders that reduce a position are taken. Turn it off in your risk settings.",
    )


def order_share(case: Case) -> Denial | None:
    """One order opens at most a set share of equity."""
    percent = case.limits.max_order_pct
    if percent is None or not case.opens:
        return None
    most = percent * _equity(case) / 100
    if case.worth.notional_minor * case.opens <= most * case.request.quantity:
        return None
    bound = money(case, int(most))
    return Denial(
        "order_share_limit",
        f"Your risk settings allow {percent}% of equity in one order: {bound}. Reduce the quantity.",
        {"max_order_pct": str(percent), "max_notional": bound.replace(",", "")},
    )


def _grown(case: Case) -> Decimal:
    """The signed position after the order, and after what rests of other entries on its side."""
    return case.snapshot.holding.quantity + signed(case.request.side, case.request.quantity + case.snapshot.working)


def position_share(case: Case) -> Denial | None:
    """A position grows to at most a set share of equity."""
    percent = case.limits.max_position_pct
    if percent is None or not case.opens:
        return None
    after = _grown(case)
    value = abs(value_minor(after, case.price, case.instrument, case.snapshot.account.currency))
    most = percent * _equity(case) / 100
    if value <= most:
        return None
    bound = money(case, int(most))
    return Denial(
        "position_share_limit",
        f"Your risk settings allow {percent}% of equity in one symbol: {bound}. Reduce the quantity.",
        {"max_position_pct": str(percent), "max_notional": bound.replace(",", "")},
    )


def daily_loss(case: Case) -> Denial | None:
    """The day's loss is within its limit; what reduces risk is always taken."""
    percent, start = case.limits.max_daily_loss_pct, case.snapshot.day_equity_minor
    if percent is None or start is None or not case.opens:
        return None
    lost = start - _equity(case)
    if lost * 100 < percent * start:
        return None
    return Denial(
        "daily_loss_limit",
        f"You have lost {money(case, lost)} today, and your risk settings stop at {percent}% of the day's opening "
        "equity. Orders that reduce positions are still taken; new risk waits for the next session.",
        {"max_daily_loss_pct": str(percent), "lost": money(case, lost).replace(",", "")},
    )


def order_counts(case: Case) -> Denial | None:
    """Orders and trades come no faster than the limits say."""
    limits, snapshot = case.limits, case.snapshot
    rate = limits.max_orders_per_minute
    if rate is not None and (snapshot.orders_minute or 0) >= rate and case.opens:
        return Denial(
            "order_rate_limit",
            f"Your risk settings allow {rate} orders a minute. Wait a moment.",
            {"limit": rate},
        )
    most = limits.max_orders_per_day
    if most is not None and (snapshot.orders_today or 0) >= most and case.opens:
        return Denial(
            "daily_order_limit",
            f"Your risk settings allow {most} orders a market day and you have sent them. Trade again on the next day.",
            {"limit": most},
        )
    trades = limits.max_trades_per_day
    if trades is not None and (snapshot.trades_today or 0) >= trades and case.opens:
        return Denial(
            "daily_trade_limit",
            f"Your limit is {trades} trades a market day and you have made them, orders that wait included. "
            "Cancel one that waits, or trade again on the next day.",
            {"limit": trades, "trades_today": snapshot.trades_today},
        )
    return None


FUNDS_CHECKS: tuple[Callable[[Case], Denial | None], ...] = (size, open_orders, reduces, holdings, buying_power)
RISK_CHECKS: tuple[Callable[[Case], Denial | None], ...] = (
    blocked,
    order_counts,
    order_share,
    position_share,
    daily_loss,
)
CHECKS = STATE_CHECKS + PRICE_CHECKS + FUNDS_CHECKS + RISK_CHECKS


def judge(case: Case, policy: AccountPolicy | None) -> Denial | None:
    """The first objection of our checks, then of the account's policy, then of its rules; None accepts.

    What the system does to reduce a position is judged by state, price and funds alone.
    """
    checks = STATE_CHECKS + PRICE_CHECKS + FUNDS_CHECKS if case.forced else CHECKS
    for check in checks:
        denial = check(case)
        if denial is not None:
            return denial
    if case.forced:
        return None
    denial = None if policy is None else policy(case.snapshot.policy, policy_context(case))
    return denial or rules_denial(case)


def policy_context(case: Case) -> PolicyContext:
    """What the account's policy may look at."""
    after = _grown(case)
    return PolicyContext(
        request=case.request,
        group_status=case.snapshot.group_status,
        market_at=case.snapshot.market_at,
        price=case.price,
        notional_minor=case.worth.notional_minor,
        position_quantity=after,
        position_notional_minor=abs(value_minor(after, case.price, case.instrument, case.snapshot.account.currency)),
        cash_minor=case.snapshot.account.cash_minor,
        equity_minor=_equity(case) if case.margin is not None else case.snapshot.equity_minor,
        trades_today=case.snapshot.trades_today,
        opens=case.opens,
    )


__all__ = ["CHECKS", "MAX_OPEN_ORDERS", "grouped", "judge", "policy_context"]
