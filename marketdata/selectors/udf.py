"""Instruments and hours in the words of TradingView's datafeed protocol."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from core.errors import NotFound
from marketdata.domain.session_calendar import CONTINUOUS
from marketdata.domain.udf import Hours, Symbol, corrections_text, holidays_text, session_text
from marketdata.models import ExchangeHoliday, ExchangeSession, SessionPhase
from marketdata.selectors.instruments import InstrumentView, exchange_codes
from marketdata.selectors.sessions import exchange_view, exchanges

YEARS_SHOWN = 10
MAX_DAYS = 600
HOURS_SECONDS = 300


def hours_of(exchange: str, segment: str = "") -> Hours:
    """When an exchange trades; kept for five minutes. A code that is not an exchange's trades around the clock."""
    key = f"md:udf:hours:{exchange}:{segment}"
    try:
        kept: Hours | None = cache.get(key)
        if kept is None:
            kept = _hours_read(exchange, segment)
            cache.set(key, kept, HOURS_SECONDS)
    except RedisError:
        return _hours_read(exchange, segment)
    return kept


def _hours_read(exchange: str, segment: str) -> Hours:
    try:
        view = exchange_view(exchange)
    except NotFound:
        return Hours()
    zone = "Etc/UTC" if view.zone == "UTC" else view.zone
    if view.is_always_open:
        return Hours(zone=zone)
    today = datetime.now(tz=ZoneInfo(view.zone)).date()
    since = today - timedelta(days=365 * YEARS_SHOWN)
    rows = SessionPhase.objects.filter(exchange__in=view.chain, kind=CONTINUOUS, valid_from__lte=today)
    phases = [row for row in rows.order_by("starts") if row.valid_to is None or row.valid_to >= today]
    own = next((code for code in view.chain if any(row.exchange_id == code for row in phases)), "")
    phases = [row for row in phases if row.exchange_id == own]
    named = [row for row in phases if row.segment == segment] or [row for row in phases if not row.segment]
    holidays = ExchangeHoliday.objects.filter(exchange_id=view.calendar, date__gte=since).order_by("-date")
    odd = ExchangeSession.objects.filter(exchange_id=view.calendar, date__gte=since)
    odd = odd.exclude(kind=ExchangeSession.Kind.REGULAR).order_by("-date")
    return Hours(
        zone=zone,
        session=session_text([(row.starts, row.ends) for row in named]),
        holidays=holidays_text(holidays.values_list("date", flat=True)[:MAX_DAYS]),
        corrections=corrections_text(odd.values_list("date", "opens_at", "closes_at")[:MAX_DAYS], ZoneInfo(view.zone)),
    )


def symbols_of(views: Sequence[InstrumentView]) -> list[Symbol]:
    """Instruments as the protocol is told of them; one query for all."""
    intraday = _with_intraday([view.id for view in views])
    return [
        Symbol(
            name=view.symbol,
            description=view.name,
            exchange=view.exchange,
            kind=view.kind,
            currency=view.currency,
            tick_size=view.tick_size,
            has_intraday=view.id in intraday,
            hours=hours_of(view.exchange, view.segment),
        )
        for view in views
    ]


def _with_intraday(ids: Sequence[int]) -> set[int]:
    """Which instruments have any bar shorter than a day."""
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM unnest(%s::bigint[]) AS wanted(id) WHERE EXISTS"
            " (SELECT 1 FROM marketdata_intradaybar WHERE instrument_id = wanted.id)",
            [list(ids)],
        )
        return {row[0] for row in cursor.fetchall()}


def exchange_names() -> list[tuple[str, str]]:
    """(code, name) of the exchanges of which there is any instrument."""
    names = {view.code: view.name for view in exchanges()}
    return [(code, names.get(code, code)) for code in exchange_codes()]


def now_seconds() -> int:
    """The time of the server."""
    return int(datetime.now(tz=UTC).timestamp())
