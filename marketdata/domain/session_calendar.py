"""An exchange as it is known: its sessions, their phases, holidays and halts. Pure; times come out in UTC."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

CONTINUOUS, CLOSED = "continuous", "closed"
CLOSING_AUCTION, PRE_MARKET, PRE_OPEN, OVERNIGHT = "closing_auction", "pre_market", "pre_open", "overnight"
POST_CLOSE, AFTER_HOURS = "post_close", "after_hours"
REGULAR = "regular"
# Where rows of phases overlap, the first of these is in force.
PHASES = (CONTINUOUS, CLOSING_AUCTION, PRE_OPEN, POST_CLOSE, PRE_MARKET, AFTER_HOURS, OVERNIGHT)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ExchangeView:
    """An exchange. `chain` are the codes whose rows hold for it, its own first, the owner of the calendar last."""

    code: str
    name: str
    country: str
    zone: str
    currency: str
    chain: tuple[str, ...]
    is_always_open: bool = False
    is_simulated: bool = False

    @property
    def calendar(self) -> str:
        """The exchange whose sessions it keeps."""
        return self.chain[-1]


@dataclass(frozen=True, slots=True)
class SessionView:
    """One trade date of an exchange: [opens_at, closes_at) of its continuous trading."""

    date: date
    kind: str
    opens_at: datetime
    closes_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A part of a regular day in local time, for as long as it is valid."""

    exchange: str
    kind: str
    segment: str
    starts: time
    ends: time
    valid_from: date
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether it is valid on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class HaltView:
    """A stop of trading, of all instruments (`instrument_id` is None) or of one; without an end until it is lifted."""

    id: int
    exchange: str
    kind: str
    starts_at: datetime
    ends_at: datetime | None
    reason: str
    instrument_id: int | None = None

    def holds_at(self, at: datetime) -> bool:
        """Whether trading is stopped at a time."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@dataclass(frozen=True, slots=True)
class Window:
    """A phase of one session: [starts_at, ends_at)."""

    kind: str
    date: date
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Calendar:
    """What is known of an exchange around some day: `sessions` in order of date, `phases` the exchange's own first.

    `first` and `last` bound the days that are known at all; they are None when nothing was loaded.
    """

    exchange: ExchangeView
    sessions: tuple[SessionView, ...] = ()
    holidays: Mapping[date, str] = field(default_factory=dict)
    phases: tuple[PhaseView, ...] = ()
    halts: tuple[HaltView, ...] = ()
    first: date | None = None
    last: date | None = None
    zone: ZoneInfo = field(init=False)
    dates: tuple[date, ...] = field(init=False)
    _windows: dict[tuple[date, str], tuple[Window, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", ZoneInfo(self.exchange.zone))
        object.__setattr__(self, "dates", tuple(session.date for session in self.sessions))
        object.__setattr__(self, "_windows", {})

    def is_loaded(self, day: date) -> bool:
        """Whether it is known if the exchange trades on a day."""
        if self.exchange.is_always_open:
            return True
        return self.first is not None and self.last is not None and self.first <= day <= self.last

    def day_of(self, at: datetime) -> date:
        """The exchange's date at a time."""
        return at.astimezone(self.zone).date()

    def session_on(self, day: date) -> SessionView | None:
        """The session of a trade date."""
        if self.exchange.is_always_open:
            opens_at, closes_at = self._utc(day, time()), self._utc(day + _DAY, time())
            return SessionView(day, REGULAR, opens_at, closes_at)
        index = bisect_left(self.dates, day)
        found = index < len(self.dates) and self.dates[index] == day
        return self.sessions[index] if found and self.is_loaded(day) else None

    def session_after(self, day: date) -> SessionView | None:
        """The first session of a later trade date."""
        if self.exchange.is_always_open:
            return self.session_on(day + _DAY)
        index = bisect_right(self.dates, day)
        found = self.sessions[index] if index < len(self.sessions) else None
        return found if found is not None and self.is_loaded(found.date) else None

    def session_before(self, at: datetime) -> SessionView | None:
        """The last session that was over at a time."""
        if self.exchange.is_always_open:
            return self.session_on(self.day_of(at) - _DAY)
        index = bisect_right(self.sessions, at, key=lambda session: session.closes_at) - 1
        return self.session_on(self.sessions[index].date) if index >= 0 else None

    def session_containing(self, at: datetime) -> SessionView | None:
        """The session whose continuous trading holds a time."""
        day = self.day_of(at)
        for near in (day, day - _DAY, day + _DAY):
            found = self.session_on(near)
            if found is not None and found.opens_at <= at < found.closes_at:
                return found
        return None

    def regular_hours(self, day: date) -> tuple[time, time] | None:
        """Local times between which the exchange trades on a regular day; None when no phase says."""
        regular = self._phases_on(day, CONTINUOUS, "")
        return (regular[0].starts, regular[-1].ends) if regular else None

    def halt_at(self, at: datetime, instrument_id: int | None = None) -> HaltView | None:
        """A halt of the exchange, else of the instrument, that is in force at a time."""
        found = [halt for halt in self.halts if halt.instrument_id in (None, instrument_id) and halt.holds_at(at)]
        return min(found, key=lambda halt: halt.instrument_id is not None, default=None)

    def window_at(self, at: datetime, segment: str = "") -> Window | None:
        """The phase in force at a time; a night session's evening belongs to the next trade date."""
        day = self.day_of(at)
        near = [window for offset in (-1, 0, 1) for window in self.windows_on(day + offset * _DAY, segment)]
        found = [window for window in near if window.starts_at <= at < window.ends_at]
        return min(found, key=lambda window: PHASES.index(window.kind), default=None)

    def trading_after(self, at: datetime, segment: str = "") -> Window | None:
        """The first continuous trading that begins later than a time."""
        day = self.day_of(at) - 2 * _DAY
        while (session := self.session_after(day)) is not None:
            for window in self.windows_on(session.date, segment):
                if window.kind == CONTINUOUS and window.starts_at > at:
                    return window
            day = session.date
        return None

    def windows_on(self, day: date, segment: str = "") -> tuple[Window, ...]:
        """The phases of a trade date, in order of time; none without a session."""
        if not any(phase.segment == segment for phase in self.phases):
            segment = ""
        kept = self._windows.get((day, segment))
        if kept is None:
            session = self.session_on(day)
            kept = () if session is None else self._windows_of(session, segment)
            if not self.exchange.is_always_open:  # an exchange of endless days would fill the memory
                self._windows[day, segment] = kept
        return kept

    def _windows_of(self, session: SessionView, segment: str) -> tuple[Window, ...]:
        day = session.date
        whole = Window(CONTINUOUS, day, session.opens_at, session.closes_at)
        regular = [] if self.exchange.is_always_open else self._phases_on(day, CONTINUOUS, "")
        if not regular:
            return (whole,)
        opens_by = session.opens_at - self._utc(day, regular[0].starts)
        closes_by = session.closes_at - self._utc(day, regular[-1].ends)
        found = []
        for kind in PHASES:
            for phase in self._phases_on(day, kind, segment):
                window = self._window(phase, day, opens_by, closes_by)
                if window.starts_at < window.ends_at:
                    found.append(window)
        if not any(window.kind == CONTINUOUS for window in found):  # too short a session for what the segment gives up
            found.append(whole)
        return tuple(sorted(found, key=lambda window: window.starts_at))

    def _window(self, phase: PhaseView, day: date, opens_by: timedelta, closes_by: timedelta) -> Window:
        """A phase on a day whose session opens and closes by so much later than a regular one."""
        wraps = phase.ends <= phase.starts
        first = day - _DAY if wraps and phase.kind == OVERNIGHT else day
        starts, ends = self._utc(first, phase.starts), self._utc(first + _DAY if wraps else first, phase.ends)
        if phase.kind == CONTINUOUS:
            return Window(phase.kind, day, starts + opens_by, ends + closes_by)
        if phase.kind == PRE_OPEN:
            return Window(phase.kind, day, starts + opens_by, ends + opens_by)
        if phase.kind == PRE_MARKET:
            return Window(phase.kind, day, starts, ends + opens_by)
        if phase.kind in (CLOSING_AUCTION, POST_CLOSE, AFTER_HOURS):
            return Window(phase.kind, day, starts + closes_by, ends + closes_by)
        return Window(phase.kind, day, starts, ends)

    def _phases_on(self, day: date, kind: str, segment: str) -> list[PhaseView]:
        """The rows of a kind for a segment, else those for all others.

        Of those the nearest exchange's count, and of these the ones that hold since the latest day.
        """
        valid = [phase for phase in self.phases if phase.kind == kind and phase.holds_on(day)]
        rows = [phase for phase in valid if phase.segment == segment] or [phase for phase in valid if not phase.segment]
        rows = [phase for phase in rows if phase.exchange == rows[0].exchange]
        since = max((phase.valid_from for phase in rows), default=day)
        rows = [phase for phase in rows if phase.valid_from == since]
        return sorted(rows, key=lambda phase: phase.starts)

    def _utc(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone).astimezone(UTC)
