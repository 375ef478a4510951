"""Reading what a strategy's view is built from: the market at its tick and the accounts' own books."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ai_strategies.domain.picture import Book, MarketPicture
from ai_strategies.domain.strategies import LOOKBACK
from ai_strategies.domain.view import Price
from core.money import to_major
from marketdata import selectors as market_selectors
from trading import selectors as trading_selectors


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
