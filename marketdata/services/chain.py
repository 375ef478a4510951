"""The vendors as one: asked in order, each when those before it do not serve; what that means is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

from django.conf import settings

from core.errors import Unavailable
from marketdata.adapters.vendors import registry
from marketdata.domain.feed import FeedBar, LiveQuote, at_of
from marketdata.domain.providers import (
    DAY_MINUTES,
    Capabilities,
    InstrumentInfo,
    NewsItem,
    Provider,
    ProviderError,
    VendorStatus,
)
from marketdata.domain.types import Action
from marketdata.selectors.providers import symbols_simulated
from marketdata.services.chain_events import serving

T = TypeVar("T")
MAX_SYMBOLS = 5_000
SIMULATED_EXCHANGES = frozenset({"SIMX", "SIM"})
NEEDS: dict[str, Callable[[Capabilities], bool]] = {
    "quotes": lambda can: can.quotes,
    "bars": lambda can: can.intraday,
    "daily": lambda can: can.daily,
    "search": lambda can: can.search,
    "instruments": lambda can: can.search,
    "actions": lambda can: can.actions,
    "news": lambda can: can.news,
    "status": lambda can: can.status,
    "stream": lambda can: can.stream,
}
Failures = dict[str, dict[str, Any]]


class Chain:
    """Providers in the order in which they are asked; those of DATA_SOURCE without names.

    Its methods are those of `Provider`, but that they raise Unavailable "no_provider" when nobody serves, with each
    provider's reason in the details. `served` tells who served each purpose last.
    """

    def __init__(
        self, names: Sequence[str] | None = None, *, provide: Callable[[str], Provider] = registry.provider
    ) -> None:
        self.names = list(registry.chain_names() if names is None else names)
        self.served: dict[str, str] = {}
        self._provide = provide

    def call(
        self, what: str, ask: Callable[[Provider], T], *, symbols: Sequence[str] = (), exchange: str = ""
    ) -> tuple[str, T]:
        """The first provider's answer and its name. `what` is one of NEEDS."""
        failures: Failures = {}
        for provider in self._fitting(what, symbols, exchange, failures):
            try:
                found = ask(provider)
            except ProviderError as error:
                failures[provider.name] = _reason(error)
                continue
            self._serves(what, provider.name, failures)
            return provider.name, found
        raise _nobody(what, failures)

    def quotes(self, symbols: Sequence[str], *, exchange: str = "") -> list[LiveQuote]:
        """The latest of each symbol; what one provider does not know the next is asked for."""
        return self._gather(
            "quotes", symbols, exchange, lambda provider, wanted: provider.quotes(wanted), lambda quote: quote.symbol
        )

    def instruments(self, symbols: Sequence[str], *, exchange: str = "") -> list[InstrumentInfo]:
        """What is known of each symbol; what one provider does not know the next is asked for."""
        return self._gather(
            "instruments",
            symbols,
            exchange,
            lambda provider, wanted: provider.instruments(wanted),
            lambda info: info.symbol,
        )

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """Instruments that match, of the first provider that finds any."""
        failures: Failures = {}
        answered = False
        for provider in self._fitting("search", (), "", failures):
            try:
                found = provider.search(query, limit=limit)
            except ProviderError as error:
                failures[provider.name] = _reason(error)
                continue
            answered = True
            if found:
                self._serves("search", provider.name, failures)
                return found
        if answered:
            return []
        raise _nobody("search", failures)

    def bars(
        self, symbol: str, *, minutes: int, start: datetime, end: datetime, exchange: str = ""
    ) -> Iterator[list[FeedBar]]:
        """Pages of unadjusted bars. When a provider fails half-way the next goes on after the last bar; one that has
        none is not believed while there is another to ask.
        """
        what = "daily" if minutes == DAY_MINUTES else "bars"
        failures: Failures = {}
        since, answered, any_bars = start, False, False
        for provider in self._fitting(what, (symbol,), exchange, failures):
            try:
                for page in provider.bars(symbol, minutes=minutes, start=since, end=end):
                    since, any_bars = at_of(page[-1].at + 1), True
                    self._serves(what, provider.name, failures)
                    yield page
            except ProviderError as error:
                failures[provider.name] = _reason(error)
                continue
            answered = True
            if any_bars:
                return
        if not answered:
            raise _nobody(what, failures)

    def actions(self, symbol: str, *, start: date, end: date, exchange: str = "") -> list[Action]:
        """Splits and cash dividends."""
        _, found = self.call(
            "actions",
            lambda provider: provider.actions(symbol, start=start, end=end),
            symbols=(symbol,),
            exchange=exchange,
        )
        return found

    def status(self, exchange: str) -> VendorStatus:
        """Whether an exchange is open, as a vendor says."""
        return self.call("status", lambda provider: provider.status(exchange), exchange=exchange)[1]

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """Headlines about a symbol."""
        return self.call("news", lambda provider: provider.news(symbol, limit=limit), symbols=(symbol,))[1]

    def _gather(
        self,
        what: str,
        symbols: Sequence[str],
        exchange: str,
        ask: Callable[[Provider, list[str]], list[T]],
        symbol_of: Callable[[T], str],
    ) -> list[T]:
        wanted = list(dict.fromkeys(symbols))[:MAX_SYMBOLS]
        if not wanted:
            return []
        simulated = symbols_simulated(wanted)
        found: dict[str, T] = {}
        failures: Failures = {}
        answered = False
        for provider in self._fitting(what, wanted, exchange, failures, simulated):
            open_ = [symbol for symbol in wanted if symbol not in found and _may_serve(provider, symbol, simulated)]
            if not open_:
                continue
            try:
                rows = ask(provider, open_)
            except ProviderError as error:
                failures[provider.name] = _reason(error)
                continue
            answered = True
            found |= {symbol_of(row): row for row in rows}
            if rows:
                self._serves(what, provider.name, failures)
            if len(found) >= len(wanted):
                break
        if not answered:
            raise _nobody(what, failures)
        return [found[symbol] for symbol in wanted if symbol in found]

    def _fitting(
        self,
        what: str,
        symbols: Sequence[str],
        exchange: str,
        failures: Failures,
        simulated: Mapping[str, bool] | None = None,
    ) -> Iterator[Provider]:
        """Those that can be asked, in order; why another cannot is a failure of its own."""
        known = symbols_simulated(symbols) if simulated is None and symbols else simulated or {}
        for name in self.names:
            try:
                provider = self._provide(name)
            except Unavailable as error:
                failures[name] = {"code": error.code, "message": error.message}
                continue
            can = provider.capabilities
            if not NEEDS[what](can):
                failures[name] = {"code": ProviderError.UNSUPPORTED, "message": f"{name} does not offer {what}."}
            elif not _has_exchange(can, exchange):
                failures[name] = {"code": ProviderError.UNSUPPORTED, "message": f"{name} does not offer {exchange}."}
            elif symbols and not any(_may_serve(provider, symbol, known) for symbol in symbols):
                failures[name] = {"code": ProviderError.UNSUPPORTED, "message": f"{name} is not for these symbols."}
            else:
                yield provider

    def _serves(self, what: str, name: str, failures: Failures) -> None:
        if self.served.get(what) != name:
            self.served[what] = name
        serving(what=what, name=name, order=self.names, failures=failures)


def _may_serve(provider: Provider, symbol: str, simulated: Mapping[str, bool]) -> bool:
    """Invented prices are never given for a real instrument, nor real ones asked for an invented one."""
    is_simulated = simulated.get(symbol)
    if provider.name == "replay":
        allowed = settings.USE_HISTORICAL_AS_REALTIME or not {"replay", "historical"}.isdisjoint(settings.DATA_SOURCE)
        return allowed and is_simulated is not True
    if provider.capabilities.is_simulated:
        return is_simulated is not False
    return is_simulated is not True


def _has_exchange(can: Capabilities, exchange: str) -> bool:
    if not exchange or exchange in can.exchanges:
        return True
    if can.is_simulated:
        return exchange in SIMULATED_EXCHANGES
    return not can.exchanges and exchange not in SIMULATED_EXCHANGES


def _reason(error: ProviderError) -> dict[str, Any]:
    reason: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.retry_after is not None:
        reason["retry_after"] = round(error.retry_after, 1)
    return reason


def _nobody(what: str, failures: Failures) -> Unavailable:
    return Unavailable("no_provider", f"No provider gives {what} just now.", {"what": what, "providers": failures})
