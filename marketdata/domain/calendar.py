"""Sessions of the demo history: weekdays without the holidays of a US-like exchange, computed by rule."""

from datetime import date, timedelta

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6


def easter(year: int) -> date:
    """Easter Sunday (Gregorian, the anonymous algorithm)."""
    century, rest = divmod(year, 100)
    golden = year % 19
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _nth(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _last(year: int, month: int, weekday: int) -> date:
    final = date(year, month + 1, 1) - timedelta(days=1)
    return final - timedelta(days=(final.weekday() - weekday) % 7)


def _observed(day: date) -> date:
    """A holiday on Saturday is kept on Friday, one on Sunday on Monday."""
    shift = {SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0)
    return day + timedelta(days=shift)


def holidays(year: int) -> set[date]:
    """Days without a session."""
    fixed = [date(year, 7, 4), date(year, 12, 25)]
    if year >= 2022:
        fixed.append(date(year, 6, 19))
    new_year = date(year, 1, 1)
    days = {_observed(day) for day in fixed}
    if new_year.weekday() != SATURDAY:  # a Saturday New Year is not kept on the Friday of the old year
        days.add(_observed(new_year))
    return days | {
        _nth(year, 1, MONDAY, 3),
        _nth(year, 2, MONDAY, 3),
        easter(year) - timedelta(days=2),
        _last(year, 5, MONDAY),
        _nth(year, 9, MONDAY, 1),
        _nth(year, 11, THURSDAY, 4),
    }


def sessions(first: date, last: date) -> list[date]:
    """All sessions from `first` to `last`, both included."""
    closed = set().union(*(holidays(year) for year in range(first.year, last.year + 1)))
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return [day for day in days if day.weekday() < SATURDAY and day not in closed]
