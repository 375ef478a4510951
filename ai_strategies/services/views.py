"""Building what a strategy sees, from the market at its tick and the account's own books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ai_strategies.domain.strategies import LOOKBACK
from ai_strategies.domain.view import Floats, Price, StrategyView
from contests.selectors import ContestView
from core.money import to_major
from marketdata import selectors as market_selectors
from trading import selectors as trading_selectors


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


def books_take(account_ids: Sequence[int]) -> dict[int, Book]:
    """The books of several accounts in two statements."""
    accounts = trading_selectors.accounts_by_ids(account_ids)
    holdings = trading_selectors.holdings(account_ids)
    return {
        account.id: Book(
            cash=to_major(account.cash_minor, account.currency),
            free_cash=to_major(account.buying_power_minor, account.currency),
            holdings=holdings[account.id],
        )
        for account in accounts.values()
    }


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
    picture: MarketPicture, book: Book, contest: ContestView, *, seed: int, market_seed: int
) -> StrategyView:
    """One account's view. All chance comes from the agent's seed, the market's seed and the tick."""
    worth = sum(
        (picture.quotes[symbol].last * held for symbol, (held, _) in book.holdings.items() if symbol in picture.quotes),
        Decimal(0),
    )
    percent = contest.constraints.get("max_position_pct")
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
        max_weight=Decimal(str(percent)) / 100 if percent else Decimal(1),
    )
