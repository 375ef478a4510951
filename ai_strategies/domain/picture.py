"""What a strategy sees, of a market at one tick and an account's books. Pure: live turns and backtests share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from ai_strategies.domain.view import Floats, Price, StrategyView

# Orders of one turn beyond this many are not sent.
MAX_ACTIONS = 60


@dataclass(frozen=True, slots=True)
class MarketPicture:
    """A market at one tick, shared by all agents that have their turn there."""

    tick: int
    day_index: int
    phase: int
    symbols: tuple[str, ...]
    closes: Floats
    quotes: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class Book:
    """What an account has: cash, what of it is free, and its holdings as (quantity, sellable quantity) by symbol."""

    cash: Decimal
    free_cash: Decimal
    holdings: Mapping[str, tuple[Decimal, Decimal]]


def picture_narrow(picture: MarketPicture, allowed: tuple[str, ...]) -> MarketPicture:
    """The same picture with only the symbols that a contest allows."""
    if not allowed:
        return picture
    kept = [index for index, symbol in enumerate(picture.symbols) if symbol in allowed]
    closes = picture.closes[:, kept]
    closes.flags.writeable = False
    return replace(
        picture,
        symbols=tuple(picture.symbols[index] for index in kept),
        closes=closes,
        quotes={symbol: quote for symbol, quote in picture.quotes.items() if symbol in allowed},
    )


def view_build(
    picture: MarketPicture,
    book: Book,
    *,
    seed: int,
    market_seed: int,
    max_position_pct: object = None,
    signal_only: bool = False,
) -> StrategyView:
    """One account's view. All chance comes from the agent's seed, the market's seed and the tick."""
    worth = sum(
        (picture.quotes[symbol].last * held for symbol, (held, _) in book.holdings.items() if symbol in picture.quotes),
        Decimal(0),
    )
    return StrategyView(
        symbols=picture.symbols,
        closes=picture.closes,
        quotes=picture.quotes,
        positions={symbol: int(sellable) for symbol, (_, sellable) in book.holdings.items()},
        cash=book.free_cash,
        equity=book.cash + worth,
        day_index=picture.day_index,
        phase=picture.phase,
        rng=np.random.default_rng([seed, market_seed, picture.tick]),
        max_weight=Decimal(str(max_position_pct)) / 100 if max_position_pct else Decimal(1),
        signal_only=signal_only,
    )
