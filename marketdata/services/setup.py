"""What the market data of an installation needs before it can run: exchanges, calendars, instruments, history.

Everything can be repeated; what is there is left alone. A vendor that does not answer keeps nothing from starting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.db.models import Max

from core.errors import DomainError
from marketdata.adapters.vendors import registry
from marketdata.domain.exchanges import EXCHANGES, exchange_seed
from marketdata.models import CalendarRange, DailyBar, Exchange, Instrument, Listing, Market
from marketdata.selectors.sessions import session_before
from marketdata.services.chain import Chain
from marketdata.services.live_ticks import live_forget
from marketdata.services.sessions import calendar_load, exchanges_seed
from marketdata.services.simulated import simulated_history_ensure, simulated_instruments_ensure
from marketdata.services.vendor_asking import Span
from marketdata.services.vendor_history import history_refresh

logger = logging.getLogger(__name__)

Say = Callable[[str], None]
SIMULATED_DAYS, SIMULATED_MINUTE_DAYS = 300, 1
# Strategies look back about a year of sessions.
POOL_DAYS = 400
AHEAD = timedelta(days=60)


def market_data_setup(*, today: date, say: Say) -> None:
    """Exchanges, the calendars that the library knows, and the simulated exchange with its history."""
    known = set(Exchange.objects.values_list("code", flat=True))
    if not {seed.code for seed in EXCHANGES} <= known:
        exchanges_seed()
        say("exchanges and their rules are loaded")
    for seed in EXCHANGES:
        if seed.calendar:
            _calendar_ensure(seed.code, today, say)
    instruments = simulated_instruments_ensure(count=settings.SIMULATED_SYMBOLS)
    made = simulated_history_ensure(days=SIMULATED_DAYS, minutes_days=SIMULATED_MINUTE_DAYS)
    if made:
        say(f"history of {len(instruments)} simulated companies: {made} bars")


def simulated_keep() -> int:
    """Bring the simulated exchange's daily history up to yesterday; how many bars that were."""
    made = simulated_history_ensure(days=SIMULATED_DAYS, minutes_days=0)
    if made:
        live_forget()
    return made


def _calendar_ensure(code: str, today: date, say: Say) -> None:
    """Load a calendar unless what is loaded reaches far enough, or as far as the library knows."""
    seed = exchange_seed(code)
    next_year = date(today.year + 1, 12, 31)
    last = min(next_year, (seed and seed.last) or next_year)
    loaded = CalendarRange.objects.filter(exchange_id=code).values_list("last", flat=True).first()
    if loaded is not None and (loaded >= last or loaded >= today + AHEAD):
        return
    done = calendar_load(exchange=code, first=(seed and seed.first) or date(2000, 1, 1), last=last)
    say(f"{code}: {done.sessions} sessions to {done.last}")


def vendors_configured() -> list[str]:
    """The real vendors that DATA_SOURCE and the keys name, in order."""
    return [name for name in registry.chain_names() if name not in ("simulated", "replay")]


def pool_symbols() -> list[str]:
    """The real instruments that have to be kept up to date: the pool, and what running live markets list."""
    rows = Listing.objects.filter(market__kind=Market.Kind.LIVE, market__status=Market.Status.RUNNING)
    listed = rows.values_list("instrument__symbol", flat=True).distinct()
    return list(dict.fromkeys([*(symbol.upper() for symbol in settings.STOCK_POOL), *listed]))


def pool_ensure(*, say: Say) -> list[Instrument]:
    """The pool's instruments, as the vendors describe them; with none that answers, those that are known already."""
    symbols = [symbol.upper() for symbol in settings.STOCK_POOL]
    known = {row.symbol: row for row in Instrument.objects.filter(symbol__in=symbols)}
    missing = [symbol for symbol in symbols if symbol not in known]
    names = vendors_configured()
    if missing and names:
        try:
            history_keep(symbols=missing, now=datetime.now(tz=UTC))
        except DomainError as error:
            say(f"the vendors do not know the pool just now: {error.message}")
        known = {row.symbol: row for row in Instrument.objects.filter(symbol__in=symbols)}
    return [known[symbol] for symbol in symbols if symbol in known]


def history_keep(*, now: datetime, symbols: list[str] | None = None) -> int:
    """Bring the daily history of the pool (or of `symbols`) up to the last session that is over; how many symbols.

    New instruments get as much as strategies look back on; those that are there get what they miss, HISTORY_DAYS at
    least. Nothing is asked for what is up to date.
    """
    names = vendors_configured()
    wanted = pool_symbols() if symbols is None else symbols
    behind = _behind(wanted, now) if names and symbols is None else wanted
    if not names or not behind:
        return 0
    fresh = {row.symbol for row in Instrument.objects.filter(symbol__in=behind)}
    done = 0
    for group, days in (
        ([symbol for symbol in behind if symbol in fresh], max(settings.HISTORY_DAYS, 30)),
        ([symbol for symbol in behind if symbol not in fresh], POOL_DAYS),
    ):
        if group:
            span = Span(now.date() - timedelta(days=days), now.date())
            outcomes = list(history_refresh(chain=Chain(names), symbols=group, span=span, now=now))
            done += sum(outcome.error is None for outcome in outcomes)
            for outcome in outcomes:
                if outcome.error is not None:
                    logger.warning("history of %s: %s", outcome.symbol, outcome.error.message)
    live_forget()
    return done


def _behind(symbols: list[str], now: datetime) -> list[str]:
    """Those that are not known, or whose last stored day is before the last session that is over."""
    rows = {row.symbol: row for row in Instrument.objects.filter(symbol__in=symbols)}
    bars = DailyBar.objects.filter(instrument__in=rows.values()).values_list("instrument_id")
    lasts = dict(bars.annotate(last=Max("date")))
    return [symbol for symbol in symbols if symbol not in rows or _is_behind(rows[symbol], lasts, now)]


def _is_behind(row: Instrument, lasts: Mapping[int, date], now: datetime) -> bool:
    if row.is_simulated:
        return False
    last = lasts.get(row.pk)
    try:
        over = session_before(row.exchange, now)
    except DomainError:
        over = None
    return last is None or (over is not None and last < over.date)
