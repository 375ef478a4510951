"""Market data in the order path's own terms: instruments of a day, quotes, effects of corporate actions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from core.errors import Invalid
from core.money import exponent
from marketdata.domain.slices import Slice
from marketdata.domain.types import ListingView, Quote, Tick, TickAction
from trading.domain.adjusting import Effect
from trading.domain.quotes import prices_of
from trading.domain.snapshot import Instrument, QuoteState

# What one unit of a currency costs in another on a day; None when it is not known.
Rate = Callable[[str, str, date], Decimal | None]


def no_rates(base: str, quote: str, on: date) -> Decimal | None:  # noqa: ARG001
    """Rates for backtests in one currency."""
    return Decimal(1) if base == quote else None


@dataclass(frozen=True)
class Feed:
    """Loaded history laid out for a backtest.

    `tick` gives the market's tick of an index (with the overlay of its venue). `currency` is the account's.
    """

    table: Slice
    listings: tuple[ListingView, ...]
    tick: Callable[[int], Tick]
    currency: str
    rate: Rate = no_rates

    def base(self) -> dict[int, Instrument]:
        """The instruments by listing, as they are listed; exchange rates are the day's (`Instruments.of`)."""
        return {
            item.id: Instrument(item.id, item.symbol, item.tick_size, item.lot_size, item.currency, item.exchange)
            for item in self.listings
        }


class Instruments:
    """The instruments of a feed as of a day: the same mapping until a symbol or an exchange rate changes."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.known: dict[int, Instrument] = feed.base()
        self._foreign = any(item.currency != feed.currency for item in self.known.values())
        self._on: date | None = None

    def of(self, on: date, names: Mapping[int, str]) -> Mapping[int, Instrument]:
        """The instruments of a day; `names` are the symbols in force. Raises Invalid without an exchange rate."""
        changed: dict[int, Instrument] = {}
        for key, symbol in names.items():
            if self.known[key].symbol != symbol:
                changed[key] = replace(self.known[key], symbol=symbol)
        if self._foreign and on != self._on:
            self._on = on
            for key, item in {**self.known, **changed}.items():
                if item.currency != self.feed.currency:
                    changed[key] = replace(item, fx=self._rate(item.currency, on))
        if changed:
            self.known = {**self.known, **changed}
        return self.known

    def _rate(self, currency: str, on: date) -> Decimal:
        rate = self.feed.rate(currency, self.feed.currency, on)
        if rate is None:
            raise Invalid(
                "no_fx_rate", f"There is no {currency}/{self.feed.currency} rate for {on}. Load it (import_fx)."
            )
        return rate


def quote_state(quote: Quote) -> QuoteState:
    """A quote as the order path needs it. It carries no evidence: a backtest stores none."""
    return QuoteState(prices_of(quote), quote.tick, quote.at, {})


def names_of(quotes: Iterable[Quote]) -> dict[int, str]:
    """The symbols in force by listing."""
    return {quote.listing_id: quote.symbol for quote in quotes}


def effect_of(
    table: Slice, action: TickAction, tick: int, at: datetime, instrument: Instrument, currency: str
) -> Effect:
    """A corporate action at a session's open as it meets the account; a fraction is paid at the last price before."""
    unit, ratio = Fraction(action.value), Decimal(1)
    if action.kind == "split":
        column, ratio = table.listing_ids.index(action.listing_id), action.value
        ticks = int(table.last[tick - 1, column]) if tick else int(table.last[0, column]) * Fraction(ratio)
        unit = Fraction(ticks) * Fraction(table.tick_sizes[column]) / Fraction(ratio)
    return Effect(
        kind=action.kind,
        listing_id=action.listing_id,
        symbol=instrument.symbol,
        ex_date=action.ex_date,
        at=at,
        tick=tick,
        unit_minor=unit * Fraction(instrument.fx) * 10 ** exponent(currency),
        lot_size=instrument.lot_size,
        ratio=ratio,
    )
