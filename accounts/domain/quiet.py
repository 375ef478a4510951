"""Quiet hours and digests: from when on somebody may be told, by the clock on their own wall. Pure."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DIGEST_HOUR = 8
MONDAY = 0
_DAY = timedelta(days=1)


def zone_of(name: str) -> tzinfo:
    """The time zone of this name; UTC for a name that there is not."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):  # a folder, a path, no such name
        return UTC


def is_quiet(wall: time, start: time | None, end: time | None) -> bool:
    """Whether a wall clock shows quiet hours. They may pass midnight; from and until the same hour there are none."""
    if start is None or end is None or start == end:
        return False
    return start <= wall < end if start < end else wall >= start or wall < end


def quiet_until(at: datetime, zone: tzinfo, start: time | None, end: time | None) -> datetime | None:
    """The first instant from `at` on at which it is not quiet, in UTC; None when it is not quiet at `at`.

    Where the clocks are put forward over the end of the quiet hours, they end with that; where they are put back into
    them, the hours end when the wall first shows their end.
    """
    now = at.astimezone(UTC)
    found: datetime | None = None
    while start is not None and end is not None and is_quiet(_wall(now, zone), start, end):
        due = now + _until(_wall(now, zone), end)
        now = found = min(due, _shift(now, due, zone))
    return found


def digest_at(at: datetime, zone: tzinfo, *, weekly: bool) -> datetime:
    """The next time after `at` that a digest goes out, in UTC: eight in the morning; once a week on Monday."""
    today = at.astimezone(zone).date()
    for day in (today + _DAY * number for number in range(15)):
        due = datetime.combine(day, time(DIGEST_HOUR), tzinfo=zone).astimezone(UTC)
        if due > at and (not weekly or day.weekday() == MONDAY):
            return due
    raise AssertionError("every week has a Monday")


def _wall(at: datetime, zone: tzinfo) -> time:
    return at.astimezone(zone).time()


def _until(wall: time, end: time) -> timedelta:
    """How long until the wall shows `end`, where no clock is put forward or back."""
    return (_since_midnight(end) - _since_midnight(wall)) % _DAY


def _since_midnight(wall: time) -> timedelta:
    return timedelta(hours=wall.hour, minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)


def _shift(low: datetime, high: datetime, zone: tzinfo) -> datetime:
    """The instant in (low, high] from which the zone's offset is another than at `low`; `high` when there is none."""
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return high
    low = low.replace(microsecond=0)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
