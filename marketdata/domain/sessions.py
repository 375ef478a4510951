"""Whether an exchange is open, and when next: one answer for the API, pages, order checks and automation. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from marketdata.domain.session_calendar import (
    CLOSED,
    CLOSING_AUCTION,
    CONTINUOUS,
    Calendar,
    HaltView,
    SessionView,
    Window,
)

SATURDAY = 5
ALERT_BEFORE = timedelta(days=45)
HOLIDAY, WEEKEND, NOT_LOADED, NO_SESSION = "holiday", "weekend", "not_loaded", "no_session"
_PHASE_WORDS = {
    "pre_market": "Trading before the market opens.",
    "pre_open": "Orders for the open are collected.",
    "closing_auction": "The closing auction is on.",
    "post_close": "Trading at the closing price.",
    "after_hours": "Trading after the market's close.",
    "overnight": "The night session is on.",
}


@dataclass(frozen=True, slots=True)
class MarketStatus:
    """An exchange at one time.

    `is_open` is True in continuous trading that is not halted, and only then. `phase` is what the day's plan says:
    pre_market, pre_open, continuous, closing_auction, post_close, after_hours, overnight or closed. `session_date` is
    the trade date that `at` belongs to (None on a day without a session), `kind` its kind, or why there is none:
    holiday, weekend, not_loaded, no_session. `opens_at` and `closes_at` are its continuous trading for the segment.
    `next_open` is the next time that continuous trading begins, or goes on after a halt: None when nobody knows.
    `next_close` is the end of the trading that is on, else of the trading that is next.
    """

    exchange: str
    name: str
    zone: str
    at: datetime
    is_open: bool
    phase: str
    session_date: date | None
    kind: str
    opens_at: datetime | None
    closes_at: datetime | None
    next_open: datetime | None
    next_close: datetime | None
    reason: str
    is_loaded: bool
    halt: HaltView | None
    segment: str = ""

    @property
    def accepts_auction(self) -> bool:
        """Whether orders for the closing auction are taken."""
        return self.phase == CLOSING_AUCTION and self.halt is None


def status_of(calendar: Calendar, at: datetime, segment: str = "", *, instrument_id: int | None = None) -> MarketStatus:
    """The exchange's status at a time, for instruments of a segment; with an id, that instrument's halts count too."""
    day = calendar.day_of(at)
    is_loaded = calendar.is_loaded(day)
    window = calendar.window_at(at, segment) if is_loaded else None
    session = calendar.session_on(window.date if window is not None else day)
    trading = _trading(calendar, session, segment)
    phase = CLOSED if window is None else window.kind
    halt = calendar.halt_at(at, instrument_id)
    is_open = phase == CONTINUOUS and halt is None
    resumes = None if is_open else _resumes(calendar, at, segment, instrument_id)
    following = calendar.trading_after(at, segment) if is_open else None
    next_open, next_close = resumes or (None, None)
    if is_open and window is not None:
        next_open, next_close = (None if following is None else following.starts_at), window.ends_at
    return MarketStatus(
        exchange=calendar.exchange.code,
        name=calendar.exchange.name,
        zone=calendar.exchange.zone,
        at=at,
        is_open=is_open,
        phase=phase,
        session_date=None if session is None else session.date,
        kind=_kind(calendar, day, session),
        opens_at=trading[0].starts_at if trading else None,
        closes_at=trading[-1].ends_at if trading else None,
        next_open=next_open,
        next_close=next_close,
        reason="" if is_open else _reason(calendar, at, phase, session, trading, halt),
        is_loaded=is_loaded,
        halt=halt,
        segment=segment,
    )


def _trading(calendar: Calendar, session: SessionView | None, segment: str) -> list[Window]:
    """The continuous trading of a session."""
    if session is None:
        return []
    return [window for window in calendar.windows_on(session.date, segment) if window.kind == CONTINUOUS]


def _resumes(
    calendar: Calendar, at: datetime, segment: str, instrument_id: int | None
) -> tuple[datetime, datetime] | None:
    """When continuous trading begins or goes on after a time at which there is none, and when it ends then."""
    moment = at
    for _ in range(len(calendar.halts) + 2):  # each turn passes a halt, or finds the trading
        window = calendar.window_at(moment, segment)
        if window is None or window.kind != CONTINUOUS:
            window = calendar.trading_after(moment, segment)
            if window is None:
                return None
            moment = window.starts_at
        halt = calendar.halt_at(moment, instrument_id)
        if halt is None:
            return moment, window.ends_at
        if halt.ends_at is None:
            return None
        moment = halt.ends_at
    return None


def _kind(calendar: Calendar, day: date, session: SessionView | None) -> str:
    """The session's kind, or why there is none on a day."""
    if session is not None:
        return session.kind
    if not calendar.is_loaded(day):
        return NOT_LOADED
    if day in calendar.holidays:
        return HOLIDAY
    return WEEKEND if day.weekday() >= SATURDAY else NO_SESSION


def _reason(
    calendar: Calendar,
    at: datetime,
    phase: str,
    session: SessionView | None,
    trading: list[Window],
    halt: HaltView | None,
) -> str:
    """Why there is no continuous trading, in a sentence."""
    day = calendar.day_of(at)
    if not calendar.is_loaded(day):
        return f"The calendar of {calendar.exchange.code} for {day.year} is not loaded."
    if halt is not None and phase != CLOSED:
        return f"Trading is halted: {halt.reason.rstrip('.')}."
    if phase != CLOSED:
        return _PHASE_WORDS[phase]
    if session is None:
        return _day_off(calendar, day)
    if trading and at < trading[0].starts_at:
        return "Before the open."
    return "After the close." if trading and at >= trading[-1].ends_at else "Between two parts of the session."


def _day_off(calendar: Calendar, day: date) -> str:
    name = calendar.holidays.get(day)
    if name:
        return f"Holiday: {name.rstrip('.')}."
    return "Weekend." if day.weekday() >= SATURDAY else "There is no session on this day."


@dataclass(frozen=True, slots=True)
class CalendarAlert:
    """An exchange whose calendar ends soon, or has ended."""

    exchange: str
    last: date | None
    message: str


def alert_of(exchange: str, last: date | None, today: date) -> CalendarAlert | None:
    """What an operator must be told on a day about a calendar that is known up to `last`; None: nothing."""
    if last is None:
        return CalendarAlert(exchange, last, f"No calendar of {exchange} is loaded: it counts as closed.")
    if last < today:
        return CalendarAlert(exchange, last, f"The calendar of {exchange} ended on {last}: it counts as closed.")
    if last - today <= ALERT_BEFORE:
        days = (last - today).days
        return CalendarAlert(exchange, last, f"The calendar of {exchange} ends on {last}, in {days} days.")
    return None
