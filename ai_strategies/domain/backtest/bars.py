"""Backtests on bars, for comparison with published ones: one decision a session, on its close.

Orders fill at the next session's open, or at the close that gave the signal, with one price for both sides. Resting
orders meet the bar between: the extreme that hurts a position comes first, and a stop inside the bar's range fills at
its own price. Orders, fills, charges and cash go through the order path's own functions, as in `engine.run_market`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

from ai_strategies.domain.backtest.book import PaperBook
from ai_strategies.domain.backtest.enforce import intraday_flatten, margin_enforce
from ai_strategies.domain.backtest.engine import Decide, Paper, Turns, request_of
from ai_strategies.domain.backtest.feed import Feed
from ai_strategies.domain.backtest.types import Moment, Setup
from ai_strategies.domain.strategies import LOOKBACK
from ai_strategies.domain.view import Action
from core.money import to_major
from marketdata.domain.slices import Slice, name_at
from marketdata.domain.types import TickAction
from trading.domain.case import rates_of
from trading.domain.fills import Prices
from trading.domain.positions import ZERO
from trading.domain.snapshot import QuoteState
from trading.domain.types import OrderRequest
from trading.domain.worth import worth

Fill = Literal["next_open", "close"]
Sizing = Literal["own", "all_in"]
# Steps of the market within one session: an open, the way to each extreme, a close.
STEPS = 1_000_000
OPEN, HIGH, LOW, CLOSE = range(4)


@dataclass(frozen=True, slots=True)
class BarRules:
    """When orders fill, and how large a purchase is: the strategy's own size, or all that cash buys."""

    fill: Fill = "next_open"
    sizing: Sizing = "own"


def run_bars(feed: Feed, setup: Setup, decide: Decide, turns: Turns, rules: BarRules) -> Paper:
    """Play every session of the feed, bar by bar; one mark a session, at its close."""
    paper = BarPaper(feed, setup, decide, turns)
    waiting: list[Action | OrderRequest] = []
    for day in range(feed.table.days_total):
        paper.open_bar(day)
        for wish in waiting:
            paper.send_sized(wish, rules)
        waiting = []
        paper.cross_bar()
        paper.close_bar()
        picture = paper.picture(
            tick=day,
            day_index=day,
            phase=0,
            closes=feed.table.closes((day + 1) * feed.table.prints - 1, LOOKBACK),
            symbols=feed.table.symbols(day * feed.table.prints),
        )
        found = paper.wishes(picture, signal_only=rules.sizing == "all_in")
        if rules.fill == "next_open":
            waiting = found
        else:
            for wish in found:
                paper.send_sized(wish, rules)
        paper.book.mark()
        margin_enforce(paper.book, is_close=True)
    paper.waiting = len(waiting)
    return paper


class BarPaper(Paper):
    """A book that meets bars."""

    # Orders that were decided on at the last close and have no open to fill at.
    waiting = 0

    def __init__(self, feed: Feed, setup: Setup, decide: Decide, turns: Turns) -> None:
        super().__init__(feed, setup, decide, turns)
        self.day, self.step = -1, 0
        self._actions: dict[int, list[TickAction]] = {}
        for column in feed.table.columns:
            for row, action in column.actions:
                self._actions.setdefault(row, []).append(action)

    @property
    def row(self) -> int:
        """The session's row in the tables."""
        return self.feed.table.warmup + self.day

    def open_bar(self, day: int) -> None:
        """The open: corporate actions, then resting orders of before meet it."""
        table = self.feed.table
        self.day, self.step = day, 0
        index = day * table.prints
        self.instruments.of(table.at(index).date(), self._names(table))
        self._stand(self._prints(OPEN, gap=True))
        self.book.expire()
        self.open_session(index, table.at(index), self._actions.get(self.row, ()))
        self.book.match(through=True)

    def close_bar(self) -> None:
        """The close."""
        self._stand(self._prints(CLOSE, is_close=True), at_close=True)
        self.book.match(through=True)
        intraday_flatten(self.book, is_close=True)

    def cross_bar(self) -> None:
        """The way between open and close, for the instruments that have resting orders."""
        waiting = sorted({order.listing_id for order in self.book.orders.values()})
        for listing_id in waiting:
            for price in self._way(listing_id):
                quotes = {**self.book.quotes, listing_id: self._quote(listing_id, price)}
                self._stand(quotes)
                self.book.match(through=True)

    def _way(self, listing_id: int) -> Iterator[Decimal]:
        """The prices on the way: to the extreme that hurts the position, then to the other, with the stops between."""
        column = self.feed.table.listing_ids.index(listing_id)
        opening, high, low = (self._price(column, place) for place in (OPEN, HIGH, LOW))
        held = self.book.holdings.get(listing_id)
        quantity = held.quantity if held is not None else ZERO
        low_first = quantity > 0 or (not quantity and opening - low <= high - opening)
        place = opening
        for extreme in (low, high) if low_first else (high, low):
            yield from _stops(self.book, listing_id, place, extreme)
            yield extreme
            place = extreme

    def _names(self, table: Slice) -> dict[int, str]:
        return {
            ident: name_at(column, self.row)
            for ident, column in zip(table.listing_ids, table.columns, strict=True)
            if self.row < column.gone
        }

    def _price(self, column: int, place: int) -> Decimal:
        return int(self.feed.table.ohlc[self.row, column, place]) * self.feed.table.tick_sizes[column]

    def _prints(self, place: int, *, gap: bool = False, is_close: bool = False) -> dict[int, QuoteState]:
        """A quote for each instrument that trades, at one of the bar's prices."""
        table = self.feed.table
        return {
            table.listing_ids[column]: self._quote(
                table.listing_ids[column], self._price(column, place), gap=gap, is_close=is_close
            )
            for column in table.trading(self.day * table.prints)
        }

    def _quote(self, listing_id: int, price: Decimal, *, gap: bool = False, is_close: bool = False) -> QuoteState:
        table = self.feed.table
        at = table.at(self.day * table.prints + (table.prints - 1 if is_close else 0))
        volume = int(table.volume[self.row - 1, table.listing_ids.index(listing_id)]) if self.row else 0
        prices = Prices(price, price, price, gap=gap, is_close=is_close, volume=volume, at=at)
        return QuoteState(prices, self.day * STEPS + self.step, at, {})

    def _stand(self, quotes: Mapping[int, QuoteState], *, at_close: bool = False) -> None:
        table = self.feed.table
        at = table.at(self.day * table.prints + (table.prints - 1 if at_close else 0))
        moment = Moment(self.day * STEPS + self.step, at, self.day * STEPS, self.day, table.dates[self.row])
        self.book.stand(moment, quotes, self.instruments.known)
        self.step += 1

    def send_sized(self, wish: Action | OrderRequest, rules: BarRules) -> None:
        """Send an order at the size that its fill price allows."""
        request = request_of(wish)
        if isinstance(wish, Action) and request.side == "buy" and not self.book.setup.terms.is_margin:
            most = most_affordable(self.book, request.symbol)
            quantity = most if rules.sizing == "all_in" else min(request.quantity, most)
            if not quantity:
                self.book.endings["not_enough_buying_power"] += 1
                return
            request = replace(request, quantity=quantity)
        self.book.place(request)


def _stops(book: PaperBook, listing_id: int, start: Decimal, end: Decimal) -> Iterable[Decimal]:
    """The stop prices that lie between two prices, in the order in which the way crosses them."""
    low, high = min(start, end), max(start, end)
    found = {
        order.stop_price
        for order in book.orders.values()
        if order.listing_id == listing_id and order.stop_price is not None and low < order.stop_price < high
    }
    return sorted(found, reverse=end < start)


def most_affordable(book: PaperBook, symbol: str) -> Decimal:
    """The most whole lots that free cash buys at the quote in force, charges included; 0 when it buys none."""
    listing_id = book.symbols.get(symbol)
    if listing_id is None or listing_id not in book.quotes:
        return ZERO
    quote, instrument = book.quotes[listing_id], book.instruments[listing_id]
    rates = rates_of(book.snapshot(listing_id=listing_id), quote)
    power, price = book.account.buying_power_minor, quote.prices.ask

    def fits(lots: int) -> bool:
        value = worth("buy", lots * instrument.lot_size, price, instrument, rates)
        return value.notional_minor + value.fee_minor <= power

    # More than this many lots cost more than there is, even with half a minor unit rounded away and no charge.
    cash = to_major(power + 1, book.account.currency)
    above = int((cash / (price * instrument.fx * instrument.lot_size)).to_integral_value(ROUND_FLOOR)) + 1
    below = 0
    while above - below > 1:
        middle = (above + below) // 2
        below, above = (middle, above) if fits(middle) else (below, middle)
    return below * instrument.lot_size
