"""History from vendors: many symbols at once within their budgets, each symbol loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np
from django.db import transaction

from core.errors import Conflict, DomainError, Invalid, NotFound
from marketdata.domain.candles_query import COLUMNS
from marketdata.domain.feed import MICRO, FeedBar, at_of, price_of
from marketdata.domain.imports import Notes, read_bar
from marketdata.domain.replay import IntArray
from marketdata.domain.types import Action, Bar
from marketdata.models import Instrument
from marketdata.selectors.sessions import session_on
from marketdata.services.history import Provenance, SeriesInput, SeriesResult, actions_store, series_store_in_tx
from marketdata.services.imports import symbol_check
from marketdata.services.intraday import IntradayResult, intraday_store_in_tx
from marketdata.services.vendor_asking import (
    Chain,
    Fetched,
    Span,
    Told,
    actions_asked,
    actions_kept,
    fetch,
    instruments_told,
)

MAX_SYMBOLS = 5_000
WORKERS = 4


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
    told, failure = instruments_told(chain, [symbol for symbol in wanted if symbol not in known])
    with ThreadPoolExecutor(max_workers=max(1, workers), thread_name_prefix="history") as pool:
        ahead: list[tuple[str, Future[Fetched] | DomainError]] = []
        for symbol in wanted:
            if symbol in known or symbol in told:
                ahead.append((symbol, pool.submit(fetch, chain, symbol, span)))
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
            name, actions = actions_asked(chain, symbol, first, last)
            if apply:
                actions_store(instrument=instrument, actions=actions, first=first, last=last)
            found.append((symbol, name, actions, None))
        except DomainError as error:
            found.append((symbol, "", [], error))
    return found


def _stored(
    symbol: str,
    fetched: Future[Fetched] | DomainError,
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


def _store_in_tx(instrument: Instrument, got: Fetched, now: datetime, *, is_new: bool) -> RefreshOutcome:
    notes, provider = Notes(), got.days[0]
    bars = _bars(instrument, got.days[1], now, notes)
    if not bars:
        raise Invalid("no_rows", f"{provider} has no days of {instrument.symbol} in the range.")
    actions = None if got.actions is None else actions_kept(got.actions[1], bars[0].date, bars[-1].date)
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


def minutes_table(bars: Sequence[FeedBar], now: datetime) -> IntArray:
    """A vendor's bars as rows in order of time, the last of each moment; one that is not over is left out."""
    limit = int(now.timestamp()) * MICRO
    rows = {bar.at: bar for bar in bars if bar.at + bar.minutes * 60 * MICRO <= limit}
    ordered = [rows[at] for at in sorted(rows)]
    table = [(bar.at // MICRO, bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in ordered]
    return np.array(table, dtype=np.int64).reshape(-1, COLUMNS)
