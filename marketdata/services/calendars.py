"""Loading calendars: from the library where it really knows them, from an operator's list where it does not."""

import time as clock
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from core.errors import Invalid
from marketdata.adapters.calendars import library_sessions, library_version
from marketdata.adapters.files import file_digest, text_read
from marketdata.domain.calendar_file import SATURDAY, DaySession, csv_days, days_of, session_at, years_of
from marketdata.domain.exchanges import SEEDED, exchange_seed
from marketdata.domain.holidays import OFFICIAL, SPECIAL_SESSIONS, holiday_name
from marketdata.domain.session_calendar import Calendar, ExchangeView
from marketdata.selectors.exchange_rows import phases_read
from marketdata.selectors.sessions import exchange_view
from marketdata.services.calendar_store import CalendarLoad, calendar_store

logger = structlog.get_logger(__name__)

LISTED = "file: "  # how the source of rows from an operator's list begins
MAX_YEARS = 60


def calendar_load(*, exchange: str, first: date, last: date, actor: object | None = None) -> CalendarLoad:
    """Load an exchange's sessions and holidays from the library, with official lists and special sessions over it.

    Rows of an operator (a source that is not ours) are left alone. Raises NotFound `unknown_exchange`, Invalid for days
    that the library does not know, Conflict `calendar_gap` when the days are not next to those that are loaded.
    """
    begun = clock.monotonic()
    view = exchange_view(exchange)
    owner = exchange_view(view.calendar)
    seed = exchange_seed(owner.code)
    if seed is None or not seed.calendar or seed.first is None:
        raise Invalid("no_library_calendar", f"The library has no calendar of {owner.code}; load a list instead.")
    if not seed.first <= first <= last or (last - first).days > MAX_YEARS * 366:
        raise Invalid("bad_range", f"Ask for days from {seed.first} on, {MAX_YEARS} years at most.")
    if seed.last is not None and last > seed.last:
        details = {"exchange": owner.code, "last": seed.last.isoformat()}
        raise Invalid("calendar_unknown", f"The library knows {owner.code} to {seed.last} only.", details)
    sessions, holidays = _of_library(owner, seed.calendar, first, last)
    differences = _overlaid(owner, first, last, sessions, holidays)
    for line in differences:
        logger.warning("the library and the official list differ", exchange=owner.code, difference=line)
    done = calendar_store(
        actor=actor,
        exchange=owner.code,
        days=(first, last),
        sessions=sessions.values(),
        holidays=holidays,
        source=SEEDED + library_version(),
        ours=(SEEDED,),
    )
    return replace(done, differences=tuple(differences), seconds=clock.monotonic() - begun)


def calendar_import(*, exchange: str, path: Path, actor: object | None = None) -> CalendarLoad:
    """Load whole years from an operator's list: date,name[,opens,closes]; a day with hours is a session.

    All other weekdays trade at regular hours. The exchange's known range grows by the list's years. Days that an
    operator set one by one stay. Raises Invalid (unreadable, bad rows, an incomplete list) and as `calendar_load`.
    """
    begun = clock.monotonic()
    owner = exchange_view(exchange_view(exchange).calendar)
    if owner.is_always_open:
        raise Invalid("always_open", f"{owner.code} is always open: it has no calendar.", {"exchange": owner.code})
    rows = csv_days(text_read(path))
    first, last = years_of(rows)
    hours = Calendar(owner, phases=phases_read(owner)).regular_hours
    sessions, holidays = days_of(rows, first, last, ZoneInfo(owner.zone), hours)
    source = f"{LISTED}{path.name[:100]} (sha256 {file_digest(path)[:12]})"
    done = calendar_store(
        actor=actor,
        exchange=owner.code,
        days=(first, last),
        sessions=sessions,
        holidays=holidays,
        source=source,
        ours=(SEEDED, LISTED),
    )
    return replace(done, seconds=clock.monotonic() - begun)


def _of_library(
    owner: ExchangeView, calendar: str, first: date, last: date
) -> tuple[dict[date, DaySession], dict[date, str]]:
    """The library's sessions, and the weekdays without one with the names that rules give them."""
    sessions = {}
    for item in library_sessions(calendar, first, last):
        kind = "early_close" if item.is_early else "late_open" if item.is_late else "regular"
        sessions[item.date] = DaySession(item.date, kind, item.opens_at, item.closes_at)
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    closed = [day for day in days if day.weekday() < SATURDAY and day not in sessions]
    return sessions, {day: holiday_name(owner.country, day) for day in closed}


def _overlaid(
    owner: ExchangeView, first: date, last: date, sessions: dict[date, DaySession], holidays: dict[date, str]
) -> list[str]:
    """Put official lists and special sessions over what the library says, in place; where the lists differ from it."""
    regular, zone = Calendar(owner, phases=phases_read(owner)).regular_hours, ZoneInfo(owner.zone)
    differences = []
    for year, official in OFFICIAL.get(owner.code, {}).items():
        said = {day for day in holidays if day.year == year}
        listed = {day: name for day, name in official.items() if first <= day <= last}
        for day in sorted(said ^ set(listed)):
            there = "only the library" if day in said else "only the official list"
            differences.append(f"{day}: {there} says that {owner.code} is closed")
        for day in said - set(listed):
            del holidays[day]
            sessions[day] = session_at(day, "regular", "", regular, zone)
        for day, name in listed.items():
            sessions.pop(day, None)
            holidays[day] = name
    for day, note in SPECIAL_SESSIONS.get(owner.code, {}).items():
        if first <= day <= last:
            holidays.pop(day, None)
            sessions[day] = session_at(day, "special", note, regular, zone)
    return differences
