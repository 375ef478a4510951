"""Asking vendors for the history of one symbol, whole: bars, corporate actions, what an instrument is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol, TypeVar

from django.db import connections

from core.errors import DomainError, Invalid
from marketdata.domain.feed import FeedBar
from marketdata.domain.imports import EIGHT_PLACES
from marketdata.domain.providers import DAY_MINUTES, InstrumentInfo, Provider, ProviderError
from marketdata.domain.types import Action

MAX_BARS = 2_000_000
BATCH = 50
FIRST_DAY = date(1970, 1, 2)
T = TypeVar("T")
Told = dict[str, tuple[str, bool, InstrumentInfo]]  # by symbol: the vendor, whether it invents, the instrument


class Chain(Protocol):
    """Vendors in the order in which they are asked: `marketdata.services.chain.Chain`."""

    def call(self, what: str, ask: Callable[[Provider], T], /, *, symbols: Sequence[str] = ()) -> tuple[str, T]:
        """What the first vendor that can answers, and its name. Raises Unavailable when none can."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Which history is wanted: days from `first` to `last`, and bars of `minutes` (None: days only)."""

    first: date
    last: date
    minutes: int | None = None

    def __post_init__(self) -> None:
        if not FIRST_DAY <= self.first <= self.last:
            raise Invalid("bad_range", "The range ends before it begins.", {"field": "start"})
        if self.minutes is not None and not 0 < self.minutes < DAY_MINUTES:
            raise Invalid("bad_request", "Bars of a part of a day have 1 to 1439 minutes.", {"field": "minutes"})


@dataclass(frozen=True, slots=True)
class Fetched:
    """What vendors gave of one symbol."""

    days: tuple[str, list[FeedBar]]
    actions: tuple[str, list[Action]] | None
    minutes: tuple[str, list[FeedBar]] | None
    notes: list[str] = field(default_factory=list)


def instruments_told(chain: Chain, symbols: Sequence[str]) -> tuple[Told, DomainError | None]:
    """What vendors say of instruments that we do not know, and why one could not be asked, if so.

    What one vendor does not know the next is asked for.
    """
    told: Told = {}
    failure: DomainError | None = None
    for begin in range(0, len(symbols), BATCH):
        batch = list(symbols[begin : begin + BATCH])

        def ask(vendor: Provider, batch: list[str] = batch) -> None:
            open_ = [symbol for symbol in batch if symbol not in told]
            for info in vendor.instruments(open_):
                if info.symbol.upper() in open_:
                    told[info.symbol.upper()] = (vendor.name, vendor.capabilities.is_simulated, info)
            if any(symbol not in told for symbol in batch):
                raise ProviderError(vendor.name, ProviderError.NOT_FOUND, "some symbols are not known")

        try:
            chain.call("instruments", ask, symbols=batch)
        except DomainError as error:
            failure = error if _could_not_be_asked(error) else failure
    return told, failure


def _could_not_be_asked(error: DomainError) -> bool:
    """Whether some vendor might have known, had it answered."""
    reasons = error.details.get("providers", {})
    said = {reason.get("code") for reason in reasons.values()}
    return not said or bool(said - {ProviderError.NOT_FOUND, ProviderError.UNSUPPORTED})


def fetch(chain: Chain, symbol: str, span: Span) -> Fetched:
    """Everything of one symbol from vendors, in a thread of the pool."""
    begin = datetime.combine(span.first, time(), tzinfo=UTC)
    end = datetime.combine(span.last + timedelta(days=1), time(), tzinfo=UTC)
    notes: list[str] = []
    wanted = (symbol,)

    def bars(length: int) -> tuple[str, list[FeedBar]]:
        what = "daily" if length == DAY_MINUTES else "bars"
        return chain.call(
            what,
            lambda vendor: _whole(vendor.bars(symbol, minutes=length, start=begin, end=end)),
            symbols=wanted,
        )

    try:
        days = bars(DAY_MINUTES)
        actions = None
        try:
            actions = actions_asked(chain, symbol, span.first, span.last)
        except DomainError as error:
            notes.append(f"corporate actions are as they were: {error.message}")
        minutes = None if span.minutes is None else bars(span.minutes)
        return Fetched(days, actions, minutes, notes)
    finally:
        connections.close_all()


def actions_asked(chain: Chain, symbol: str, first: date, last: date) -> tuple[str, list[Action]]:
    """Who says so, and the splits and dividends of a range."""
    name, actions = chain.call(
        "actions", lambda vendor: vendor.actions(symbol, start=first, end=last), symbols=(symbol,)
    )
    return name, actions_kept(actions, first, last)


def actions_kept(actions: Iterable[Action], first: date, last: date) -> list[Action]:
    """Splits and dividends of a range, one of a kind and day, on the grid that is stored."""
    kept: dict[tuple[str, date], Action] = {}
    for action in actions:
        value = action.value.quantize(EIGHT_PLACES)
        if action.kind not in ("split", "dividend") or value <= 0 or not first <= action.ex_date <= last:
            continue
        key = (action.kind, action.ex_date)
        earlier = kept.get(key)
        if earlier is not None:  # a special dividend beside the regular one; two splits of a day are one
            value = (
                earlier.value + value if action.kind == "dividend" else (earlier.value * value).quantize(EIGHT_PLACES)
            )
        kept[key] = Action(action.kind, action.ex_date, value)
    return [kept[key] for key in sorted(kept, key=lambda item: (item[1], item[0]))]


def _whole(pages: Iterable[list[FeedBar]]) -> list[FeedBar]:
    """All pages of a vendor: a loss in the middle is a loss of all, and the next vendor is asked."""
    found: list[FeedBar] = []
    for page in pages:
        found.extend(page)
        if len(found) > MAX_BARS:
            raise Invalid("range_too_long", f"More than {MAX_BARS} bars of one symbol: ask for fewer days.")
    return found
