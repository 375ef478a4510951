"""What accounts are worth at any tick of a market: last prices, with rate, source and time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.errors import NotFound
from core.money import to_minor
from marketdata import selectors as market_selectors
from marketdata.domain.types import MarketView, Tick
from trading.domain.retrace import Standing
from trading.domain.rules import Observation, PositionFact
from trading.models import Fill
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
    """Prices of one market around a tick, looked up once each. Ticks before it are played from the same history."""

    market: MarketView
    tick: Tick
    _prices: dict[tuple[int, str], dict[int, Price]] = field(default_factory=dict)

    def prices(self, index: int, currency: str) -> dict[int, Price]:
        """Last prices by listing at a tick, for accounts in `currency`; what no longer trades keeps its last."""
        key = (index, currency)
        if key not in self._prices:
            self._prices[key] = self._read(index, currency)
        return self._prices[key]

    def _read(self, index: int, currency: str) -> dict[int, Price]:
        if index < 0:
            return {}
        listings = {item.id: item for item in market_selectors.listings(self.market.id)}
        found: dict[int, tuple[Decimal, str, datetime]] = {}
        for listing_id, last in last_prices(self.market.id, index).items():
            found[listing_id] = (last, f"{self.market.source_label}, tick {index}", _at(self.market.id, index))
        if index == self.tick.index:
            for quote in self.tick.quotes.values():
                found[quote.listing_id] = (quote.last, quote.source, quote.at)
        made = {}
        for listing_id, (last, source, at) in found.items():
            listing = listings.get(listing_id)
            if listing is not None:
                fx = instrument_of(listing, currency, at.date()).fx
                made[listing_id] = Price(listing.symbol, last, fx, source, at)
        return made

    def index_before(self, moment: datetime) -> int:
        """The last tick before a moment; -1 when there is none."""
        index = self.tick.index
        while index >= 0 and _at(self.market.id, index) >= moment:
            index -= 1
        return index

    def observe(self, standing: Standing, at: datetime, index: int, currency: str) -> Observation:
        """An account at the prices of a tick. A position that never had a price stands at what it cost."""
        prices, positions = self.prices(index, currency), []
        for listing_id, (quantity, cost) in sorted(standing.held.items()):
            price = prices.get(listing_id) or self._unpriced(listing_id, quantity, cost, at, currency)
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
        symbol = market_selectors.listing_by_id(listing_id).symbol
        last = fill_prices([listing_id]).get(listing_id)
        if last is None:
            last = abs(Decimal(cost) / quantity).quantize(Decimal("0.000001"))
        return Price(symbol, last, Decimal(1), f"last fill ({currency})", at)


def _at(market_id: int, index: int) -> datetime:
    return market_selectors.market_slice(market_id).at(index)


def last_prices(market_id: int, index: int) -> dict[int, Decimal]:
    """Last price of every listing of a replay at a tick, those that trade no more included; {} for other markets."""
    try:
        table = market_selectors.market_slice(market_id)
    except (NotFound, KeyError, ValueError):
        return {}
    row = table.last[min(index, table.ticks_total - 1)].tolist()
    return {
        listing_id: last * size
        for listing_id, last, size in zip(table.listing_ids, row, table.tick_sizes, strict=True)
        if last > 0
    }


def fill_prices(listing_ids: Iterable[int]) -> dict[int, Decimal]:
    """The price of the last fill in each listing: the last known one where a market shows none."""
    found = {}
    for listing_id in listing_ids:
        price = Fill.objects.filter(listing_id=listing_id).order_by("-id").values_list("price", flat=True).first()
        if price is not None:
            found[listing_id] = price
    return found
