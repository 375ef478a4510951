"""Instants of the rules: resets and windows in IANA zones, daylight saving included. Pure; the clock is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)


@lru_cache(maxsize=256)
def zone_info(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises KeyError (ZoneInfoNotFoundError) or ValueError when there is none."""
    return ZoneInfo(name)


@dataclass(frozen=True, slots=True)
class Reset:
    """When a trading day ends and the next begins: a wall-clock time in an IANA zone."""

    time: time
    zone: str


def instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant of a wall-clock time.

    A time that occurs twice (clocks go back) is its first occurrence. A time that the clocks skip is as much later:
    02:30 where 02:00 becomes 03:00 is 03:30.
    """
    return datetime.combine(day, at, tzinfo=zone_info(zone)).astimezone(UTC)


def next_reset(after: datetime, at: time, zone: str) -> datetime:
    """The first instant strictly after `after` at which the zone's clock shows `at` (UTC)."""
    first = after.astimezone(zone_info(zone)).date()
    return next(found for step in range(-1, 4) if (found := instant(first + step * _DAY, at, zone)) > after)


def last_reset(at: datetime, reset: Reset) -> datetime:
    """The latest reset at or before `at` (UTC)."""
    first = at.astimezone(zone_info(reset.zone)).date()
    return next(
        found for step in range(1, -4, -1) if (found := instant(first + step * _DAY, reset.time, reset.zone)) <= at
    )


def day_name(opened_at: datetime, reset: Reset) -> str:
    """The trading day's name: the zone's date at the reset that opened it (YYYY-MM-DD)."""
    return opened_at.astimezone(zone_info(reset.zone)).date().isoformat()


def _next_wall(after: datetime, at: time, zone: str, days: tuple[str, ...]) -> datetime:
    found = next_reset(after, at, zone)
    while days and WEEKDAYS[found.astimezone(zone_info(zone)).weekday()] not in days:
        found = next_reset(found, at, zone)
    return found


def _last_wall(before: datetime, at: time, zone: str, days: tuple[str, ...]) -> datetime:
    found = last_reset(before, Reset(at, zone))
    while days and WEEKDAYS[found.astimezone(zone_info(zone)).weekday()] not in days:
        found = last_reset(found - timedelta(microseconds=1), Reset(at, zone))
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """A recurring span from one wall-clock time to another: every day, or on the weekdays named."""

    start: time
    end: time
    zone: str
    start_days: tuple[str, ...] = ()
    end_days: tuple[str, ...] = ()

    def began(self, at: datetime) -> datetime | None:
        """The start of the span that `at` lies in (start inclusive, end exclusive), or None outside."""
        start = _last_wall(at, self.start, self.zone, self.start_days)
        end = _last_wall(at, self.end, self.zone, self.end_days)
        return start if start > end else None

    def next_start(self, after: datetime) -> datetime:
        """The first start strictly after `after`."""
        return _next_wall(after, self.start, self.zone, self.start_days)

    def next_end(self, after: datetime) -> datetime:
        """The first end strictly after `after`."""
        return _next_wall(after, self.end, self.zone, self.end_days)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours on some weekdays. An end at or before the start lies on the next day; the weekday is the start's."""

    days: tuple[str, ...]
    start: time
    end: time

    def holds(self, at: datetime, zone: str) -> bool:
        """Whether `at` lies in the window by the zone's wall clock (start inclusive, end exclusive)."""
        local = at.astimezone(zone_info(zone))
        now, today = local.time(), WEEKDAYS[local.weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        yesterday = WEEKDAYS[local.weekday() - 1]
        return (today in self.days and now >= self.start) or (yesterday in self.days and now < self.end)


def add_months(at: datetime, months: int, zone: str) -> datetime:
    """`at` plus whole calendar months in the zone; a day that the month lacks becomes its last day (UTC)."""
    local = at.astimezone(zone_info(zone))
    index = local.month - 1 + months
    year, month = local.year + index // 12, index % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - _DAY).day
    return instant(date(year, month, min(local.day, last)), local.time(), zone)
