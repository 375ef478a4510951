"""A vendor behind its guard: budget, retries, deadline, circuit breaker, and what became of it, for all processes.

What is known of a vendor is one Redis hash, `md:provider:{name}`. Without Redis a process goes by what it knows itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import date, datetime, timedelta
from threading import Event
from time import monotonic
from typing import Any, TypeVar

import pybreaker
import structlog
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from marketdata.adapters.vendors.budget import Budget, BudgetSpent
from marketdata.adapters.vendors.common import reading
from marketdata.adapters.vendors.records import Record, SharedState
from marketdata.adapters.vendors.transport import Gate
from marketdata.domain.feed import FeedBar, LiveQuote, at_of
from marketdata.domain.providers import (
    Capabilities,
    InstrumentInfo,
    NewsItem,
    Provider,
    ProviderError,
    StreamSink,
    VendorStatus,
)
from marketdata.domain.types import Action

logger = structlog.get_logger(__name__)
T = TypeVar("T")

ATTEMPTS = 3
FAILURES = 5
# A call may take as long as two answers and a half, retries included.
CALL_FACTOR = 2.5
COUNTED = frozenset({ProviderError.UNAVAILABLE, ProviderError.MALFORMED, ProviderError.UNAUTHORIZED})
DEFAULT_REST = 15.0
CircuitHook = Callable[[str, str, str], None]
_hooks: list[CircuitHook] = []


def on_circuit(hook: CircuitHook) -> None:
    """Call `hook(provider, before, after)` when a circuit opens or closes, once however often it is registered."""
    if hook not in _hooks:
        _hooks.append(hook)


class _Listener(pybreaker.CircuitBreakerListener):
    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        """Tell of it; nothing that goes wrong there may reach the call."""
        before, after = (state.name if state is not None else "" for state in (old_state, new_state))
        logger.warning("vendor_circuit", provider=cb.name, before=before, after=after)
        for hook in _hooks:
            try:
                hook(str(cb.name), before, after)
            except Exception:
                logger.exception("vendor_circuit_hook_failed", provider=cb.name)


class Guarded:
    """See marketdata.domain.providers.Provider: any provider, guarded."""

    def __init__(
        self, provider: Provider, *, per_minute: int, timeout: float, rest_seconds: float, failures: int = FAILURES
    ) -> None:
        self._provider = provider
        self._timeout, self._rest = timeout, rest_seconds
        self.record = Record(provider.name)
        self.budget = Budget(provider.name, per_minute)
        self._gate: Gate | None = getattr(provider, "gate", None)
        if self._gate is not None:
            self._gate.spend = self.budget.spend
        self._state = SharedState(self.record)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=rest_seconds,
            exclude=[lambda error: error.code not in COUNTED],
            listeners=[_Listener()],
            state_storage=self._state,
            name=provider.name,
            throw_new_error_on_trip=False,
        )

    @property
    def name(self) -> str:
        """The provider's."""
        return self._provider.name

    @property
    def capabilities(self) -> Capabilities:
        """The provider's."""
        return self._provider.capabilities

    @property
    def is_open(self) -> bool:
        """Whether the circuit is open, and it is not time to try again."""
        return self._resting() > 0

    def search(self, query: str, *, limit: int = 20) -> list[InstrumentInfo]:
        """See Provider."""
        return self._call("search", lambda: self._provider.search(query, limit=limit))

    def instruments(self, symbols: Sequence[str]) -> list[InstrumentInfo]:
        """See Provider."""
        return self._call("instruments", lambda: self._provider.instruments(symbols))

    def quotes(self, symbols: Sequence[str]) -> list[LiveQuote]:
        """See Provider."""
        return self._call("quotes", lambda: self._provider.quotes(symbols))

    def actions(self, symbol: str, *, start: date, end: date) -> list[Action]:
        """See Provider."""
        return self._call("actions", lambda: self._provider.actions(symbol, start=start, end=end))

    def status(self, exchange: str) -> VendorStatus:
        """See Provider."""
        return self._call("status", lambda: self._provider.status(exchange))

    def news(self, symbol: str, *, limit: int = 10) -> list[NewsItem]:
        """See Provider."""
        return self._call("news", lambda: self._provider.news(symbol, limit=limit))

    def bars(self, symbol: str, *, minutes: int, start: datetime, end: datetime) -> Iterator[list[FeedBar]]:
        """See Provider. Each page has its own deadline and retries, which go on after the last bar that came; a bar
        that comes twice is given once.
        """
        last = -1
        pages: Iterator[list[FeedBar]] | None = None

        def following() -> list[FeedBar] | None:
            nonlocal pages
            if pages is None:
                since = start if last < 0 else max(start, at_of(last) + timedelta(microseconds=1))
                pages = iter(self._provider.bars(symbol, minutes=minutes, start=since, end=end))
            try:
                return next(pages, None)
            except ProviderError:
                pages = None
                raise

        while (page := self._call("bars", following)) is not None:
            fresh = []
            for bar in sorted(page, key=lambda bar: bar.at):
                if bar.at > last:
                    fresh.append(bar)
                    last = bar.at
            if fresh:
                yield fresh

    def stream(self, symbols: Sequence[str], sink: StreamSink, stop: Event) -> None:
        """See Provider. A stream that subscribes is a success, one that is lost a failure."""
        self._refuse_at_rest()
        told = sink.connected

        def connected() -> None:
            self._ended(None)
            self.record.succeeded(0.0, self.budget.left())
            told()

        watched = StreamSink(prints=sink.prints, bars=sink.bars, connected=connected, odd=sink.odd)
        try:
            with reading(self.name, "stream"):
                self._provider.stream(symbols, watched, stop)
        except ProviderError as error:
            self._failed(error)
            raise

    def _call(self, what: str, ask: Callable[[], T]) -> T:
        self._refuse_at_rest()
        began = monotonic()
        try:
            found = self._attempts(what, ask)
        except ProviderError as error:
            self._failed(error)
            raise
        self._ended(None)
        self.record.succeeded(monotonic() - began, self.budget.left())
        return found

    def _attempts(self, what: str, ask: Callable[[], T]) -> T:
        total = self._timeout * CALL_FACTOR
        retrying = Retrying(
            retry=retry_if_exception(_is_worth_another),
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(total),
            wait=wait_random_exponential(multiplier=0.1, max=1.0),
            reraise=True,
        )
        with self._gate.deadline(total) if self._gate is not None else nullcontext():
            for attempt in retrying:
                with attempt, reading(self.name, what):
                    return ask()
        raise ProviderError(self.name, ProviderError.UNAVAILABLE, what)

    def _resting(self) -> float:
        """Seconds until an open circuit may be tried."""
        opened = self._state.opened_at if self._state.state == pybreaker.STATE_OPEN else None
        return (
            0.0 if opened is None else max(0.0, self._rest - (datetime.now(tz=opened.tzinfo) - opened).total_seconds())
        )

    def _refuse_at_rest(self) -> None:
        """Ask nothing of a vendor whose circuit is open, or that told us to wait; one process alone tries it again."""
        if (left := self.record.told_to_wait()) > 0:
            why = f"the vendor asked to wait {left:.0f} s more"
            raise BudgetSpent(self.name, ProviderError.RATE_LIMITED, why, left)
        if (left := self._resting()) > 0:
            raise _Resting(self.name, ProviderError.UNAVAILABLE, f"rests for {left:.0f} s after failures", left)
        if self._state.state == pybreaker.STATE_OPEN and not self.record.claim_trial(self._timeout * CALL_FACTOR):
            raise _Resting(self.name, ProviderError.UNAVAILABLE, "is being tried again after failures", 1.0)

    def _failed(self, error: ProviderError) -> None:
        if isinstance(error, BudgetSpent | _Resting):
            return
        if error.code == ProviderError.RATE_LIMITED:
            self.record.wait(DEFAULT_REST if error.retry_after is None else error.retry_after)
        self._ended(error)
        self.record.failed(error, self.budget.left())

    def _ended(self, error: ProviderError | None) -> None:
        """Tell the breaker. It would hold its lock through the call, so it is told afterwards."""

        def outcome() -> None:
            if error is not None:
                raise error

        try:
            self._breaker.call(outcome)
        except (ProviderError, pybreaker.CircuitBreakerError):
            return


class _Resting(ProviderError):
    """Not asked at all."""


def _is_worth_another(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.code == ProviderError.UNAVAILABLE
