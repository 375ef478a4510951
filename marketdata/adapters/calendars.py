"""Calendars of the exchange_calendars library. It is imported (with pandas) when a calendar is loaded, never before."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from core.errors import Invalid


@dataclass(frozen=True, slots=True)
class LibrarySession:
    """One session as the library says it; `is_early` and `is_late` by the library's own rules."""

    date: date
    opens_at: datetime
    closes_at: datetime
    is_early: bool
    is_late: bool


def library_version() -> str:
    """The library and its version, as a row's source."""
    from importlib.metadata import version

    return f"exchange_calendars {version('exchange_calendars')}"


def library_sessions(name: str, first: date, last: date) -> list[LibrarySession]:
    """The sessions of a calendar from `first` to `last`, both included.

    Raises Invalid `calendar_unknown` for days that the library does not know, so that nobody takes them for weekdays.
    """
    import exchange_calendars  # type: ignore[import-untyped]
    from exchange_calendars.errors import CalendarError  # type: ignore[import-untyped]

    try:
        calendar = exchange_calendars.get_calendar(name, start=first.isoformat(), end=last.isoformat())
        early, late = ({stamp.date() for stamp in days} for days in (calendar.early_closes, calendar.late_opens))
        return [
            LibrarySession(
                stamp.date(),
                opens.to_pydatetime().astimezone(UTC),
                closes.to_pydatetime().astimezone(UTC),
                stamp.date() in early,
                stamp.date() in late,
            )
            for stamp, opens, closes in zip(
                calendar.schedule.index, calendar.schedule["open"], calendar.schedule["close"], strict=True
            )
        ]
    except (CalendarError, ValueError) as error:
        details = {"calendar": name, "first": first.isoformat(), "last": last.isoformat()}
        raise Invalid(
            "calendar_unknown", f"The calendar {name} is not known for all of these days.", details
        ) from error
