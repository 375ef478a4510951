"""From wishes to whole quantities that the account can pay for. Exact: no float decides money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from ai_strategies.domain.view import Action, StrategyView

# Kept back from every purchase for spread, fees and rounding.
MARGIN = Decimal("0.01")
# A position is left alone while it is within this share of equity from its target.
BAND = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Wish:
    """A symbol with the share of equity it should have, and why."""

    symbol: str
    weight: Decimal
    reason: str
    confidence: float


def weight(value: float) -> Decimal:
    """A float weight as an exact one, to a hundredth of a percent, within 0..1."""
    return Decimal(str(round(min(max(value, 0.0), 1.0), 4)))


def units(amount: Decimal, price: Decimal) -> int:
    """How many whole units `amount` buys at `price`."""
    if price <= 0 or amount <= 0:
        return 0
    return int((amount / price).to_integral_value(rounding=ROUND_FLOOR))


def sell_all(view: StrategyView, symbol: str, reason: str, confidence: float) -> list[Action]:
    """Sell the whole position, when there is one and a quote to sell at."""
    held = view.positions.get(symbol, 0)
    if held <= 0 or symbol not in view.quotes:
        return []
    return [Action(symbol, "sell", held, reason, confidence)]


def proceeds(view: StrategyView, sells: Sequence[Action]) -> Decimal:
    """Cash that the sells bring at the bid, less the margin."""
    return sum((view.quotes[s.symbol].bid * s.quantity * (1 - MARGIN) for s in sells), Decimal(0))


def buys(view: StrategyView, wishes: Sequence[Wish], *, cash: Decimal) -> list[Action]:
    """Buy towards each wish in turn, from `cash` less the margin, never above what the contest allows in one symbol."""
    left = cash * (1 - MARGIN)
    actions: list[Action] = []
    for wish in wishes:
        quote = view.quotes.get(wish.symbol)
        if quote is None:
            continue
        ceiling = view.max_weight if view.max_weight >= 1 else view.max_weight * (1 - MARGIN)
        target = min(wish.weight, ceiling) * view.equity - view.value(wish.symbol)
        quantity = units(min(target, left), quote.ask)
        if view.signal_only and target > 0 and left > 0:
            quantity = max(quantity, 1)
        if quantity > 0:
            left -= quantity * quote.ask
            actions.append(Action(wish.symbol, "buy", quantity, wish.reason, wish.confidence))
    return actions


def rebalance(view: StrategyView, wishes: Sequence[Wish], *, leave: Mapping[str, str]) -> list[Action]:
    """Move the account to the wished weights: sells first, then buys; `leave` says why a symbol is dropped.

    Positions within a band around their target stay as they are, so that noise does not trade.
    """
    wanted = {wish.symbol: wish for wish in wishes}
    sells: list[Action] = []
    for symbol in view.tradable():
        held = view.positions.get(symbol, 0)
        if held <= 0:
            continue
        wish = wanted.get(symbol)
        if wish is None:
            sells.extend(sell_all(view, symbol, leave.get(symbol, "No longer wanted."), 0.7))
            continue
        surplus = view.value(symbol) - wish.weight * view.equity
        if surplus > BAND * view.equity:
            quantity = min(units(surplus, view.quotes[symbol].bid), held)
            if quantity > 0:
                sells.append(Action(symbol, "sell", quantity, f"Trimmed to its share: {wish.reason}", wish.confidence))
    short = [wish for wish in wishes if wish.weight * view.equity - view.value(wish.symbol) > BAND * view.equity / 2]
    return sells + buys(view, short, cash=view.cash + proceeds(view, sells))
