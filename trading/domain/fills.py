"""The one fill model: live simulation, replay and backtest all call it. Pure and exact.

Rules (docs/fills.md): a market buy fills at the ask, a sell at the bid of the quote in force. A marketable limit fills
at the quote, never worse than its limit. A resting limit is last in the queue: it fills at its own price only when the
market trades through it by a tick, and at the better price when the market gaps across it at an open.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.money import to_minor
from trading.domain.types import Side


@dataclass(frozen=True, slots=True)
class Prices:
    """The part of a quote that a fill needs. `gap`: an opening print, with no trading between it and the last one."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Costs:
    """What a fill of `quantity` at `price` is worth: integer minor units, each rounded once, half-even."""

    notional_minor: int
    fee_minor: int


def touch(side: Side, prices: Prices) -> Decimal:
    """The price at which an order that takes liquidity trades now."""
    return prices.ask if side == "buy" else prices.bid


def immediate(side: Side, limit: Decimal | None, prices: Prices) -> Decimal | None:
    """Price of an immediate fill of a new order, or None when a limit is not marketable."""
    price = touch(side, prices)
    if limit is None:
        return price
    marketable = price <= limit if side == "buy" else price >= limit
    return price if marketable else None


def resting(side: Side, limit: Decimal, prices: Prices, tick_size: Decimal) -> Decimal | None:
    """Price at which a limit order that rested before this print fills on it, or None."""
    price = touch(side, prices)
    better = price < limit if side == "buy" else price > limit
    if prices.gap and better:
        return price
    through = prices.last <= limit - tick_size if side == "buy" else prices.last >= limit + tick_size
    crossed = price <= limit if side == "buy" else price >= limit
    return limit if through or crossed else None


def costs(quantity: Decimal, price: Decimal, currency: str, commission_bps: Decimal) -> Costs:
    """Notional and commission of a fill. Commission is basis points of the notional."""
    notional = quantity * price
    return Costs(to_minor(notional, currency), to_minor(notional * commission_bps / 10_000, currency))
