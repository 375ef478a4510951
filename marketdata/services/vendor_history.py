"""History from vendors: many symbols at once within their budgets, each symbol loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Protocol, TypeVar

import numpy as np
from django.db import connections, transaction

from core.errors import Conflict, DomainError, Invalid, NotFound
from marketdata.domain.candles_query import COLUMNS
from marketdata.domain.feed import MICRO, FeedBar, at_of, price_of
from marketdata.domain.imports import EIGHT_PLACES, Notes, read_bar
from marketdata.domain.providers import DAY_MINUTES, InstrumentInfo, Provider, ProviderError
from marketdata.domain.replay import IntArray
from marketdata.domain.types import Action, Bar
from marketdata.models import Instrument
from marketdata.selectors.sessions import session_on
from marketdata.services.history import Provenance, SeriesInput, SeriesResult, actions_store, series_store_in_tx
from marketdata.services.imports import symbol_check
from marketdata.services.intraday import IntradayResult, intraday_store_in_tx

MAX_SYMBOLS = 5_000
MAX_BARS = 2_000_000
WORKERS = 4
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
class RefreshOutcome:
    """What became of one symbol. `provider` is who gave its days."""

    symbol: str
    provider: str = ""
    days: SeriesResult | None = None
    minutes: IntradayResult | None = None
    actions: int | None = None
    is_new: bool = False
    error: DomainError | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Fetched:
    """What vendors gave of one symbol."""

    days: tuple[str, list[FeedBar]]
    actions: tuple[str, list[Action]] | None
    minutes: tuple[str, list[FeedBar]] | None
    notes: list[str] = field(default_factory=list)


def history_refresh(
    *, chain: Chain, symbols: Sequence[str], span: Span, now: datetime, workers: int = WORKERS
) -> Iterator[RefreshOutcome]:
    """Load days, corporate actions and maybe minutes of symbols; unknown instruments are made as the vendor says.

    Vendors are asked for several symbols at a time; what they give is stored one symbol after the other, each in a
    transaction of its own. Outcomes come in the order asked for. A session that is not over is left to the feed.
    """
    wanted = list(dict.fromkeys(symbol.strip().upper() for symbol in symbols if symbol.strip()))
    if not wanted or len(wanted) > MAX_SYMBOLS:
        raise Invalid("bad_request", f"Name 1 to {MAX_SYMBOLS} symbols.", {"field": "symbols"})
    known = {row.symbol: row for row in Instrument.objects.filter(symbol__in=wanted)}
    told, failure = _instruments_told(chain, [symbol for symbol in wanted if symbol not in known])
    with ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="history") as pool:
        ahead: list[tuple[str, Future[_Fetched] | DomainError]] = []
        for symbol in wanted:
            if symbol in known or symbol in told:
                ahead.append((symbol, pool.submit(_fetch, chain, symbol, span)))
            else:
                unknown = NotFound("unknown_symbol", f"No vendor knows {symbol}.", {"symbol": symbol})
                ahead.append((symbol, failure or unknown))
            if len(ahead) > 2 * workers:
                yield _stored(*ahead.pop(0), known, told, now)
        for symbol, future in ahead:
            yield _stored(symbol, future, known, told, now)


def actions_refresh(
    *, chain: Chain, symbols: Sequence[str], first: date, last: date, apply: bool
) -> list[tuple[str, str, list[Action], DomainError | None]]:
    """Splits and dividends with ex-dates in a range, as vendors say: (symbol, vendor, actions, error) of each.

    With `apply` they replace the stored ones of the range; what an unfinished market plays is not changed.
    """
    found: list[tuple[str, str, list[Action], DomainError | None]] = []
    for symbol in dict.fromkeys(symbol.strip().upper() for symbol in symbols):
        try:
            instrument = Instrument.objects.filter(symbol=symbol).first()
            if instrument is None:
                raise NotFound("unknown_symbol", f"There is no instrument {symbol}.", {"symbol": symbol})
            name, actions = _actions_asked(chain, symbol, first, last)
            if apply:
                actions_store(instrument=instrument, actions=actions, first=first, last=last)
            found.append((symbol, name, actions, None))
        except DomainError as error:
            found.append((symbol, "", [], error))
    return found


def _actions_asked(chain: Chain, symbol: str, first: date, last: date) -> tuple[str, list[Action]]:
    """Who says so, and the splits and dividends of a range."""
    name, actions = chain.call(
        "actions", lambda vendor: vendor.actions(symbol, start=first, end=last), symbols=(symbol,)
    )
    return name, _actions_kept(actions, first, last)


def _instruments_told(chain: Chain, symbols: Sequence[str]) -> tuple[Told, DomainError | None]:
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


def _fetch(chain: Chain, symbol: str, span: Span) -> _Fetched:
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
            actions = _actions_asked(chain, symbol, span.first, span.last)
        except DomainError as error:
            notes.append(f"corporate actions are as they were: {error.message}")
        minutes = None if span.minutes is None else bars(span.minutes)
        return _Fetched(days, actions, minutes, notes)
    finally:
        connections.close_all()


def _whole(pages: Iterable[list[FeedBar]]) -> list[FeedBar]:
    """All pages of a vendor: a loss in the middle is a loss of all, and the next vendor is asked."""
    found: list[FeedBar] = []
    for page in pages:
        found.extend(page)
        if len(found) > MAX_BARS:
            raise Invalid("range_too_long", f"More than {MAX_BARS} bars of one symbol: ask for fewer days.")
    return found


def _stored(
    symbol: str,
    fetched: Future[_Fetched] | DomainError,
    known: dict[str, Instrument],
    told: Told,
    now: datetime,
) -> RefreshOutcome:
    """Store what was fetched of a symbol, all of it or nothing."""
    try:
        if isinstance(fetched, DomainError):
            raise fetched
        got = fetched.result()
        with transaction.atomic(durable=True):
            instrument, is_new = _instrument(symbol, got.days[0], known, told)
            return _store_in_tx(instrument, got, now, is_new=is_new)
    except DomainError as error:
        return RefreshOutcome(symbol, error=error)


def _instrument(symbol: str, provider: str, known: dict[str, Instrument], told: Told) -> tuple[Instrument, bool]:
    invents = provider == "simulated"
    if symbol in known:
        if known[symbol].is_simulated != invents:
            raise Conflict("symbol_taken", f"{symbol}: invented and real prices are not mixed.", {"symbol": symbol})
        return known[symbol], False
    symbol_check(symbol)
    name, invented, info = told[symbol]
    if invented != invents:
        raise Conflict("symbol_taken", f"{symbol}: invented and real prices are not mixed.", {"symbol": symbol})
    vendor = {name: info.vendor_symbol} if info.vendor_symbol and info.vendor_symbol != symbol else {}
    made = Instrument.objects.create(
        symbol=symbol,
        name=info.name[:120] or symbol,
        exchange=info.exchange,
        currency=info.currency,
        kind=info.kind,
        sector=info.sector[:40],
        tick_size=info.tick_size,
        is_simulated=invented,
        vendor_symbols=vendor,
    )
    return made, True


def _store_in_tx(instrument: Instrument, got: _Fetched, now: datetime, *, is_new: bool) -> RefreshOutcome:
    notes, provider = Notes(), got.days[0]
    bars = _bars(instrument, got.days[1], now, notes)
    if not bars:
        raise Invalid("no_rows", f"{provider} has no days of {instrument.symbol} in the range.")
    actions = None if got.actions is None else _actions_kept(got.actions[1], bars[0].date, bars[-1].date)
    source = Provenance(f"{provider}: daily bars", f"Terms of {provider}")
    done = series_store_in_tx(series=[SeriesInput(instrument, bars, actions)], provenance=source)
    minutes = None
    if got.minutes is not None and got.minutes[1]:
        name, feed_bars = got.minutes
        minutes = intraday_store_in_tx(
            instrument=instrument,
            minutes=feed_bars[0].minutes,
            chunks=[minutes_table(feed_bars, now)],
            provenance=Provenance(f"{name}: bars of minutes", f"Terms of {name}"),
            now=now,
        )
    found = (*got.notes, *notes.lines())
    count = None if actions is None else len(actions)
    return RefreshOutcome(instrument.symbol, provider, done[0], minutes, count, is_new, None, found)


def _bars(instrument: Instrument, feed_bars: Sequence[FeedBar], now: datetime, notes: Notes) -> list[Bar]:
    """Days of sessions that are over, in order, one of each. Raises Invalid for a bar that cannot be."""
    found: dict[date, Bar] = {}
    for bar in feed_bars:
        day = at_of(bar.at).date()
        if not _is_over(instrument.exchange, day, now):
            continue
        cells = [*(str(price_of(value)) if value else "0" for value in (bar.open, bar.high, bar.low, bar.close))]
        try:
            found[day] = read_bar(day, [*cells, str(bar.volume)], Decimal(1), now.date(), notes)
        except ValueError as error:
            details = {"count": 1, "rows": [{"row": day.isoformat(), "reason": str(error)}]}
            raise Invalid("bad_rows", f"The vendor's bar of {day}: {error}.", details) from error
    return [found[day] for day in sorted(found)]


def _is_over(exchange: str, day: date, now: datetime) -> bool:
    """Whether a session has closed; where nobody knows the exchange's hours, a day is over the day after."""
    try:
        session = session_on(exchange, day)
    except NotFound:
        session = None
    return day < now.date() if session is None else session.closes_at <= now


def _actions_kept(actions: Iterable[Action], first: date, last: date) -> list[Action]:
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


def minutes_table(bars: Sequence[FeedBar], now: datetime) -> IntArray:
    """A vendor's bars as rows in order of time, the last of each moment; one that is not over is left out."""
    limit = int(now.timestamp()) * MICRO
    rows = {bar.at: bar for bar in bars if bar.at + bar.minutes * 60 * MICRO <= limit}
    ordered = [rows[at] for at in sorted(rows)]
    table = [(bar.at // MICRO, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in ordered]
    return np.array(table, dtype=np.int64).reshape(-1, COLUMNS)
