"""Calendars for tests of sessions: loaded as an operator loads them, small and quick."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from marketdata.selectors.sessions import sessions_forget
from marketdata.services.sessions import calendar_load, exchanges_seed

NEW_YORK, KOLKATA = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")
LIBRARY_YEARS = {"US": (date(2026, 1, 1), date(2027, 12, 31)), "NSE": (date(2026, 1, 1), date(2026, 12, 31))}


def calendars_loaded(*codes):
    """All exchanges and their rules; the calendars of 2026 (US: and 2027) of those named."""
    sessions_forget()
    exchanges_seed()
    return [
        calendar_load(exchange=code, first=first, last=last) for code in codes for first, last in [LIBRARY_YEARS[code]]
    ]


def utc(text):
    """An aware time in UTC from its short text."""
    return datetime.fromisoformat(text + "+00:00")
