"""What is missing in an instrument's history, by the sessions of its exchange."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from core.errors import Invalid
from marketdata.adapters.bars_binary import table_read
from marketdata.domain.session_calendar import SessionView
from marketdata.models import CorporateAction, DailyBar, Instrument
from marketdata.selectors.sessions import sessions_between

MAX_RANGES = 50
_MINUTES = """
SELECT extract(epoch FROM at)::bigint FROM marketdata_intradaybar
WHERE instrument_id = %s AND minutes = %s AND at >= %s AND at < %s ORDER BY at
"""


@dataclass(frozen=True, slots=True)
class SessionGap:
    """A session of which bars of minutes are missing: how many of how many, and the first ranges [from, to)."""

    date: date
    expected: int
    missing: int
    ranges: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True)
class Gaps:
    """What is missing between two days: whole sessions, and minutes of sessions (when they were asked for).

    `strays` are days with a bar on which the exchange had no session that we know of.
    """

    symbol: str
    exchange: str
    first: date
    last: date
    sessions: int
    missing_days: tuple[date, ...]
    strays: tuple[date, ...]
    minutes: int | None = None
    missing_minutes: tuple[SessionGap, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing_days and not self.missing_minutes


def history_gaps(
    instrument: Instrument, *, first: date | None, last: date | None, minutes: int | None, now: datetime
) -> Gaps:
    """Gaps between two days, by default from the first stored bar to the last session that is over.

    After a delisting nothing is missing. Raises NotFound for an exchange that is not known, and Invalid.
    """
    if minutes is not None and not 0 < minutes < 1440:
        raise Invalid("bad_request", "Bars of a part of a day have 1 to 1439 minutes.", {"field": "minutes"})
    days = DailyBar.objects.filter(instrument=instrument).order_by("date").values_list("date", flat=True)
    first = first or days.first() or now.date()
    gone = instrument.corporate_actions.filter(kind=CorporateAction.Kind.DELISTING).values_list("ex_date", flat=True)
    last = min([last or now.date(), now.date(), *(day - timedelta(days=1) for day in gone)])
    if first > last:
        return Gaps(instrument.symbol, instrument.exchange, first, last, 0, (), (), minutes)
    found = [item for item in sessions_between(instrument.exchange, first, last) if item.closes_at <= now]
    stored = set(days.filter(date__range=(first, last)))
    expected = {item.date for item in found}
    return Gaps(
        symbol=instrument.symbol,
        exchange=instrument.exchange,
        first=first,
        last=last,
        sessions=len(found),
        missing_days=tuple(sorted(expected - stored)),
        strays=tuple(sorted(stored - expected)),
        minutes=minutes,
        missing_minutes=() if minutes is None else tuple(_of_minutes(instrument.pk, minutes, found)),
    )


def _of_minutes(instrument_id: int, minutes: int, sessions: list[SessionView]) -> list[SessionGap]:
    """Sessions with missing bars, read a month at a time."""
    step, gaps = minutes * 60, []
    for _, group in groupby(sessions, key=lambda item: (item.date.year, item.date.month)):
        month = list(group)
        bounds = [month[0].opens_at, month[-1].closes_at]
        stored = set(table_read(_MINUTES, [instrument_id, minutes, *bounds], 1)[:, 0].tolist())
        for session in month:
            opens, closes = (int(at.timestamp()) for at in (session.opens_at, session.closes_at))
            expected = range(-(-opens // step) * step, closes, step)
            absent = [second for second in expected if second not in stored]
            if absent:
                gaps.append(SessionGap(session.date, len(expected), len(absent), _ranges(absent, step)))
    return gaps


def _ranges(seconds: list[int], step: int) -> tuple[tuple[datetime, datetime], ...]:
    """Consecutive bars as ranges, the first fifty."""
    found: list[list[int]] = []
    for second in seconds:
        if found and found[-1][1] == second:
            found[-1][1] = second + step
        else:
            found.append([second, second + step])
    return tuple(
        (datetime.fromtimestamp(begin, tz=UTC), datetime.fromtimestamp(end, tz=UTC))
        for begin, end in found[:MAX_RANGES]
    )
