"""Lists of holidays and special sessions that an operator loads: CSV in, the sessions of whole years out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from core.errors import Invalid
from marketdata.domain.rows import bad_rows, iso_date, rows_read, with_header

COLUMNS, HOURS = ("date", "name"), ("opens", "closes")
FEWEST_HOLIDAYS = 5  # on weekdays, a year: a list with fewer is not an exchange's list of a year
MAX_YEARS, MAX_ROWS = 5, 1_000
SATURDAY = 5
Hours = tuple[time, time]
HoursOf = Callable[[date], Hours | None]


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day that is not regular: closed, or with hours of its own."""

    date: date
    name: str
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class DaySession:
    """A session to be stored."""

    date: date
    kind: str
    opens_at: datetime
    closes_at: datetime
    note: str = ""


def csv_days(text: str) -> list[DayRow]:
    """Rows of CSV with the columns date and name, and opens and closes (HH:MM, local) where there is a session.

    Raises Invalid `bad_header`, `bad_rows` or `no_rows`.
    """

    def read(row: list[str]) -> DayRow:
        day, name = iso_date(row[0]), row[1].strip()
        if not 0 < len(name) <= 120:
            raise ValueError("the name is missing, or longer than 120 letters")
        opens, closes = (_time(cell) for cell in row[2:])
        if (opens is None) != (closes is None):
            raise ValueError("opens and closes are given both or neither")
        if opens is None or closes is None:
            return DayRow(day, name)
        if opens >= closes:
            raise ValueError("the session closes before it opens")
        return DayRow(day, name, (opens, closes))

    rows = rows_read(with_header(text, COLUMNS, HOURS), read)
    if not rows:
        raise Invalid("no_rows", "There are no days in the file.")
    if len(rows) > MAX_ROWS:
        raise Invalid("too_many_rows", f"The file has more than {MAX_ROWS} days.")
    seen: dict[date, int] = {}
    for line, row in rows:
        if seen.setdefault(row.date, line) != line:
            raise bad_rows([(line, f"{row.date} is there already, in row {seen[row.date]}")])
    return [row for _, row in rows]


def _time(cell: str) -> time | None:
    text = cell.strip()
    if not text:
        return None
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise ValueError(f"{text[:10]} is not a time such as 09:15") from error


def years_of(rows: Sequence[DayRow]) -> tuple[date, date]:
    """The first and the last day of the years that a list is of; raises Invalid when one of them is not complete."""
    years = sorted({row.date.year for row in rows})
    if years[-1] - years[0] >= MAX_YEARS:
        raise Invalid("too_many_years", f"A list is of {MAX_YEARS} years at most.", {"years": [years[0], years[-1]]})
    for year in range(years[0], years[-1] + 1):
        closed = [row for row in rows if row.date.year == year and row.hours is None and row.date.weekday() < SATURDAY]
        if len(closed) < FEWEST_HOLIDAYS:
            message = f"The list names {len(closed)} holidays on weekdays of {year}: it does not look complete."
            raise Invalid("list_incomplete", message, {"year": year, "holidays": len(closed)})
    return date(years[0], 1, 1), date(years[-1], 12, 31)


def days_of(
    rows: Iterable[DayRow], first: date, last: date, zone: ZoneInfo, hours: HoursOf
) -> tuple[list[DaySession], Mapping[date, str]]:
    """Sessions (every weekday that the list does not close, and special ones) and holidays of a span of days.

    Raises Invalid `no_hours` for a day of which regular hours are not known.
    """
    named = {row.date: row for row in rows}
    sessions, holidays = [], {}
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        row = named.get(day)
        if row is not None and row.hours is None:
            holidays[day] = row.name
        elif row is not None and row.hours is not None:
            kind = kind_of(day, row.hours, hours(day))
            sessions.append(session_at(day, kind, row.name, _always(row.hours), zone))
        elif day.weekday() < SATURDAY:
            sessions.append(session_at(day, "regular", "", hours, zone))
    return sessions, holidays


def _always(hours: Hours) -> HoursOf:
    return lambda _: hours


def session_at(day: date, kind: str, note: str, hours: HoursOf, zone: ZoneInfo) -> DaySession:
    """A session at the hours of a day; raises Invalid `no_hours` when they are not known."""
    found = hours(day)
    if found is None:
        message = f"Regular hours on {day} are not known: add a phase of continuous trading first."
        raise Invalid("no_hours", message, {"date": day.isoformat()})
    opens_at, closes_at = (datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in found)
    return DaySession(day, kind, opens_at, closes_at, note)


def kind_of(day: date, hours: Hours, regular: Hours | None) -> str:
    """What kind of session hours make, beside the regular ones of a day."""
    if day.weekday() >= SATURDAY or regular is None:
        return "special"
    if hours == regular:
        return "regular"
    if hours[0] == regular[0] and hours[1] < regular[1]:
        return "early_close"
    return "late_open" if hours[1] == regular[1] and hours[0] > regular[0] else "special"
