"""Building what a strategy sees, from the market at its tick and the account's own books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ai_strategies.domain.strategies import LOOKBACK
from ai_strategies.domain.view import Floats, Price, StrategyView
from contests.selectors import ContestView
from core.money import to_major
from marketdata import selectors as market_selectors
from trading import selectors as trading_selectors
from trading.domain.views import AccountView


@dataclass(frozen=True, slots=True)
class MarketPicture:
    """A market at one tick, shared by all agents that have their turn there."""

    tick: int
    day_index: int
    phase: int
    symbols: tuple[str, ...]
    closes: Floats
    quotes: Mapping[str, Price]


def picture_take(market_id: int) -> MarketPicture:
    """The market as it stands: quotes, clock and closes of one and the same tick."""
    quotes, clock = market_selectors.quotes_and_clock(market_id)
    symbols, closes = market_selectors.closes_matrix(market_id, LOOKBACK)
    closes = np.array(closes, dtype=np.float64)
    closes.flags.writeable = False
    return MarketPicture(
        tick=clock.tick,
        day_index=clock.day_index,
        phase=clock.phase,
        symbols=symbols,
        closes=closes,
        quotes={symbol: Price(quote.bid, quote.ask, quote.last) for symbol, quote in quotes.items()},
    )


def picture_narrow(picture: MarketPicture, allowed: tuple[str, ...]) -> MarketPicture:
    """The same picture with only the symbols that a contest allows."""
    if not allowed:
        return picture
    kept = [index for index, symbol in enumerate(picture.symbols) if symbol in allowed]
    closes = picture.closes[:, kept]
    closes.flags.writeable = False
    return MarketPicture(
        tick=picture.tick,
        day_index=picture.day_index,
        phase=picture.phase,
        symbols=tuple(picture.symbols[index] for index in kept),
        closes=closes,
        quotes={symbol: quote for symbol, quote in picture.quotes.items() if symbol in allowed},
    )


def view_build(
    picture: MarketPicture, account: AccountView, contest: ContestView, *, seed: int, market_seed: int
) -> StrategyView:
    """One account's view. All chance comes from the agent's seed, the market's seed and the tick."""
    holdings = trading_selectors.positions(account.id)
    positions = {item.symbol: int(item.quantity - item.reserved_quantity) for item in holdings}
    worth = sum(
        (picture.quotes[item.symbol].last * item.quantity for item in holdings if item.symbol in picture.quotes),
        Decimal(0),
    )
    percent = contest.constraints.get("max_position_pct")
    return StrategyView(
        symbols=picture.symbols,
        closes=picture.closes,
        quotes=picture.quotes,
        positions=positions,
        cash=to_major(account.buying_power_minor, account.currency),
        equity=to_major(account.cash_minor, account.currency) + worth,
        day_index=picture.day_index,
        phase=picture.phase,
        rng=np.random.default_rng([seed, market_seed, picture.tick]),
        max_weight=Decimal(str(percent)) / 100 if percent else Decimal(1),
    )
