"""Accounts of one market and currency as columns: what they hold, when to look at them, what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from marketdata.domain.types import ListingView
from trading.domain.book import Book
from trading.domain.marking import Ints
from trading.domain.rules import Lines, Sweep
from trading.services.context import instrument_of
from trading.services.judging import LINE_COLUMNS

# Columns of a row before its position: account, cash, currency, whether it is closed, then its phase and lines.
HEAD = 5 + len(LINE_COLUMNS)


@dataclass(slots=True)
class Side:
    """The accounts of one currency. `equity`, `cash`: what is stored of each slot; `dirty`: slots to write anyway.
    `ruled`: the accounts under rules, with their phase. `marked`: equity at the prices shown, `judged`: at those that
    rules go by.
    """

    currency: str
    book: Book
    sweep: Sweep = field(default_factory=Sweep)
    equity: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    cash: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    dirty: set[int] = field(default_factory=set)
    ruled: dict[int, int] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)
    listings: set[int] = field(default_factory=set)
    priced: set[int] = field(default_factory=set)
    marked: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    judged: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def fit(self) -> None:
        """Give what is stored the book's size."""
        missing = self.book.size - len(self.equity)
        if missing > 0:
            room = np.zeros(max(missing, len(self.equity)), dtype=np.int64)
            self.equity, self.cash = np.concatenate([self.equity, room]), np.concatenate([self.cash, room])

    def own_prices(
        self, quoted: Mapping[int, Decimal], listings: Mapping[int, ListingView], on: date
    ) -> dict[int, Decimal]:
        """Prices by listing in this side's currency, at the rates of a day."""
        prices: dict[int, Decimal] = {}
        for listing_id, last in quoted.items():
            listing = listings.get(listing_id)
            if listing is None or listing.currency == self.currency:
                prices[listing_id] = last
            else:
                prices[listing_id] = last * instrument_of(listing, self.currency, on).fx
        return prices

    def put(self, rows: Sequence[Sequence[Any]], *, judge: bool) -> None:
        """Set an account as read: rows share its head, and each has one of its positions (or none)."""
        head = rows[0]
        slot = self.book.upsert_account(head[0], head[1])
        for row in rows:
            listing_id, quantity, cost = row[HEAD:]
            if listing_id is not None:
                self.book.upsert_position(head[0], listing_id, quantity, cost)
                self.listings.add(listing_id)
        self.dirty.add(slot)
        if head[4] is not None:
            self.sweep.put(slot, Lines(*head[5:HEAD]))
            self.ruled[head[0]] = head[4]
            if judge:
                self.asked.add(head[0])
        elif head[0] in self.ruled:
            del self.ruled[head[0]]
            self.sweep.drop(slot)

    def drop(self, account_id: int) -> None:
        """Take an account out; nothing when it is not there."""
        try:
            slot = self.book.remove_account(account_id)
        except KeyError:
            return
        self.sweep.drop(slot)
        self.dirty.discard(slot)
        self.ruled.pop(account_id, None)
        self.asked.discard(account_id)
