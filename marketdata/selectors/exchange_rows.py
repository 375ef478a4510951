"""Exchanges and calendars as stored, kept by the process: looked at every few seconds, read again when changed."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import TypeVar
from uuid import uuid4

import structlog
from django.db.models import Q
from redis.exceptions import RedisError

from core.errors import NotFound
from core.redis import client
from marketdata.domain.session_calendar import Calendar, ExchangeView, HaltView, PhaseView, SessionView
from marketdata.models import (
    CalendarRange,
    Exchange,
    ExchangeHalt,
    ExchangeHoliday,
    ExchangeSession,
    MarketPolicy,
    PriceBandRule,
    SessionPhase,
    TickSizeRule,
)

logger = structlog.get_logger(__name__)

VERSION_KEY = "marketdata:calendar-version"
LOOKED_AT_SECONDS = 5.0  # how old a process's knowledge may be
KEPT_SECONDS = 600.0
BLOCK_DAYS, AROUND_DAYS = 256, 400
MAX_BLOCKS = 64
MAX_HALTS = 2_000
MAX_CHAIN = 4
SESSION_FIELDS = ("date", "kind", "opens_at", "closes_at", "note")

Row = TypeVar("Row", TickSizeRule, PriceBandRule, MarketPolicy)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of an exchange and of those that it follows, as rows; each list's nearest exchange first."""

    ticks: tuple[TickSizeRule, ...]
    bands: tuple[PriceBandRule, ...]
    policies: tuple[MarketPolicy, ...]


@dataclass(slots=True)
class _Kept:
    version: str | None
    read_at: float
    looked_at: float
    exchanges: dict[str, ExchangeView] = field(default_factory=dict)
    calendars: dict[tuple[str, int], Calendar] = field(default_factory=dict)
    rules: dict[str, Rules] = field(default_factory=dict)


_kept: _Kept | None = None
_lock = Lock()


def sessions_forget() -> None:
    """Forget what this process keeps of exchanges, and let the others know (after every change of these tables)."""
    global _kept
    try:
        client().set(VERSION_KEY, uuid4().hex)
    except RedisError:
        logger.warning("the change of a calendar is not announced", exc_info=True)
    with _lock:
        _kept = None


def _version() -> str | None:
    """The mark that every change renews; None when it cannot be read, which counts as a change."""
    try:
        known = client().get(VERSION_KEY)
        if known is None:
            client().set(VERSION_KEY, uuid4().hex, nx=True)
            known = client().get(VERSION_KEY)
    except RedisError:
        return None
    return str(known)


def _current() -> _Kept:
    """What the process keeps, if nothing has changed since."""
    global _kept
    now = time.monotonic()
    kept = _kept
    if kept is not None and now - kept.looked_at < LOOKED_AT_SECONDS:
        return kept
    version = _version()
    if kept is not None and version is not None and version == kept.version and now - kept.read_at < KEPT_SECONDS:
        kept.looked_at = now
        return kept
    kept = _Kept(version, now, now)
    with _lock:
        _kept = kept
    return kept


def exchanges_known() -> dict[str, ExchangeView]:
    """All exchanges by code."""
    kept = _current()
    if not kept.exchanges:
        rows = {row.code: row for row in Exchange.objects.order_by("code")}
        kept.exchanges = {code: _view(code, rows) for code in rows}
    return kept.exchanges


def exchange_view(code: str) -> ExchangeView:
    """An exchange by its code; raises NotFound `unknown_exchange`."""
    found = exchanges_known().get(code)
    if found is None:
        raise NotFound("unknown_exchange", "There is no such exchange.", {"exchange": code[:12]})
    return found


def _view(code: str, rows: dict[str, Exchange]) -> ExchangeView:
    row, chain = rows[code], [code]
    while (follows := rows[chain[-1]].follows_id) is not None and follows not in chain and len(chain) < MAX_CHAIN:
        chain.append(follows)
    owner = rows[chain[-1]]
    return ExchangeView(
        code=code,
        name=row.name,
        country=row.country,
        zone=owner.zone,
        currency=row.currency,
        chain=tuple(chain),
        is_always_open=owner.is_always_open,
        is_simulated=row.is_simulated,
    )


def calendar_around(code: str, day: date) -> Calendar:
    """An exchange's calendar, complete for 400 days before and after a day at least."""
    kept = _current()
    exchange = exchange_view(code)
    block = 0 if exchange.is_always_open else day.toordinal() // BLOCK_DAYS
    found = kept.calendars.get((code, block))
    if found is None:
        if len(kept.calendars) >= MAX_BLOCKS:
            kept.calendars.clear()
        found = kept.calendars[code, block] = _calendar_read(exchange, block)
    return found


def sessions_read(exchange: ExchangeView, first: date, last: date) -> tuple[SessionView, ...]:
    """The stored sessions from `first` to `last`, both included, from the database."""
    rows = ExchangeSession.objects.filter(exchange_id=exchange.calendar, date__range=(first, last)).order_by("date")
    return tuple(SessionView(*row) for row in rows.values_list(*SESSION_FIELDS))


def range_read(exchange: ExchangeView) -> tuple[date, date] | None:
    """The days for which the exchange's calendar is known, from the database."""
    return CalendarRange.objects.filter(exchange_id=exchange.calendar).values_list("first", "last").first()


def _calendar_read(exchange: ExchangeView, block: int) -> Calendar:
    if exchange.is_always_open:
        return Calendar(exchange, halts=_halts_read(exchange, None))
    around = timedelta(days=AROUND_DAYS)
    begins = date.fromordinal(max(block * BLOCK_DAYS, AROUND_DAYS + 1)) - around
    ends = date.fromordinal(min(begins.toordinal() + 2 * AROUND_DAYS + BLOCK_DAYS, date.max.toordinal()))
    holidays = ExchangeHoliday.objects.filter(exchange_id=exchange.calendar, date__range=(begins, ends))
    known = range_read(exchange)
    return Calendar(
        exchange,
        sessions=sessions_read(exchange, begins, ends),
        holidays=dict(holidays.values_list("date", "name")),
        phases=phases_read(exchange),
        halts=_halts_read(exchange, begins),
        first=known[0] if known else None,
        last=known[1] if known else None,
    )


def phases_read(exchange: ExchangeView) -> tuple[PhaseView, ...]:
    """All phases that hold for an exchange, its own first, from the database."""
    fields = ("exchange_id", "kind", "segment", "starts", "ends", "valid_from", "valid_to")
    rows = SessionPhase.objects.filter(exchange__in=exchange.chain).order_by("starts").values_list(*fields)
    return tuple(sorted((PhaseView(*row) for row in rows), key=lambda phase: exchange.chain.index(phase.exchange)))


def _halts_read(exchange: ExchangeView, since: date | None) -> tuple[HaltView, ...]:
    """The newest halts that are not over before a day, in order of time."""
    fields = ("pk", "exchange_id", "kind", "starts_at", "ends_at", "reason", "instrument_id")
    rows = ExchangeHalt.objects.filter(exchange__in=exchange.chain)
    if since is not None:
        border = datetime(since.year, since.month, since.day, tzinfo=UTC)
        rows = rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=border))
    return tuple(HaltView(*row) for row in reversed(rows.order_by("-starts_at").values_list(*fields)[:MAX_HALTS]))


def rules_of(code: str) -> Rules:
    """The rules that hold for an exchange, of all times."""
    kept = _current()
    chain = exchange_view(code).chain
    found = kept.rules.get(code)
    if found is None:
        found = kept.rules[code] = Rules(
            ticks=_nearest(chain, TickSizeRule.objects.filter(exchange__in=chain).order_by("valid_from", "price_from")),
            bands=_nearest(chain, PriceBandRule.objects.filter(exchange__in=chain).order_by("valid_from", "pk")),
            policies=_nearest(chain, MarketPolicy.objects.filter(exchange__in=chain).order_by("-valid_from")),
        )
    return found


def _nearest(chain: tuple[str, ...], rows: Iterable[Row]) -> tuple[Row, ...]:
    """Rows of the exchange itself before those of what it follows."""
    return tuple(sorted(rows, key=lambda row: chain.index(row.exchange_id)))
