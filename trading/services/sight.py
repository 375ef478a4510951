"""What accounts are worth at any tick of a market: last prices, with rate, source and time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.money import to_minor
from marketdata import selectors as market_selectors
from marketdata.domain.types import ListingView, MarketView, Tick
from trading.domain.retrace import Standing
from trading.domain.rules import Observation, PositionFact
from trading.models import Fill
from trading.selectors.pauses import pauses_at
from trading.services.context import instrument_of


@dataclass(frozen=True, slots=True)
class Price:
    """A listing's last price at a tick. `fx` turns its currency into the account's."""

    symbol: str
    last: Decimal
    fx: Decimal
    source: str
    at: datetime


@dataclass(slots=True)
class Sight:
    """Prices of one market around a tick, looked up once each. Ticks before it are read from the market's timeline."""

    market: MarketView
    tick: Tick
    _shown: dict[int, dict[int, tuple[Decimal, str, datetime]]] = field(default_factory=dict)
    _prices: dict[tuple[int, str, int], Price] = field(default_factory=dict)
    _listings: dict[int, ListingView] = field(default_factory=dict)

    def price(self, index: int, currency: str, listing_id: int) -> Price | None:
        """A listing's last price at a tick, for accounts in `currency`; what no longer trades keeps its last.

        While enforcement is paused for it, the price that it is held at.
        """
        key = (index, currency, listing_id)
        if key not in self._prices:
            shown = self._at_tick(index).get(listing_id)
            if shown is None:
                return None
            listing = self._listing(listing_id)
            fx = instrument_of(listing, currency, shown[2].date()).fx
            self._prices[key] = Price(listing.symbol, shown[0], fx, shown[1], shown[2])
        return self._prices[key]

    def _listing(self, listing_id: int) -> ListingView:
        if not self._listings:
            self._listings = {item.id: item for item in market_selectors.listings(self.market.id)}
        return self._listings.get(listing_id) or market_selectors.listing_by_id(listing_id)

    def _at_tick(self, index: int) -> dict[int, tuple[Decimal, str, datetime]]:
        """(last price, source, time) by listing at a tick."""
        found = self._shown.get(index)
        if found is None:
            found = self._shown[index] = {}
            if index >= 0:
                line = market_selectors.timeline(self.market.id)
                at, source = line.at(index), f"{self.market.source_label}, tick {index}"
                lasts = line.lasts(index)
                found |= {listing_id: (last, source, at) for listing_id, last in lasts.items()}
            if index == self.tick.index:
                for quote in self.tick.quotes.values():
                    found[quote.listing_id] = (quote.last, quote.source, quote.at)
            for listing_id, (price, reason) in pauses_at(self.market.id, index).items():
                at = found[listing_id][2] if listing_id in found else self.tick.at
                found[listing_id] = (price, f"held price, enforcement paused: {reason}", at)
        return found

    def index_before(self, moment: datetime) -> int:
        """The last tick before a moment; -1 when there is none."""
        return market_selectors.timeline(self.market.id).last_before(moment, self.tick.index)

    def observe(self, standing: Standing, at: datetime, index: int, currency: str) -> Observation:
        """An account at the prices of a tick. A position that never had a price stands at what it cost."""
        positions = []
        for listing_id, (quantity, cost) in sorted(standing.held.items()):
            price = self.price(index, currency, listing_id) or self._unpriced(listing_id, quantity, cost, at, currency)
            positions.append(
                PositionFact(
                    symbol=price.symbol,
                    quantity=quantity,
                    price=price.last,
                    value_minor=to_minor(quantity * price.last * price.fx, currency),
                    cost_minor=cost,
                    fx=price.fx,
                    source=price.source,
                    quoted_at=price.at,
                )
            )
        balance = standing.balance_minor
        equity = balance + sum(item.profit_minor for item in positions)
        return Observation(at, balance, equity, tuple(positions))

    def _unpriced(self, listing_id: int, quantity: Decimal, cost: int, at: datetime, currency: str) -> Price:
        symbol = self._listing(listing_id).symbol
        last = fill_prices([listing_id]).get(listing_id)
        if last is None:
            last = abs(Decimal(cost) / quantity).quantize(Decimal("0.000001"))
        return Price(symbol, last, Decimal(1), f"last fill ({currency})", at)


def sight_now(market_id: int) -> Sight:
    """A market's prices at its tick in force, for who is not its process. Before the first tick there are none.

    Read it after an account was locked: every fill that the account has is then of this tick or an earlier one. Raises
    NotFound.
    """
    row = market_selectors.market_row(market_id)
    if row.tick >= 0:
        tick = market_selectors.tick_of(row)
    else:
        clock = market_selectors.clock_of(row)
        tick = Tick(-1, clock.at, clock.day_index, clock.phase, is_new_day=False, is_last=False, quotes={})
    return Sight(market_selectors.view_of(row), tick)


def last_prices(market_id: int, tick: int, listings: Collection[int]) -> dict[int, Decimal]:
    """The last known prices of listings that a tick does not quote: of the market, else of their last fill."""
    known = market_selectors.timeline(market_id).lasts(tick)
    wanted = set(listings)
    return {key: known[key] for key in wanted & known.keys()} | fill_prices(wanted - known.keys())


def fill_prices(listing_ids: Iterable[int]) -> dict[int, Decimal]:
    """The price of the last fill in each listing: the last known one where a market shows none."""
    found = {}
    for listing_id in listing_ids:
        price = Fill.objects.filter(listing_id=listing_id).order_by("-id").values_list("price", flat=True).first()
        if price is not None:
            found[listing_id] = price
    return found
